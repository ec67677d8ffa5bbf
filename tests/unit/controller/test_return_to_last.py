"""A version that is not verified in time gives way to the last one that was, and is tried again when the spec asks for another.

Every three seconds an operator is started anew, so nothing that is decided here is remembered by a process.
"""

from typing import Any

from tests import clock, servers
from tests.harness import MODEL
from tests.unit.controller.test_rollout_strategy import ASKED, engine, served
from vllm_operator.kube.conditions import ConditionValue

RETURN = {"rollout": {"returnAfter": "2m"}}
BAD = {**ASKED, **engine("--seed=666")}
WORSE = {**ASKED, **engine("--seed=667")}


def is_good(container: dict[str, Any]) -> bool:
    return not any("--seed=66" in one for one in container["args"])


async def tried(gpus: int, **more: Any) -> servers.ServerHarness:
    """Return a model of which a version that never answers was rolled out, a second ago."""
    model = await served(gpus, **RETURN)
    model.works = is_good
    await model.change(**{**BAD, **RETURN, **more})
    await model.passes(1)
    return model


@clock.virtual
async def test_until_then_the_last_version_serves_and_what_is_wrong_is_said() -> None:
    model = await tried(2)
    await model.passes(100)
    assert model.again is not None
    assert 0 < model.again <= 30, "no event tells of the end of its time"
    assert model.least == 1
    assert (model.condition("Available")["status"], model.condition("Ready")["reason"]) == ("True", "EngineFailed")


@clock.virtual
async def test_a_version_that_is_not_verified_in_time_gives_way_and_its_failure_is_told() -> None:
    model = await tried(2)
    seconds = await model.settles("ReturnedToLast")
    assert 115 < seconds < 125
    await model.passes(30)
    ready = model.condition("Ready")
    assert ready["reason"] == "ReturnedToLast"
    assert "EngineFailed: ValueError: boom" in ready["message"]
    assert "change the spec, or its upgrade annotation, to try again" in ready["message"]
    assert (model.least, len(model.pods())) == (1, 1)
    assert model.condition("Progressing")["status"] == "False"


@clock.virtual
async def test_where_the_last_version_had_to_make_room_it_comes_back() -> None:
    model = await tried(1)
    await model.settles("ReturnedToLast")
    await model.passes(40)
    assert [("--seed" in arguments) for arguments in model.ready()] == [False]
    assert model.condition("Available")["status"] == "True"
    assert model.condition("Ready")["reason"] == "ReturnedToLast"


@clock.virtual
async def test_a_version_that_gave_way_stays_away_and_all_but_its_servers_goes_on() -> None:
    model = await tried(2)
    await model.settles("ReturnedToLast")
    await model.change(**BAD, **RETURN, replicas=2, access={"clients": [{"name": "new"}]})
    await model.passes(300)
    assert len(model.ready()) == 2
    assert not any("--seed" in arguments for arguments in model.ready())
    assert model.accepts(model.key("new"))
    assert model.condition("Ready")["reason"] == "ReturnedToLast"


@clock.virtual
async def test_another_version_is_tried_and_so_is_the_same_one_afterwards() -> None:
    model = await tried(2)
    await model.settles("ReturnedToLast")
    await model.change(**WORSE, **RETURN)
    await model.settles("EngineFailed")
    model.works = lambda _: True
    await model.change(**BAD, **RETURN)
    await model.passes(60)
    assert model.condition("Ready")["reason"] == "Serving"
    assert ["--seed=666" in arguments for arguments in model.ready()] == [True]


@clock.virtual
async def test_a_new_value_of_the_upgrade_annotation_tries_again() -> None:
    model = await tried(2)
    await model.settles("ReturnedToLast")
    model.works = lambda _: True
    await model.api.edit_by("admin", MODEL, {"metadata": {"annotations": {"serving.byteshop.in/upgrade": "again"}}})
    await model.passes(60)
    assert model.condition("Ready")["reason"] == "Serving"
    assert ["--seed=666" in arguments for arguments in model.ready()] == [True]


@clock.virtual
async def test_after_two_bad_versions_it_is_the_verified_one_that_serves_again() -> None:
    model = await tried(2)
    await model.passes(30)
    await model.change(**WORSE, **RETURN)
    await model.settles("ReturnedToLast")
    await model.passes(30)
    assert [("--seed" in arguments) for arguments in model.ready()] == [False]


@clock.virtual
async def test_a_first_version_has_nothing_to_give_way_to() -> None:
    model = servers.ServerHarness(1)
    model.works = is_good
    await model.begin(**BAD, **RETURN)
    await model.passes(200)
    assert model.condition("Ready")["reason"] == "EngineFailed"
    await model.change(**WORSE, **RETURN)
    await model.passes(300)
    assert model.condition("Ready")["reason"] == "EngineFailed"


@clock.virtual
async def test_a_version_that_was_verified_stays_whatever_becomes_of_it() -> None:
    model = await tried(2)
    model.works = lambda _: True
    await model.settles("Serving")
    await model.passes(10)
    model.works = is_good
    model.lose(model.pods()[0]["metadata"]["name"])
    await model.passes(200)
    assert model.condition("Ready")["reason"] == "EngineFailed"


@clock.virtual
async def test_without_a_time_no_version_gives_way() -> None:
    model = await served(2)
    model.works = is_good
    await model.change(**BAD)
    await model.passes(300)
    assert model.condition("Ready")["reason"] == "EngineFailed"
    await model.change(**BAD, **RETURN)
    await model.passes(2)
    assert model.condition("Ready")["reason"] == "ReturnedToLast"
    await model.api.edit_by("admin", MODEL, {"spec": {"rollout": None}})
    await model.settles("EngineFailed")


@clock.virtual
async def test_the_time_of_a_model_without_servers_stands_still() -> None:
    model = await served(2, **RETURN)
    model.works = is_good
    await model.change(**BAD, **RETURN, replicas=0)
    await model.passes(200)
    await model.change(**BAD, **RETURN)
    await model.passes(100)
    assert model.condition("Ready")["reason"] == "EngineFailed"
    await model.settles("ReturnedToLast", 30)


@clock.virtual
async def test_servers_that_all_answer_are_too_busy_to_be_asked_and_stay() -> None:
    model = await served(2, **RETURN)
    model.answer = None
    await model.change(**{**ASKED, **engine("--seed=1")}, **RETURN)
    await model.passes(200)
    assert model.condition("Ready")["reason"] == "Serving"
    assert ["--seed=1" in arguments for arguments in model.ready()] == [True]


@clock.virtual
async def test_servers_that_all_answer_wrongly_give_way() -> None:
    model = await served(2, **RETURN)
    model.answer = ConditionValue("False", "AnswerWrong", "a request was answered 500")
    await model.change(**{**ASKED, **engine("--seed=1")}, **RETURN)
    await model.passes(150)
    model.answer = servers.RIGHT
    await model.passes(60)
    assert model.condition("Ready")["reason"] == "ReturnedToLast"
    assert "VerificationFailed: a request was answered 500" in model.condition("Ready")["message"]
