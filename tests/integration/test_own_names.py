"""No spec names an object that is another model's: its keys, its certificate, its weights."""

import json
import pathlib
from typing import Any

import pytest
from kubernetes import client

from tests import kubectl

HUB = {"source": "hf://facebook/opt-125m"}
ISSUER = {"issuerRef": {"name": "ours"}}
TLS = "spec.expose.ingress.tls.secretName"
KEYS, CERTIFICATE = "name a Secret of your own", "a model's certificate"


def exposed(**tls: Any) -> dict[str, Any]:
    return {"expose": {"host": "a.b", "ingress": {"tls": tls}}}


def brought(name: str) -> dict[str, Any]:
    return {"access": {"clients": [{"name": "a", "keySecretRef": {"name": name}}]}}


def variable(name: str) -> dict[str, Any]:
    return {"engine": {"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": "a"}}}]}}


SECRETS = {
    "spec.access.clients[0].keySecretRef.name": brought,
    "spec.imagePullSecrets[0].name": lambda name: {"imagePullSecrets": [{"name": name}]},
    "spec.model.credentialsSecretRef.name": lambda name: {"model": {**HUB, "credentialsSecretRef": {"name": name}}},
    "spec.engine.env[0].valueFrom.secretKeyRef.name": variable,
}
SUFFIXES = {"other.key.team-a": KEYS, "other.guard": KEYS, "other.tls": CERTIFICATE}
REFUSED = [
    *((field, made(name), words) for field, made in SECRETS.items() for name, words in SUFFIXES.items()),
    (TLS, exposed(secretName="other.key.a"), KEYS),
    (TLS, exposed(secretName="other.guard", **ISSUER), KEYS),
    (TLS, exposed(secretName="other.tls"), "the certificate of the model of that name"),
    (TLS, exposed(secretName="other.tls", **ISSUER), "no other model may have it"),
    (TLS, exposed(secretName="mine", **ISSUER), "begins with the model's name and a dot"),
    (TLS, exposed(secretName="good-mine", **ISSUER), "begins with the model's name and a dot"),
    ("spec.model.cache", {"model": {**HUB, "cache": {"existingClaim": "other.weights"}}}, "the operator's own"),
    ("spec.model.source", {"model": {"source": "pvc://other.weights"}}, "name another claim"),
    ("spec.model.source", {"model": {"source": "pvc://other.weights/a/b", "servedName": "a"}}, "name another claim"),
]
TAKEN = [
    exposed(secretName="mine"),
    exposed(secretName="good.tls"),
    exposed(**ISSUER),
    exposed(secretName="good.tls", **ISSUER),
    exposed(secretName="good.example-com", **ISSUER),
    exposed(secretName="tls"),
    brought("good-key"),
    {"model": {"source": "pvc://my-weights/weights"}},
]


def create(served: pathlib.Path, spec: dict[str, Any]) -> Any:
    return kubectl.create(served, kubectl.model("good", **spec), dry_run=True)


@pytest.mark.parametrize(("field", "spec", "words"), REFUSED)
def test_a_name_that_is_another_models_is_refused(
    served: pathlib.Path, field: str, spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(client.ApiException) as refused:
        create(served, spec)
    message = json.loads(refused.value.body)["message"]
    assert field in message
    assert words in message


@pytest.mark.parametrize("spec", TAKEN, ids=str)
def test_a_name_of_ones_own_is_taken(served: pathlib.Path, spec: dict[str, Any]) -> None:
    create(served, spec)
