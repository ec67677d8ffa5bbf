"""A fault of the operator's own costs one model a run: its status says so, its keys go on, and it is tried again."""

import pytest

from tests import clock, harness
from vllm_operator.controller import planning
from vllm_operator.kube import errors, kinds, naming
from vllm_operator.status import summary

HIDDEN = "sk-a-value-that-nobody-else-may-read"
GUARD = naming.guard_secret(harness.KEY.name)


def fail(*_: object, **__: object) -> None:
    raise TypeError(HIDDEN)


@pytest.mark.parametrize("stage", [(planning, "inputs"), (summary, "status")], ids=["before the plan", "in the status"])
def test_a_client_is_revoked_and_the_status_names_the_place_without_the_words(
    stage: tuple[object, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @clock.virtual
    async def scenario() -> None:
        home = harness.OperatorHarness()
        await home.begin({"name": "a"}, {"name": "b"})
        revoked, kept = home.key("a"), home.key("b")
        with monkeypatch.context() as broken:
            broken.setattr(*stage, fail)
            await home.change({"name": "b"})
            with pytest.raises(TypeError):  # the queue logs it with its traceback, and tries again
                await home.run()
        ready = home.condition("Ready")
        assert (ready["status"], ready["reason"]) == ("False", "OperatorFailed")
        assert "TypeError in test_faults.py, line" in ready["message"]
        assert HIDDEN not in str(home.api.objects)
        assert (home.accepts(revoked), home.accepts(kept)) == (False, True)
        await home.go_on()
        assert home.condition("Ready")["reason"] != "OperatorFailed"

    scenario()


@clock.virtual
async def test_a_fault_is_written_once(monkeypatch: pytest.MonkeyPatch) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    monkeypatch.setattr(planning, "inputs", fail)
    for turn in range(3):
        before = home.writes()
        with pytest.raises(TypeError):
            await home.run()
        assert turn == 0 or home.writes() == before


@clock.virtual
async def test_a_fault_that_no_key_can_be_written_in_is_said_too(monkeypatch: pytest.MonkeyPatch) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    monkeypatch.setattr(planning, "inputs", fail)
    monkeypatch.setattr(planning, "of_servers", fail)
    with pytest.raises(TypeError):
        await home.run()
    assert home.condition("Ready")["reason"] == "OperatorFailed"
    assert home.accepts(home.key("a"))


@clock.virtual
async def test_a_guards_secret_that_cannot_be_read_is_said_and_left_as_it_is() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    await home.api.edit_by("admin", home.ref(GUARD), {"metadata": {"labels": {naming.MODEL_LABEL: None}}})
    before, key = home.api.objects[home.ref(GUARD)], home.key("a")
    refused = home.api.troubles.fail(errors.Denied(403, "Forbidden", "you may not get this"), "get", name=GUARD)
    await home.change({"name": "b"}, replicas=2)
    await home.run()
    ready = home.condition("Ready")
    assert ready["reason"] == "WriteRefused"
    assert f"Secret {GUARD}: you may not get this" in ready["message"]
    assert home.api.objects[home.ref(GUARD)] == before
    assert home.api.objects[kinds.Ref("Deployment", *harness.KEY)]["spec"]["replicas"] == 2, "all else goes on"
    assert (home.again or 0) <= 15
    home.api.troubles.end(refused)
    await home.run()
    assert not home.accepts(key)


@clock.virtual
async def test_a_guards_secret_of_which_nobody_can_tell_whether_it_is_there_is_not_made_without_keys() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    await home.delete(GUARD)
    refused = home.api.troubles.fail(errors.Unavailable(500, "InternalError", "no"), "get", name=GUARD)
    await home.run()
    assert home.condition("Ready")["reason"] == "WriteFailed"
    assert home.ref(GUARD) not in home.api.objects
    home.api.troubles.end(refused)
    await home.run()
    assert home.accepts(home.key("a"))
