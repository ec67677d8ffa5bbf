"""What the operator costs as models grow in number, beside the floor: a bare writer of the same objects.

    make bench ONLY=scale                                               100 and 300 models, some minutes
    make bench ONLY=scale MODELS="100 1000 3000 10000" RUNS=3 REST=300  the long form, some hours

Every run begins on fresh clusters, for Services with a cluster IP get dearer with their number. What was found so far lies in
.artifacts/bench/scale-runs.json; tables.py makes docs/performance.md of it.
"""

import json
import os

import uvloop

from tests.bench import figures
from tests.bench.scale import recording, report, scenarios

MODELS = [int(count) for count in os.environ.get("MODELS", "100 300").split()]
RUNS = int(os.environ.get("RUNS", "3"))
KEPT = figures.FOLDER / "scale-runs.json"


def main() -> list[figures.Figure]:
    """Measure; return the figures, with what was promised of them."""
    about = figures.machine()
    recorded = uvloop.run(scenarios.record())
    found: list[report.Run] = []
    for number in range(RUNS):
        for models in (0, *MODELS):
            found.append(report.Run(number, models, *uvloop.run(_run(models, recorded))))
            _keep(about, found)
    return report.figures(found)


async def _run(models: int, recorded: recording.Recording) -> tuple[scenarios.Phases, scenarios.Phases]:
    if models:
        return await scenarios.bare(models, recorded), await scenarios.crowd(models)
    return await scenarios.single_bare(recorded), await scenarios.single()


def _keep(about: dict[str, str], runs: list[report.Run]) -> None:
    """Write what there is so far: a long form may be ended early."""
    KEPT.parent.mkdir(parents=True, exist_ok=True)
    KEPT.write_text(json.dumps({"machine": about, "runs": [run._asdict() for run in runs]}, indent=1) + "\n")
