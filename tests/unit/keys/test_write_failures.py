"""What the API server answers about one Secret is reported and tried again, and holds up no other client and no revocation."""

import pytest

from tests import harness
from vllm_operator.kube import errors

BROUGHT = "sk-" + "b" * 40
ANSWERS = [
    errors.Denied(403, "Forbidden", "no"), errors.Invalid(422, "Invalid", "no"), errors.Gone(410, "Gone", "no"),
    errors.Throttled(429, "TooManyRequests", "no"), errors.Unavailable(500, "InternalError", "failed calling webhook"),
    errors.Unavailable(0, "NoAnswer", "no answer"),
]  # fmt: skip
NOT_FOUND = errors.NotFound(404, "NotFound", "no")
CONFLICT = errors.Conflict(409, "Conflict", "no")
FAILED = {"WriteRefused", "WriteFailed"}


def code(answer: errors.ApiError) -> str:
    return str(answer.status)


@pytest.mark.parametrize("answer", [*ANSWERS, NOT_FOUND, CONFLICT], ids=code)
async def test_a_deletion_that_fails_by_any_code_revokes_is_reported_and_tried_again(answer: errors.ApiError) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, other = home.key("a"), home.key("b")
    home.refuse("vllm11.key.a", answer)
    await home.change({"name": "b"})
    await home.run()
    assert not home.accepts(old)
    assert home.accepts(other)
    assert home.events("ClientRevoked")
    assert home.condition("Ready")["reason"] in FAILED
    assert home.condition("Ready")["observedGeneration"] == home.api.objects[harness.MODEL]["metadata"]["generation"]
    assert home.again is not None
    assert home.again <= 15
    home.allow()
    await home.go_on()
    assert home.secret("a") is None
    assert home.condition("Ready")["reason"] not in FAILED


@pytest.mark.parametrize("answer", [*ANSWERS, NOT_FOUND, CONFLICT], ids=code)
async def test_a_client_whose_secret_could_not_be_deleted_gets_another_key(answer: errors.ApiError) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    home.refuse("vllm11.key.a", answer)
    await home.change({"name": "b"})
    await home.run()
    home.allow()
    await home.change({"name": "a"}, {"name": "b"})
    await home.run()
    assert home.accepts(home.key("a"))
    assert not home.accepts(old)


async def test_a_secret_of_which_nobody_can_tell_whether_it_was_deleted_is_reported_and_its_key_revoked() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old = home.key("a")
    home.refuse("vllm11.key.a", errors.Unavailable(0, "NoAnswer", "no answer"), verbs={"delete", "get"})
    await home.change({"name": "b"})
    await home.run()
    assert not home.accepts(old)
    assert home.condition("Ready")["reason"] in FAILED


async def test_a_deletion_whose_answer_was_lost_has_not_failed() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    home.refuse("vllm11.key.a", errors.Unavailable(0, "NoAnswer", "no answer"), when="after")
    await home.change({"name": "b"})
    await home.run()
    assert home.secret("a") is None
    assert home.condition("Ready")["reason"] not in FAILED


@pytest.mark.parametrize("answer", [errors.Unavailable(0, "NoAnswer", "no answer"), CONFLICT], ids=code)
async def test_a_key_whose_secret_was_made_though_no_answer_came_stays(answer: errors.ApiError) -> None:
    home = harness.OperatorHarness()
    home.refuse("vllm11.key.a", answer, verbs={"create"}, when="after")
    await home.begin({"name": "a"}, {"name": "b"})
    made = home.key("a")
    home.allow()
    await home.run()
    assert (home.key("a"), home.accepts(made)) == (made, True)


@pytest.mark.parametrize("answer", ANSWERS, ids=code)
async def test_one_client_whose_secret_cannot_be_written_holds_up_no_other(answer: errors.ApiError) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"}, {"name": "c"})
    a, b, c = (home.key(name) for name in "abc")
    home.refuse("vllm11.key.a", answer)
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"}, {"name": "d"})
    await home.delete("vllm11.key.b")
    await home.run()
    assert (home.accepts(a), home.ends(a)) == (True, None)
    assert not home.accepts(b)
    assert not home.accepts(c)
    assert home.accepts(home.key("b"))
    assert home.accepts(home.key("d"))
    assert home.condition("Ready")["reason"] in FAILED


@pytest.mark.parametrize("answer", [NOT_FOUND, CONFLICT], ids=code)
async def test_a_write_that_says_that_the_secret_is_another_holds_up_no_other(answer: errors.ApiError) -> None:
    """The keys are decided again in the next run; whatever it decides, it is refused in the same way."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"}, {"name": "c"})
    a, b, c = (home.key(name) for name in "abc")
    home.refuse("vllm11.key.a", answer)
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"})
    await home.delete("vllm11.key.b")
    with pytest.raises(AssertionError, match="no decision holds"):
        await home.run()
    assert home.accepts(a)
    assert not home.accepts(b)
    assert not home.accepts(c)
    assert home.accepts(home.key("b"))


async def test_who_brings_the_key_of_one_whose_secret_cannot_be_written_holds_up_no_other() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, b = home.key("a"), home.key("b")
    await home.bring("from-vault", old)
    home.refuse("vllm11.key.a")
    vault = {"name": "c", "keySecretRef": {"name": "from-vault"}}
    await home.change({"name": "a", "keyVersion": 2}, vault, access={"rotationOverlap": "0s"})
    await home.run()
    assert home.key("c") == old
    assert home.knows("c")
    assert not home.knows("a")
    assert not home.accepts(b)


async def test_a_strangers_secret_of_a_clients_name_is_left_alone_and_holds_up_no_other() -> None:
    home = harness.OperatorHarness()
    await home.bring("vllm11.key.a", BROUGHT, label=None)
    await home.begin({"name": "a"}, {"name": "b"})
    assert home.key("a") == BROUGHT
    assert not home.knows("a")
    assert home.accepts(home.key("b"))
    assert home.condition("Ready")["reason"] == "NameTaken"


@pytest.mark.parametrize("answer", ANSWERS, ids=code)
async def test_a_secret_that_cannot_be_read_costs_neither_its_key_nor_a_revocation(answer: errors.ApiError) -> None:
    """No watch shows it, for it lost its labels, and the API server does not answer for it."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    a, b = home.key("a"), home.key("b")
    await home.api.edit_by("admin", home.ref("vllm11.key.a"), {"metadata": {"labels": None}})
    home.refuse("vllm11.key.a", answer, verbs={"get"})
    await home.change({"name": "a", "keyVersion": 2})
    await home.run()
    assert home.accepts(a)
    assert not home.accepts(b)
    assert home.api.calls.count(("create", home.ref("vllm11.key.a"))) == 1  # the first one
    assert home.condition("Ready")["reason"] in FAILED
    home.allow()
    await home.go_on()
    assert home.key("a") != a
    assert home.accepts(home.key("a"))
    assert home.ends(a)


async def test_a_brought_secret_that_cannot_be_asked_for_holds_up_no_revocation() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    b = home.key("b")
    home.refuse("from-vault", errors.Unavailable(503, "ServiceUnavailable", "no"), verbs={"get"})
    await home.change({"name": "a"}, {"name": "v", "keySecretRef": {"name": "from-vault"}})
    await home.run()
    assert not home.accepts(b)
    assert home.accepts(home.key("a"))
    assert home.condition("GuardConfigured")["reason"] == "ClientKeyNotFound"
