"""What is generated against its sources: `python -m tests.generated` fails where a file is stale, `--write` writes it."""

import io
import json
import pathlib
import re
import sys

import yaml

from tests import chart
from tests.bench.scale import tables
from vllm_operator import crd
from vllm_operator.render import text as manifests

ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = "# Generated from operator/vllm_operator/api: `make generate`.\n"
KEEP = """{{- if .Values.crds.install }}
"""


def files() -> dict[pathlib.Path, str]:
    """Return the content of each generated file."""
    plain = crd.crd()
    kept = {**plain, "metadata": {**plain["metadata"], "annotations": {"helm.sh/resource-policy": "keep"}}}
    return {
        ROOT / "crds/modeldeployments.yaml": HEADER + _yaml(plain),
        ROOT / "charts/vllm-operator/templates/crd.yaml": f"{KEEP}{HEADER}{_yaml(kept)}{{{{- end }}}}\n",
        ROOT / "docs/chart.md": _with_values((ROOT / "docs/chart.md").read_text()),
        **tables.files(),
    }


def _with_values(page: str) -> str:
    """Return the page with the table of the chart's values between its two marks."""
    rows = [_row(value) for value in chart.values()]
    table = "\n".join(["", "| value | default | what it does |", "|---|---|---|", *rows, ""])
    return re.sub("(?s)(?<=<!-- values -->).*(?=<!-- /values -->)", lambda _: table, page)


def _row(value: chart.Value) -> str:
    said = value.schema["description"].replace("<", "&lt;")
    return f"| `{value.path}` | `{json.dumps(value.default)}` | {said} |"


def _yaml(obj: object) -> str:
    text = io.StringIO()
    yaml.dump(obj, text, manifests.Dumper, sort_keys=False, width=120)
    return text.getvalue()


def main(argv: list[str]) -> int:
    """Write the files, or name the stale ones."""
    stale = [path for path, text in files().items() if not path.exists() or path.read_text() != text]
    if "--write" in argv:
        for path in stale:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(files()[path])
        return 0
    for path in stale:
        sys.stderr.write(f"{path.relative_to(ROOT)} is not what its source says: run `make generate`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
