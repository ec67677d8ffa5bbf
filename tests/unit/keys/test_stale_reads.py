"""An operator that decides from what is no longer there: it writes over nobody, and decides again."""

import contextlib
import copy

from tests import harness
from vllm_operator.kube import errors


async def test_a_standby_that_missed_a_rotation_does_not_destroy_the_newest_key() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    first, before = home.key("a"), copy.deepcopy(home.api.objects)
    await home.change({"name": "a", "keyVersion": 2})
    await home.run()
    second, written = home.key("a"), home.secret("a")
    await home.take_over(before)
    assert home.secret("a") == written
    assert home.accepts(second)
    assert home.accepts(first)


async def test_a_standby_that_missed_a_revocation_does_not_undo_it() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, before = home.key("a"), copy.deepcopy(home.api.objects)
    await home.delete("vllm11.key.a")
    await home.run()
    await home.change({"name": "a"}, {"name": "b", "keyVersion": 2})
    await home.take_over(before)
    assert not home.accepts(old)
    assert home.accepts(home.key("a"))
    assert home.accepts(home.key("b"))


async def test_an_operator_that_has_seen_nothing_of_a_model_yet_changes_none_of_its_keys() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    a, b = home.key("a"), home.key("b")
    await home.change({"name": "a"})
    await home.take_over({})
    home.hear()
    await home.go_on()
    assert home.key("a") == a
    assert home.accepts(a)
    assert not home.accepts(b)
    assert home.secret("b") is None


async def test_an_operator_that_has_seen_the_clients_secret_alone_keeps_what_was_revoked() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    saved = {home.ref("vllm11.key.a"): copy.deepcopy(home.api.objects[home.ref("vllm11.key.a")])}
    await home.delete("vllm11.key.a")
    await home.run()
    new = home.key("a")
    await home.take_over(saved)
    assert home.key("a") == new
    assert home.accepts(new)
    assert not home.accepts(old)


async def test_a_key_that_could_not_be_stored_is_not_accepted_and_the_one_that_is_stored_still_is() -> None:
    """Somebody wrote to the Secret, and the operator has not heard of it: it tries to rotate, and then decides again."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.api.edit_by("admin", home.ref("vllm11.key.a"), {"metadata": {"annotations": {"note": "mine"}}})
    await home.change({"name": "a", "keyVersion": 2}, access={"rotationOverlap": "0s"})
    home.cache.put(home.api.objects[harness.MODEL])
    with contextlib.suppress(errors.Conflict):
        await home.reconciler(harness.KEY)
    assert home.key("a") == old
    assert home.accepts(old)
    await home.go_on()
    assert not home.accepts(old)
    assert home.accepts(home.key("a"))
