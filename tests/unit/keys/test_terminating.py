"""A model that is being deleted, and that a finalizer holds, serves on: revocations act, and nothing new is made."""

from tests import harness
from vllm_operator.kube import kinds

BROUGHT = "sk-" + "b" * 40


async def terminating(*clients: dict[str, object]) -> harness.OperatorHarness:
    home = harness.OperatorHarness()
    await home.begin(*clients)
    await home.terminate()
    return home


async def test_a_removed_client_is_revoked() -> None:
    home = await terminating({"name": "a"}, {"name": "b"})
    a, b = home.key("a"), home.key("b")
    await home.change({"name": "a"})
    await home.run()
    assert home.accepts(a)
    assert not home.accepts(b)
    assert home.secret("b") is None


async def test_a_deleted_secret_revokes_and_no_new_key_is_made() -> None:
    home = await terminating({"name": "a"}, {"name": "b"})
    a = home.key("a")
    await home.delete("vllm11.key.a")
    await home.run()
    assert not home.accepts(a)
    assert not home.knows("a")
    assert home.secret("a") is None
    assert home.accepts(home.key("b"))


async def test_the_end_of_an_overlap_and_a_brought_key_that_vanished_are_written() -> None:
    home = harness.OperatorHarness()
    await home.bring("from-vault", BROUGHT)
    vault = {"name": "v", "keySecretRef": {"name": "from-vault"}}
    await home.begin({"name": "a"}, vault)
    old = home.key("a")
    await home.change({"name": "a", "keyVersion": 2}, vault)
    await home.run()
    await home.terminate()
    await home.delete("from-vault")
    home.now += 3600
    await home.run()
    assert not home.accepts(old)
    assert not home.accepts(BROUGHT)
    assert home.accepts(home.key("a"))


async def test_nothing_is_created_and_no_key_is_rotated() -> None:
    home = await terminating({"name": "a"})
    key, before = home.key("a"), set(home.api.objects)
    await home.change({"name": "a", "keyVersion": 2}, {"name": "new"}, expose={"host": "a.example"}, replicas=3)
    await home.run()
    assert {ref for ref in home.api.objects if ref.kind != "Event"} <= before
    assert home.key("a") == key
    assert home.accepts(key)
    assert home.api.objects[kinds.Ref("Deployment", "models", "vllm11")]["spec"]["replicas"] == 1


async def test_what_was_collected_already_is_not_made_again() -> None:
    home = await terminating({"name": "a"})
    for ref in [ref for ref in home.api.objects if ref.kind not in ("ModelDeployment", "Event")]:
        await home.api.delete_by("garbage-collector", ref)
    await home.run()
    assert {ref.kind for ref in home.api.objects} <= {"ModelDeployment", "Event"}


async def test_a_terminating_model_that_needs_nothing_is_written_to_no_more() -> None:
    home = await terminating({"name": "a"}, {"name": "b"})
    await home.run()
    written = home.writes()
    await home.run()
    assert home.writes() == written
