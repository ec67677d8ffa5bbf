"""What the API server answers about a Secret is told, unless the words may quote what the Secret holds."""

import pytest

from vllm_operator.kube import errors, kinds

QUOTA = 'secrets "vllm11.guard" is forbidden: exceeded quota: small, requested: secrets=1, used: secrets=1, limited: secrets=1'
ROLE = 'secrets is forbidden: User "system:serviceaccount:operators:vllm-operator" cannot list resource "secrets" in API group ""'
ENDING = 'secrets "vllm11.guard" is forbidden: unable to create new content in namespace models because it is being terminated'
KEY = "sk-TOPSECRET"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (403, QUOTA),
        (403, ROLE),
        (403, ENDING),
        (404, 'secrets "vllm11.guard" not found'),
        (409, 'Operation cannot be fulfilled on secrets "vllm11.guard": the object has been modified'),
        (429, "Too many requests, please try again later."),
        (500, "etcdserver: leader changed"),
        (503, "the server is currently unable to handle the request"),
        (504, "Timeout: request did not complete within requested timeout - context deadline exceeded"),
    ],
)
def test_the_api_servers_own_words_about_a_secret_are_told(code: int, words: str) -> None:
    error = errors.of(code, {"reason": "Forbidden", "message": words}, kinds.SECRET)
    assert error.message == words
    assert error.reason == "Forbidden"


@pytest.mark.parametrize("code", [400, 403, 404, 409, 410, 422, 429, 500, 503])
@pytest.mark.parametrize(
    ("words", "who"),
    [
        (f'admission webhook "keys.example" denied the request: {KEY} is short', 'webhook "keys.example" denied'),
        (
            f'admission webhook "keys.example" denied the request: exceeded quota: {KEY}',
            'webhook "keys.example" denied',
        ),
        (
            f'Internal error occurred: failed calling webhook "keys.example": an error on the server ("{KEY}")',
            'failed calling webhook "keys.example"',
        ),
        (
            f"secrets \"a\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: {KEY}",
            "ValidatingAdmissionPolicy 'p' with binding 'b' denied request",
        ),
    ],
)
def test_who_refuses_a_secret_is_named_and_its_words_are_not_told(code: int, words: str, who: str) -> None:
    causes = [{"field": KEY, "reason": KEY, "message": KEY}]
    status = {"kind": "Status", "reason": KEY, "message": words, "details": {"name": "a", "causes": causes}}
    error = errors.of(code, status, kinds.SECRET)
    assert who in error.message
    assert "TOPSECRET" not in f"{error} {error.reason}"


@pytest.mark.parametrize(
    "words",
    [
        f'Secret "a" is invalid: data[k]: Invalid value: "{KEY}": exceeded quota: secrets "a" not found',
        f"Secret in version v1 cannot be handled as a Secret: json: cannot unmarshal {KEY} into Go value",
        f'secrets "a" is forbidden: {KEY}',
        f"{KEY}: Timeout: etcdserver: the server is away",
    ],
)
def test_words_that_are_not_known_to_be_the_servers_own_are_not_told(words: str) -> None:
    status = {"reason": "Invalid", "message": words, "details": {"causes": [{"field": "data[k]", "reason": "Bad"}]}}
    error = errors.of(422, status, kinds.SECRET)
    assert "TOPSECRET" not in str(error)
    assert "data[k]: Bad" in str(error)


def test_words_about_other_kinds_are_told_whole() -> None:
    words = 'admission webhook "names.example" denied the request: no such team'
    assert errors.of(403, {"message": words}, kinds.SERVICE).message == words
