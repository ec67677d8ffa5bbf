"""docs/recipes.md: the health check for Argo CD, run on every status of the tests, and the reasons of the one for Flux."""

import re
from typing import Any

import lupa.luajit21
import pytest

from dev import paths
from tests import observations, pages
from tests.reference import troubles
from tests.unit.status import test_status_table
from tests.unit.status.rows import Row
from vllm_operator.status import conditions

PAGE = (paths.ROOT / "docs/recipes.md").read_text()
SCRIPT = next(block.text for block in pages.blocks(PAGE) if block.language == "lua")
STOPPED = ("Paused", "ScaledToZero")


def health(model: dict[str, Any]) -> tuple[str, str]:
    """Return what the script says of a model: status and message."""
    runtime = lupa.luajit21.LuaRuntime()
    runtime.globals().obj = runtime.table_from(model, recursive=True)
    said = runtime.execute(SCRIPT)
    return said.status, said.message


def expected(ready: dict[str, Any]) -> str:
    if ready["status"] == "True":
        return "Healthy"
    if ready["reason"] in STOPPED:
        return "Suspended"
    return "Progressing" if ready["reason"] in conditions.CALM else "Degraded"


@pytest.mark.parametrize("row", test_status_table.ROWS, ids=lambda row: row.promise)
def test_argo_cd_is_told_what_the_status_says(row: Row) -> None:
    body = observations.status(test_status_table.state(row), test_status_table.settings(row))
    ready = next(one for one in body["conditions"] if one["type"] == "Ready")
    generation = body["observedGeneration"]
    model = {"metadata": {"generation": generation}, "status": body}
    assert health(model) == (expected(ready), f"{ready['reason']}: {ready['message']}")
    assert health({**model, "metadata": {"generation": generation + 1}})[0] == "Progressing"


def test_a_model_without_a_status_is_on_its_way() -> None:
    assert health({"metadata": {"generation": 1}})[0] == "Progressing"


def test_flux_gives_up_on_reasons_that_there_are() -> None:
    named = re.search(r"c\.reason in \[(.*?)\]", PAGE)
    assert named
    assert set(re.findall(r"\w+", named[1])) <= set(troubles.rows()) - set(conditions.CALM)
