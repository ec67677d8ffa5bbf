"""Keys through a model's life, with an operator that ends at any write: each client has its key, and nobody else notices."""

import contextlib
import json

from tests import harness
from vllm_operator import keys
from vllm_operator.keys import record
from vllm_operator.kube import errors, kinds

HOUR = 3600


async def test_each_client_has_a_secret_and_the_guards_take_its_key() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    assert home.accepts(home.key("a"))
    assert home.accepts(home.key("b"))
    assert home.secret("default") is None


async def test_a_run_with_nothing_to_do_writes_nothing() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a", "expiresAt": "2100-01-01T00:00:00Z"}, {"name": "b"})
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    await home.run()
    written = home.writes()
    for _ in range(3):
        await home.run()
    assert home.writes() == written


@harness.at_every_write
async def test_a_rotation_survives_the_operators_end(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    ended = await home.interrupted(at)
    assert home.accepts(old)
    home.now += 60
    await home.run()
    assert home.key("a") != old
    assert home.accepts(home.key("a"))
    assert home.ends(old) in (harness.NOW + HOUR, harness.NOW + HOUR + 60)
    assert home.key("b") == other
    assert home.ends(other) is None
    return ended


@harness.at_every_write
async def test_an_upgrade_in_an_overlap_loses_no_key_and_takes_the_replaced_one_out_of_the_clients_secret(
    at: int,
) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    await home.run()
    await _as_the_first_release_wrote_it(home)
    ended = await home.interrupted(at)
    await home.run()
    assert home.accepts(old)
    assert home.accepts(home.key("a"))
    assert home.ends(old) == harness.NOW + HOUR
    await home.run()
    assert old not in json.dumps(
        [record.decoded(home.secret("a") or {}, entry) for entry in (home.secret("a") or {})["data"]]
    )
    assert home.condition("GuardConfigured")["reason"] != "ClientSecretRepaired"
    return ended


async def _as_the_first_release_wrote_it(home: harness.OperatorHarness) -> None:
    """Put the replaced key of client `a` beside the newest one, with the fingerprint of both."""
    issued = record.notes(home.api.objects[home.ref("vllm11.guard")], ()).applied["a"]
    previous = json.dumps([(one.key, one.until) for one in issued.previous])
    await home.edit("vllm11.key.a", record.PREVIOUS, previous)
    annotations = {record.FINGERPRINT_ANNOTATION: keys.fingerprint("a", issued), record.REPLACED_ANNOTATION: None}
    await home.api.edit_by("vllm-operator", home.ref("vllm11.key.a"), {"metadata": {"annotations": annotations}})


async def test_a_restart_in_the_middle_keeps_the_overlap_and_its_end_is_cleaned_up() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2}, access={"rotationOverlap": "10m"})
    await home.run()
    assert (home.again or 0) <= 600  # when the overlap ends, or at a periodic look before
    home.now += 599
    await home.run()
    assert home.accepts(old)
    assert home.ends(old) == harness.NOW + 600
    assert home.again == 1
    home.now += 1
    await home.run()
    assert not home.accepts(old)
    assert (home.again or 0) > 500
    assert "PREVIOUS_API_KEYS" not in (home.secret("a") or {})["data"]


async def test_adding_a_client_touches_no_other_secret() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    before = home.secret("a")
    await home.change({"name": "b"}, {"name": "a"})
    await home.run()
    assert home.secret("a") == before
    assert home.accepts(home.key("b"))


async def test_a_pause_stops_all_but_keys_and_revocations() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    a, b = home.key("a"), home.key("b")
    others = {
        ref: obj for ref, obj in home.api.objects.items() if ref.kind in ("Deployment", "Service", "ControllerRevision")
    }
    await home.change({"name": "a", "keyVersion": 2}, paused=True, replicas=3, access={"rotationOverlap": "0s"})
    await home.run()
    assert not home.accepts(a)
    assert not home.accepts(b)
    assert home.accepts(home.key("a"))
    assert {ref: home.api.objects[ref] for ref in others} == others
    assert {home.condition(kind)["reason"] for kind in ("Ready", "Progressing")} == {"Paused"}
    await home.change({"name": "a", "keyVersion": 2}, replicas=3)
    await home.run()
    assert home.api.objects[kinds.Ref("Deployment", "models", "vllm11")]["spec"]["replicas"] == 3


async def test_who_expired_is_named_on_time() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a", "expiresAt": "2027-01-15T08:00:50Z"})
    assert home.ends(home.key("a")) == harness.NOW + 50
    assert home.again == 50


async def test_an_outage_at_any_write_is_no_end_of_the_operator() -> None:
    for at in range(harness.MOST_WRITES):
        home, left = harness.OperatorHarness(), at
        await home.begin({"name": "a"})
        old = home.key("a")
        await home.delete("vllm11.key.a")

        def outage(verb: str, _ref: kinds.Ref, _when: str) -> None:
            nonlocal left
            left -= verb in harness.WRITES
            if left == -1 and verb in harness.WRITES:
                raise errors.Unavailable(0, "NoAnswer", "away")

        home.api.interrupt = outage
        with contextlib.suppress(errors.Unavailable):
            await home.run()
        if left >= 0:
            assert at
            return
        assert home.again is None or home.again <= 15
        await home.go_on()
        assert not home.accepts(old)
        assert home.accepts(home.key("a"))
    raise AssertionError("no run came to its end")
