"""What the operator asks the API server for by name: only what no watch can have shown, and not again within half a minute."""

from tests import harness
from vllm_operator.kube import kinds

MISSING = [{"name": f"v{number}", "keySecretRef": {"name": f"from-vault-{number}"}} for number in range(5)]


def asked(home: harness.OperatorHarness) -> list[kinds.Ref]:
    """The Secrets that were asked for until now."""
    return [ref for verb, ref in home.api.calls if verb == "get" and ref.kind == "Secret"]


async def test_a_new_model_is_created_without_a_question() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    assert asked(home) == []


async def test_a_run_that_finds_all_in_the_cache_asks_nothing() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    await home.change({"name": "a", "keyVersion": 2})
    await home.run()
    assert asked(home) == []


async def test_clients_whose_brought_key_is_missing_are_asked_for_at_most_each_half_minute() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, *MISSING)
    for _ in range(10):
        await home.go_on()
    first = asked(home)
    assert len(first) == len(set(first)) == 2 * len(MISSING)
    home.now += 30
    await home.go_on()
    assert sorted(asked(home)) == sorted(2 * first)


async def test_an_answer_is_not_believed_any_more_once_the_secret_was_seen() -> None:
    """It was missing, was made, and lost its labels, all within half a minute: taken off the list, it is still found."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, *MISSING[:1])
    await home.bring("from-vault-0", "sk-" + "b" * 40)
    home.hear()
    await home.go_on()
    assert home.secret("v0")
    await home.api.edit_by("admin", home.ref("vllm11.key.v0"), {"metadata": {"labels": None}})
    await home.change({"name": "a"})
    home.hear()
    await home.go_on()
    assert home.secret("v0") is None
