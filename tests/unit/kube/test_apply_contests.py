"""What somebody puts back three times in a minute is reported and left for a while, by whatever means; a Secret is repaired."""

from typing import Any

import pytest

from tests import clock, samples
from tests.applier_bench import Bench
from vllm_operator.kube import kinds, naming

SELECTOR = {"spec": {"selector": {"app": "other"}}}
NO_HASH = {"metadata": {"annotations": {naming.HASH_ANNOTATION: None}}}
OTHER_HASH = {"metadata": {"annotations": {naming.HASH_ANNOTATION: "another operator's"}}}


async def fight(bench: Bench, wanted: kinds.Object, edit: kinds.Object, takes: list[str], times: int = 3) -> None:
    """Let a tool change the object, and ours be put back, `times` times within a minute; each `takes` these writes."""
    for _ in range(times):
        await change(bench, wanted, edit)
        assert await bench.ensure(wanted) == takes
        bench.now += 5


async def change(bench: Bench, wanted: kinds.Object, edit: kinds.Object) -> None:
    await bench.api.edit_by("tool", kinds.ref(wanted), edit)
    bench.store.put(bench.live(wanted))


async def contested(bench: Bench, wanted: kinds.Object) -> str:
    """Return what is said of the object, after a look that wrote nothing."""
    bench.writes()
    written = await bench.writer.ensure_all([wanted], bench.owner)
    assert bench.writes() == []
    [said] = written.failures.values()
    assert said.reason == "FieldContested"
    return said.message


@pytest.mark.parametrize(
    "edit", [SELECTOR, {**SELECTOR, **NO_HASH}, {**SELECTOR, **OTHER_HASH}], ids=["edit", "replace", "other operator"]
)
def test_a_field_is_left_and_repaired_again_later_whatever_becomes_of_our_hash(edit: kinds.Object) -> None:
    @clock.virtual
    async def scenario() -> None:
        bench = Bench()
        wanted = bench.all()[3]
        for _ in range(2):  # the second look knows what was written
            await bench.ensure(*bench.all())
        await fight(bench, wanted, edit, ["patch"])
        await change(bench, wanted, edit)
        assert "/spec/selector" in await contested(bench, wanted)
        bench.now += 301
        assert await bench.ensure(wanted) == ["patch"]

    scenario()


@clock.virtual
async def test_an_object_that_is_made_anew_each_time_is_left_too() -> None:
    bench = Bench()
    notes = {naming.WEIGHTS_ANNOTATION: "a/b/c", naming.FETCH_ANNOTATION: "d"}
    wanted = naming.child(kinds.JOB, bench.owner, "vllm11-fetch", "fetch", spec={"template": {"spec": {}}})
    wanted["metadata"]["annotations"] = notes
    await bench.ensure(wanted)
    edit = {"metadata": {"annotations": {naming.FETCH_ANNOTATION: None}}}
    await fight(bench, wanted, edit, ["delete", "create"])
    await change(bench, wanted, edit)
    assert "spec.template" in await contested(bench, wanted)
    bench.now += 301
    assert await bench.ensure(wanted) == ["delete", "create"]


@clock.virtual
async def test_labels_that_somebody_takes_off_again_and_again_are_left() -> None:
    bench = Bench()
    wanted = bench.all()[3]
    await bench.ensure(wanted)
    for _ in range(3):
        await change(bench, wanted, {"metadata": {"labels": None}})
        written = await bench.writer.ensure_all([wanted], bench.owner)
        assert written.stale == {kinds.ref(wanted)}
    await change(bench, wanted, {"metadata": {"labels": None}})
    bench.writes()
    written = await bench.writer.ensure_all([wanted], bench.owner)
    assert "/metadata/labels" in written.failures[kinds.ref(wanted)].message
    assert "patch" not in bench.writes()


@clock.virtual
async def test_what_we_change_ourselves_is_no_repair() -> None:
    bench = Bench()
    await bench.ensure(*bench.all())
    for replicas in (2, 3, 2, 3, 2, 3):
        assert await bench.ensure(bench.all(replicas)[2]) == ["patch"]
    await fight(bench, bench.all(3)[2], {"spec": {"replicas": 9}}, ["patch"])


@clock.virtual
async def test_a_repair_that_failed_is_none() -> None:
    """An API server that is away for a while is nobody who changes a field."""
    bench = Bench()
    await bench.ensure(*bench.all())
    wanted = bench.all()[3]
    await change(bench, wanted, SELECTOR)
    away = bench.api.troubles.fail(verb="patch")
    for _ in range(5):
        await bench.writer.ensure_all([wanted], bench.owner)
    bench.api.troubles.end(away)
    assert await bench.ensure(wanted) == ["patch"]


@pytest.mark.parametrize(
    ("edit", "takes", "words"),
    [
        ({"data": {"a": "ZXZpbA=="}}, ["patch"], "/data/a"),
        ({"data": {"a": "ZXZpbA=="}, **NO_HASH}, ["patch"], "/data/a"),
        ({"data": {"a": "ZXZpbA=="}, "immutable": True}, ["delete", "create"], "immutable"),
    ],
)
def test_a_secret_is_reported_for_a_while_and_never_left(edit: Any, takes: list[str], words: str) -> None:
    """A revoked key may stand in what somebody puts back."""

    @clock.virtual
    async def scenario() -> None:
        bench = Bench()
        wanted = samples.secret(bench.owner)
        for _ in range(2):
            await bench.ensure(wanted)
        await fight(bench, wanted, edit, takes, times=6)
        written = await bench.writer.ensure_all([wanted], bench.owner)
        said = written.repaired[kinds.ref(wanted)]
        assert (said.reason, written.failures) == ("FieldContested", {})
        assert words in said.message
        assert "ZXZpbA==" not in said.message
        bench.now += 301
        assert (await bench.writer.ensure_all([wanted], bench.owner)).repaired == {}

    scenario()
