"""What was revoked stays revoked, at whatever write the operator ends and whatever is refused."""

import pytest

from tests import harness


@harness.at_every_write
async def test_a_deleted_secret_revokes_at_once_and_for_ever(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    first = home.key("a")
    await home.change({"name": "a", "keyVersion": 2})
    await home.run()
    second = home.key("a")
    await home.delete("vllm11.key.a")
    ended = await home.interrupted(at)
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(first)
    assert not home.accepts(second)
    return ended


async def test_a_secret_that_is_deleted_while_the_operator_works_is_revoked_too() -> None:
    """The operator has read the Secret, and not yet heard of its end: it must not make it again with the key it read."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2})
    await home.stale("vllm11.key.a")
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


async def test_a_secret_that_a_finalizer_holds_is_revoked_at_once_and_its_end_is_waited_for() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.api.edit_by("tool", home.ref("vllm11.key.a"), {"metadata": {"finalizers": ["backup.example/hold"]}})
    await home.delete("vllm11.key.a")
    await home.run()
    assert not home.accepts(old)
    assert home.condition("GuardConfigured")["reason"] == "ClientSecretEnding"
    written = home.writes()
    await home.run()
    assert home.writes() == written
    await home.api.edit_by("tool", home.ref("vllm11.key.a"), {"metadata": {"finalizers": None}})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


@harness.at_every_write
async def test_who_is_taken_off_the_list_is_revoked_and_comes_back_with_another_key(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    await home.change({"name": "b"})
    ended = await home.interrupted(at)
    revoked = not home.accepts(old)
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not (revoked and home.accepts(old))
    assert home.key("b") == other
    return ended


@harness.at_every_write
async def test_a_revocation_that_was_interrupted_is_finished(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    await home.change({"name": "b"})
    ended = await home.interrupted(at)
    await home.run()
    assert not home.accepts(old)
    assert home.secret("a") is None
    return ended


@harness.at_every_write
async def test_a_secret_that_lost_its_labels_is_revoked_too_and_its_key_comes_back_with_no_list(at: int) -> bool:
    """No watch shows it, and it is looked for by name once its client is listed again."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    await home.api.edit_by("admin", home.ref("vllm11.key.a"), {"metadata": {"labels": None}})
    await home.change({"name": "b"})
    ended = await home.interrupted(at)
    await home.run()
    assert home.secret("a") is None
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)
    return ended


async def test_listing_clients_says_in_an_event_that_the_implied_one_is_revoked() -> None:
    home = harness.OperatorHarness()
    await home.begin()
    old = home.key("default")
    await home.change({"name": "a"})
    await home.run()
    assert not home.accepts(old)
    assert home.events("ClientRevoked") == [
        "no longer listed in spec.access.clients, so their keys are revoked: default"
    ]
    await home.run()
    assert len(home.events("ClientRevoked")) == 1


@pytest.mark.parametrize("still", [False, True])
async def test_a_removed_client_whose_secret_may_not_be_deleted_is_revoked_for_ever(still: bool) -> None:
    """`still`: it may not be written either when the client is listed again."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    home.refuse("vllm11.key.a")
    await home.change({"name": "b"})
    for _ in range(3):
        await home.run()
        assert home.key("a") == old
        assert not home.accepts(old)
        assert home.condition("Ready")["reason"] in {"WriteRefused", "WriteFailed"}
    if not still:
        home.allow()
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert not home.accepts(old)
    assert home.accepts(home.key("a")) is not still
    home.allow()
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)
    assert home.key("b") == other
    assert len(home.events("ClientRevoked")) == 1


@harness.at_every_write
async def test_an_end_at_any_write_makes_no_revoked_key_valid(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    home.refuse("vllm11.key.a")
    await home.change({"name": "b"})
    await home.run()
    await home.change({"name": "a"}, {"name": "b"})
    ended = await home.interrupted(at)
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)
    written = home.writes()
    await home.run()
    assert home.writes() == written
    return ended
