"""Keys that other tools bring: taken at once, gone at once, and theirs is left alone."""

import pytest

from tests import harness
from vllm_operator.kube import kinds

HOUR = 3600
BROUGHT, NEXT = "sk-" + "b" * 40, "sk-" + "n" * 40


def vault(name: str = "a") -> dict[str, object]:
    return {"name": name, "keySecretRef": {"name": "from-vault"}}


async def test_a_brought_key_is_copied_for_envfrom_and_its_secret_is_left_alone() -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    theirs = home.api.objects[home.ref("from-vault")]
    await home.begin(vault(), {"name": "b"})
    assert home.key("a") == BROUGHT
    assert home.accepts(BROUGHT)
    assert home.secret("a")["data"].keys() >= {"OPENAI_BASE_URL", "OPENAI_MODEL"}  # type: ignore[index]
    await home.change({"name": "b"})
    await home.run()
    assert not home.accepts(BROUGHT)
    assert home.api.objects[home.ref("from-vault")] == theirs


@pytest.mark.parametrize("label", [None, "another-model"])
async def test_a_brought_secret_that_did_not_opt_in_is_named_and_gives_nothing(label: str | None) -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT, label=label)
    await home.begin(vault(), {"name": "b"})
    assert not home.accepts(BROUGHT)
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotLabelled"
    assert "a: Secret from-vault" in home.condition("GuardConfigured")["message"]
    assert home.accepts(home.key("b"))
    assert home.condition("Ready")["reason"] not in ("SecretNotFound", "NameTaken")


async def test_a_missing_brought_secret_is_looked_for_at_most_each_half_minute() -> None:
    home = harness.OperatorHarness()
    await home.begin(vault())
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotFound"
    assert home.again == 30
    asked = lambda: sum(call == ("get", home.ref("from-vault")) for call in home.api.calls)  # noqa: E731
    for _ in range(10):
        await home.go_on()
    assert asked() == 1
    home.now += 30
    await home.go_on()
    assert asked() == 2


async def test_a_secret_of_ours_brings_no_key() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "b"})
    await home.change(
        {"name": "a", "keySecretRef": {"name": "vllm11.key.b"}}, {"name": "b", "keySecretRef": {"name": "vllm11.key.b"}}
    )
    await home.run()
    message = home.condition("GuardConfigured")["message"]
    assert all(f"{name} (Secret vllm11.key.b): the operator makes that Secret" in message for name in "ab")
    assert not home.knows("a")
    assert not home.knows("b")


@harness.at_every_write
async def test_a_brought_key_that_vanished_is_revoked_and_does_not_come_back_with_the_next(at: int) -> bool:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault(), {"name": "b"})
    await home.delete("from-vault")
    ended = await home.interrupted(at)
    revoked = not home.accepts(BROUGHT)
    await home.bring("from-vault", NEXT)
    await home.run()
    assert home.accepts(NEXT)
    assert not (revoked and home.accepts(BROUGHT))
    return ended


async def test_a_brought_secret_that_is_being_deleted_brings_no_key_and_is_told_as_such() -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault(), {"name": "b"})
    await home.api.edit_by("tool", home.ref("from-vault"), {"metadata": {"finalizers": ["vault.example/hold"]}})
    await home.delete("from-vault")
    await home.run()
    assert not home.accepts(BROUGHT)
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotFound"
    assert home.condition("GuardConfigured")["message"].startswith("a: Secret from-vault is being deleted")


async def test_the_successor_of_a_brought_key_overlaps_and_two_that_bring_one_key_are_told() -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault())
    await home.bring("from-vault", NEXT)
    await home.change(vault(), vault("c"))
    await home.run()
    assert home.key("a") == NEXT
    assert home.ends(BROUGHT) == harness.NOW + HOUR
    assert home.condition("GuardConfigured")["message"].startswith("c (Secret from-vault): its key is another")
    assert NEXT not in str(home.condition("GuardConfigured"))


async def test_what_is_no_longer_wanted_goes_but_not_while_paused_and_never_a_brought_secret() -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault(), expose={"host": "a.example"})
    ingress = kinds.Ref("Ingress", "models", "vllm11")
    await home.change(vault(), expose=None, paused=True)
    await home.run()
    assert ingress in home.api.objects
    await home.change(vault(), expose=None)
    await home.run()
    assert ingress not in home.api.objects
    assert home.ref("from-vault") in home.api.objects
