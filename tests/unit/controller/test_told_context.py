"""The context that vLLM chose stays in the status, for an operator that takes over before it has asked any server."""

from typing import Any

import pytest

from tests import harness

AUTO = {"maxModelLen": "auto"}


async def told(engine: dict[str, Any], before: object) -> object:
    """Return what a new operator tells of a model with that engine, whose status told `before`."""
    home = harness.OperatorHarness()
    await home.begin(engine=engine)
    model = home.api.objects[harness.MODEL]
    home.api.objects[harness.MODEL] = {**model, "status": {**model["status"], "maxModelLen": before}}
    await home.run()
    return home.api.objects[harness.MODEL]["status"].get("maxModelLen")


async def test_a_restart_of_the_operator_forgets_no_chosen_context() -> None:
    assert await told(AUTO, 8192) == 8192


async def test_a_context_that_the_spec_names_is_told_once_a_server_has_it() -> None:
    assert await told({"maxModelLen": 4096}, 8192) is None


async def test_a_context_that_the_weights_decide_is_told_no_more() -> None:
    assert await told({}, 8192) is None


@pytest.mark.parametrize("garbled", ["8192", [8192], {}])
async def test_a_status_that_somebody_garbled_tells_no_context(garbled: object) -> None:
    assert await told(AUTO, garbled) is None
