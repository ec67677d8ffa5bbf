"""Keys through a model's life, with an operator that ends at any write: what was revoked stays so, and nobody else notices."""

import itertools

import pytest

from tests.harness import NOW, WRITES, OperatorHarness
from vllm_operator.kube import errors, kinds

HOUR = 3600
BROUGHT, NEXT = "sk-" + "b" * 40, "sk-" + "n" * 40
EVERY_WRITE = range(12)


def vault(name: str = "a") -> dict[str, object]:
    return {"name": name, "keySecretRef": {"name": "from-vault"}}


async def test_each_client_has_a_secret_and_the_guards_take_its_key() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    assert home.accepts(home.key("a"))
    assert home.accepts(home.key("b"))
    assert home.secret("default") is None


async def test_a_run_with_nothing_to_do_writes_nothing() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a", "expiresAt": "2100-01-01T00:00:00Z"}, {"name": "b"})
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    await home.run()
    written = home.writes()
    for _ in range(3):
        await home.run()
    assert home.writes() == written


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_a_rotation_survives_the_operators_end(at: int) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    await home.interrupted(at)
    assert home.accepts(old)
    home.now += 60
    await home.run()
    assert home.key("a") != old
    assert home.accepts(home.key("a"))
    assert home.ends(old) in (NOW + HOUR, NOW + HOUR + 60)
    assert home.key("b") == other
    assert home.ends(other) is None


async def test_a_restart_in_the_middle_keeps_the_overlap_and_its_end_is_cleaned_up() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2}, access={"rotationOverlap": "10m"})
    await home.run()
    assert home.again == 600
    home.now += 599
    await home.run()
    assert home.accepts(old)
    assert home.ends(old) == NOW + 600
    assert home.again == 1
    home.now += 1
    await home.run()
    assert not home.accepts(old)
    assert home.again is None
    assert "PREVIOUS_API_KEYS" not in (home.secret("a") or {})["data"]


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_a_deleted_secret_revokes_at_once_and_for_ever(at: int) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"})
    first = home.key("a")
    await home.change({"name": "a", "keyVersion": 2})
    await home.run()
    second = home.key("a")
    await home.delete("vllm11.key.a")
    await home.interrupted(at)
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(first)
    assert not home.accepts(second)


async def test_a_secret_that_is_deleted_while_the_operator_works_is_revoked_too() -> None:
    """The operator has read the Secret, and not yet heard of its end: it must not make it again with the key it read."""
    home = OperatorHarness()
    await home.begin({"name": "a"})
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2})
    await home.stale("vllm11.key.a")
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_who_is_taken_off_the_list_is_revoked_and_comes_back_with_another_key(at: int) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    await home.change({"name": "b"})
    await home.interrupted(at)
    revoked = not home.accepts(old)
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not (revoked and home.accepts(old))
    assert home.key("b") == other


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_a_revocation_that_was_interrupted_is_finished(at: int) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    await home.change({"name": "b"})
    await home.interrupted(at)
    await home.run()
    assert not home.accepts(old)
    assert home.secret("a") is None


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_a_secret_that_lost_its_labels_is_revoked_too_and_its_key_comes_back_with_no_list(at: int) -> None:
    """No watch shows it, and it is looked for by name once its client is listed again."""
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    await home.api.edit_by("admin", home.ref("vllm11.key.a"), {"metadata": {"labels": None}})
    await home.change({"name": "b"})
    await home.interrupted(at)
    await home.run()
    assert home.secret("a") is None
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


@pytest.mark.parametrize("still", [False, True])
async def test_a_removed_client_whose_secret_may_not_be_deleted_is_revoked_for_ever(still: bool) -> None:
    """`still`: it may not be written either when the client is listed again."""
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    home.refuse("vllm11.key.a")
    await home.change({"name": "b"})
    for _ in range(3):
        await home.run()
        assert home.key("a") == old
        assert not home.accepts(old)
        assert home.condition("Ready")["reason"] == "WriteRefused"
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


@pytest.mark.parametrize(
    "refusal", [errors.Conflict(409, "Conflict", "no"), errors.NotFound(404, "NotFound", "no")], ids=["409", "404"]
)
async def test_a_deletion_that_a_webhook_refuses_with_another_code_revokes_too(refusal: errors.ApiError) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    home.refuse("vllm11.key.a", refusal)
    await home.change({"name": "b"})
    await home.run()
    assert home.condition("Ready")["reason"] == "WriteRefused"
    home.allow()
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_an_end_at_any_write_makes_no_void_key_valid(at: int) -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    home.refuse("vllm11.key.a")
    await home.change({"name": "b"})
    await home.run()
    await home.change({"name": "a"}, {"name": "b"})
    await home.interrupted(at)
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)
    written = home.writes()
    await home.run()
    assert home.writes() == written


async def test_listing_clients_says_in_an_event_that_the_implied_one_is_revoked() -> None:
    home = OperatorHarness()
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


async def test_adding_a_client_touches_no_other_secret() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"})
    before = home.secret("a")
    await home.change({"name": "b"}, {"name": "a"})
    await home.run()
    assert home.secret("a") == before
    assert home.accepts(home.key("b"))


async def test_a_brought_key_is_copied_for_envfrom_and_its_secret_is_left_alone() -> None:
    home = OperatorHarness()
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
    home = OperatorHarness()
    await home.bring("from-vault", BROUGHT, label=label)
    await home.begin(vault(), {"name": "b"})
    assert not home.accepts(BROUGHT)
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotLabelled"
    assert "a: Secret from-vault" in home.condition("GuardConfigured")["message"]
    assert home.accepts(home.key("b"))
    assert home.condition("Ready")["reason"] not in ("SecretNotFound", "NameTaken")


async def test_a_missing_brought_secret_is_looked_for_at_most_each_half_minute() -> None:
    home = OperatorHarness()
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
    home = OperatorHarness()
    await home.begin({"name": "b"})
    await home.change(
        {"name": "a", "keySecretRef": {"name": "vllm11.key.b"}}, {"name": "b", "keySecretRef": {"name": "vllm11.key.b"}}
    )
    await home.run()
    message = home.condition("GuardConfigured")["message"]
    assert all(f"{name} (Secret vllm11.key.b): the operator makes that Secret" in message for name in "ab")
    assert not home.knows("a")
    assert not home.knows("b")


@pytest.mark.parametrize("at", EVERY_WRITE)
async def test_a_brought_key_that_vanished_is_revoked_and_does_not_come_back_with_the_next(at: int) -> None:
    home = OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault(), {"name": "b"})
    await home.delete("from-vault")
    await home.interrupted(at)
    revoked = not home.accepts(BROUGHT)
    await home.bring("from-vault", NEXT)
    await home.run()
    assert home.accepts(NEXT)
    assert not (revoked and home.accepts(BROUGHT))


async def test_a_brought_secret_that_is_being_deleted_brings_no_key_and_is_told_as_such() -> None:
    home = OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault(), {"name": "b"})
    await home.api.edit_by("tool", home.ref("from-vault"), {"metadata": {"finalizers": ["vault.example/hold"]}})
    await home.delete("from-vault")
    await home.run()
    assert not home.accepts(BROUGHT)
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotFound"
    assert home.condition("GuardConfigured")["message"].startswith("a: Secret from-vault is being deleted")


async def test_the_successor_of_a_brought_key_overlaps_and_two_that_bring_one_key_are_told() -> None:
    home = OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    await home.begin(vault())
    await home.bring("from-vault", NEXT)
    await home.change(vault(), vault("c"))
    await home.run()
    assert home.key("a") == NEXT
    assert home.ends(BROUGHT) == NOW + HOUR
    assert home.condition("GuardConfigured")["message"].startswith("c (Secret from-vault): its key is another")
    assert NEXT not in str(home.condition("GuardConfigured"))


async def test_one_client_whose_secret_cannot_be_written_holds_up_no_other() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"}, {"name": "c"})
    a, b, c = (home.key(name) for name in "abc")
    home.refuse("vllm11.key.a")
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"}, {"name": "d"})
    await home.delete("vllm11.key.b")
    await home.run()
    assert (home.accepts(a), home.ends(a)) == (True, None)
    assert not home.accepts(b)
    assert not home.accepts(c)
    assert home.accepts(home.key("b"))
    assert home.accepts(home.key("d"))
    assert home.condition("Ready")["reason"] == "WriteRefused"


async def test_who_brings_the_key_of_one_whose_secret_cannot_be_written_holds_up_no_other() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, b = home.key("a"), home.key("b")
    await home.bring("from-vault", old)
    home.refuse("vllm11.key.a")
    await home.change({"name": "a", "keyVersion": 2}, vault("c"), access={"rotationOverlap": "0s"})
    await home.run()
    assert home.key("c") == old
    assert home.knows("c")
    assert not home.knows("a")
    assert not home.accepts(b)


async def test_a_strangers_secret_of_a_clients_name_is_left_alone_and_holds_up_no_other() -> None:
    home = OperatorHarness()
    await home.bring("vllm11.key.a", BROUGHT, label=None)
    await home.begin({"name": "a"}, {"name": "b"})
    assert home.key("a") == BROUGHT
    assert not home.knows("a")
    assert home.accepts(home.key("b"))
    assert home.condition("Ready")["reason"] == "NameTaken"


async def test_a_pause_stops_all_but_keys_and_revocations() -> None:
    home = OperatorHarness()
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


async def test_what_is_no_longer_wanted_goes_but_not_while_paused_and_never_a_brought_secret() -> None:
    home = OperatorHarness()
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


async def test_who_expired_is_named_on_time() -> None:
    home = OperatorHarness()
    await home.begin({"name": "a", "expiresAt": "2027-01-15T08:00:50Z"})
    assert home.ends(home.key("a")) == NOW + 50
    assert home.again == 50


async def test_an_outage_at_any_write_is_no_end_of_the_operator() -> None:
    for at in itertools.count():
        home, left = OperatorHarness(), at
        await home.begin({"name": "a"})
        old = home.key("a")
        await home.delete("vllm11.key.a")

        def outage(verb: str, _ref: kinds.Ref, _when: str) -> None:
            nonlocal left
            left -= verb in WRITES
            if left == -1 and verb in WRITES:
                raise errors.Unavailable(0, "NoAnswer", "away")

        home.api.interrupt = outage
        try:
            await home.run()
        except errors.Unavailable:
            await home.go_on()
        else:
            break
        assert not home.accepts(old)
        assert home.accepts(home.key("a"))
