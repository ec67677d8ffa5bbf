"""What is generated against its sources: `python -m tests.generated` fails where a file is stale, `--write` writes it."""

import functools
import io
import json
import pathlib
import re
import sys

import yaml

from tests import chart
from tests.bench.scale import tables
from tests.reference import dashboards, fields, metrics, security, troubles
from vllm_operator import crd
from vllm_operator.engine import allowance, table
from vllm_operator.render import text as manifests

ROOT = pathlib.Path(__file__).resolve().parent.parent
CHART = ROOT / "charts/vllm-operator"
HEADER = "# Generated from operator/vllm_operator/api: `make generate`.\n"
METADATA = """\
  {{- $keep := ternary (dict "helm.sh/resource-policy" "keep") (dict) .Values.crds.keep }}
  {{- include "vllm-operator.metadata" (list . (dict) $keep) | nindent 2 }}
"""


def files() -> dict[pathlib.Path, str]:
    """Return the content of each generated file."""
    plain = HEADER + _yaml(crd.crd())
    return {
        ROOT / "crds/modeldeployments.yaml": plain,
        CHART / "templates/crd.yaml": _crd_of_chart(plain),
        CHART / "files/engine-names.json": json.dumps(_engine_names(), indent=1) + "\n",
        CHART / "files/alerts.yaml": (ROOT / "docs/alerts.yaml").read_text(),
        **{CHART / "files/dashboards" / f"{name}.json": text for name, text in dashboards.files().items()},
        CHART / "README.md": _with("values", _values(), CHART / "README.md"),
        ROOT / "docs/chart.md": _with("values", _values(), ROOT / "docs/chart.md"),
        ROOT / "docs/engine.md": _with("options", _asked(), ROOT / "docs/engine.md"),
        ROOT / "docs/metrics.md": _with("operator", metrics.lines(), ROOT / "docs/metrics.md"),
        ROOT / "docs/security.md": _security(),
        ROOT / "docs/modeldeployment.md": fields.page(),
        ROOT / "docs/troubleshooting.md": troubles.page(),
        **tables.files(),
    }


def _crd_of_chart(plain: str) -> str:
    """Return the CRD as a template: with the chart's labels and annotations, and only where it is wanted."""
    before, name, after = plain.partition("  name: modeldeployments.serving.byteshop.in\n")
    return f"{{{{- if .Values.crds.install }}}}\n{before}{name}{METADATA}{after}{{{{- end }}}}\n"


def _engine_names() -> dict[str, list[str]]:
    """Return what of an engine needs no admin, as the chart's policy compares it."""
    shown = [name for name, row in table.variables().items() if row.secret == table.ADMIN]
    return {
        **_whole("options", "beginnings", allowance.safe_options()),
        **_whole("optionsWithoutRemoteCode", "beginningsWithoutRemoteCode", allowance.safe_options(beside_code=True)),
        "closing": list(allowance.closing()),
        "variables": list(allowance.safe_variables()),
        "variablesShown": sorted(shown),
    }


def _whole(exact: str, beginnings: str, names: tuple[str, ...]) -> dict[str, list[str]]:
    """Return names, and beginnings of names without the mark at their end, each under its own key."""
    begin = [name.removesuffix(allowance.ANY) for name in names if name.endswith(allowance.ANY)]
    return {exact: [name for name in names if not name.endswith(allowance.ANY)], beginnings: begin}


def _security() -> str:
    """Return the page of claims with its tables."""
    page = ROOT / "docs/security.md"
    return functools.reduce(lambda text, table: _between(*table, text), security.tables().items(), page.read_text())


def _with(mark: str, lines: list[str], page: pathlib.Path) -> str:
    """Return the page with these lines between its two marks."""
    return _between(mark, lines, page.read_text())


def _between(mark: str, lines: list[str], text: str) -> str:
    shown = "\n".join(["", *lines, ""])
    return re.sub(f"(?s)(?<=<!-- {mark} -->).*(?=<!-- /{mark} -->)", lambda _: shown, text)


def _values() -> list[str]:
    """Return the table of the chart's values."""
    rows = [_row(value) for value in chart.values()]
    return ["", "| value | default | what it does |", "|---|---|---|", *rows]


def _asked() -> list[str]:
    """Return what needs an admin, by reason: options with what of them needs none, and variables."""
    return [
        "", "| options that need `allow.engineArgs` | reason | needs nobody's leave |", "|---|---|---|",
        *(_reason(table.options(), why, "--") for why in _reasons(table.options(), table.ADMIN)),
        *(_reason(table.options(), why, "--") for why in _reasons(table.options(), table.DATA)),
        "", "| variables that need `allow.engineEnv` | reason |", "|---|---|",
        *(_reason(table.variables(), why, "") for why in _reasons(table.variables(), table.ADMIN)),
    ]  # fmt: skip


def _reasons(rows: table.Rows, sort: str) -> list[str]:
    return sorted({row.why for row in rows.values() if row.sort == sort})


def _reason(rows: table.Rows, why: str, dashes: str) -> str:
    """Return the line of a table with what needs an admin for one reason."""
    names = [name for name, row in sorted(rows.items()) if row.why == why and not re.search("[.=]", name)]
    own = [part for name in names for part in allowance.parts(name)] if dashes else []
    free = f" {', '.join(f'`{part}`' for part in own) or '-'} |" if dashes else ""
    return f"| {', '.join(f'`{dashes}{name}`' for name in names)} | {why} |{free}"


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
