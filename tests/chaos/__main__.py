"""`make chaos`: every workload with every fault, a kill at each of its writes; each run is named, and told where it went wrong.

`make chaos ARGS="'two: killed'"` does those alone whose names hold one of the words given; a run is the same each time. What was
found lies in .artifacts/chaos/. Ends with 1 where a run went wrong.
"""

import collections
import concurrent.futures
import json
import logging
import os
import sys
import time

from dev import paths, progress
from tests.chaos import runs, workloads

FOLDER = paths.ARTIFACTS / "chaos"


def main(words: list[str]) -> int:
    """Do the runs, on all processors."""
    begun, found = time.monotonic(), dict[str, tuple[str, ...]]()
    with concurrent.futures.ProcessPoolExecutor(os.cpu_count(), initializer=_quiet) as pool:
        for done in pool.map(_of_workload, workloads.WORKLOADS, [words] * len(workloads.WORKLOADS)):
            found |= done
    seconds, wrong = time.monotonic() - begun, {name: what for name, what in found.items() if what}
    progress.say(f"\n{len(found)} runs, {len(wrong)} of them wrong, in {seconds:.0f} s")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kinds = collections.Counter(name.partition(": ")[2].partition(" write")[0].rstrip(" 0123456789") for name in found)
    figures = {"runs": len(found), "seconds": round(seconds), "wrong": wrong, "by fault": kinds, "names": list(found)}
    (FOLDER / "figures.json").write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if wrong or not found else 0


def _of_workload(workload: str, words: list[str]) -> dict[str, tuple[str, ...]]:
    chosen = [run for run in runs.every(workload) if not words or any(word in run.name for word in words)]
    return {run.name: _told(run) for run in chosen}


def _told(run: runs.Run) -> tuple[str, ...]:
    wrong = runs.wrong(run)
    progress.say("\n".join([f"{'WRONG' if wrong else 'ok   '} {run.name}", *wrong]))
    return wrong


def _quiet() -> None:
    logging.disable()


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
