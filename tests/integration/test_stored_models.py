"""A model that an older CRD took goes on under today's: it is told of, annotated and scaled, whatever a rule now says of it.

The CRD lies in a group of its own, so that the operator of other tests is not disturbed.
"""

import copy
import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import account, test_own_names
from vllm_operator import crd

GROUP = "earlier.example"
TLS = test_own_names.exposed(secretName="llm-tls", **test_own_names.ISSUER)
LONG = "a" * 4_096
VARIABLES = [{"name": f"VLLM_A_{number}", "value": LONG} for number in range(17)]
SPECS = [
    TLS,
    *(spec for _, spec, _ in test_own_names.REFUSED),
    {"engine": {"env": VARIABLES, "args": ["no option", "--port=1"]}},
    {"podMetadata": {"annotations": {f"example.com/{number}": LONG for number in range(9)}}},
]
STORED = {f"stored-{number}": spec for number, spec in enumerate(SPECS)}
NAMES = ("a-peers", "a" * 60, "1a", "a.b")


def grouped(**spec: Any) -> dict[str, Any]:
    """Return the CRD of ModelDeployments in the group of this test."""
    own = copy.deepcopy(crd.crd())
    own["metadata"]["name"] = f"{kubectl.PLURAL}.{GROUP}"
    del own["spec"]["names"]["shortNames"], own["spec"]["names"]["categories"]
    return {**own, "spec": {**own["spec"], "group": GROUP, **spec}}


def without_rules(node: Any) -> Any:
    """Return the CRD as one that refuses less."""
    if isinstance(node, list):
        return [without_rules(one) for one in node]
    if isinstance(node, dict):
        return {name: without_rules(one) for name, one in node.items() if name != "x-kubernetes-validations"}
    return node


def model(name: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {**kubectl.model(name, **spec), "apiVersion": f"{GROUP}/{kubectl.VERSION}"}


def install(admin: kubectl.Admin, definition: dict[str, Any]) -> None:
    admin.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(definition))
    account.await_crds(admin.kubeconfig)


def is_refused(admin: kubectl.Admin) -> bool:
    """Tell whether the API server has today's rules."""
    asked = ("create", "--dry-run=server", "-f", "-")
    return not admin.kubectl(*asked, stdin=json.dumps(model("new", TLS)), check=False)


def tls(name: str, **changed: Any) -> tuple[str, ...]:
    """Return kubectl's arguments that change the certificate of a model."""
    patch = {"spec": {"expose": {"ingress": {"tls": changed}}}}
    return "patch", f"{kubectl.PLURAL}.{GROUP}/{name}", "--type=merge", "-p", json.dumps(patch)


@pytest.fixture(scope="module")
def admin(served: pathlib.Path) -> Iterator[kubectl.Admin]:
    """An admin of a cluster in which an upgrade brought today's CRD to models that it would refuse."""
    one = kubectl.Admin(served)
    install(one, without_rules(grouped()))
    models = [model(name, spec) for name, spec in STORED.items()] + [model(name, {}) for name in NAMES]
    one.kubectl("create", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": models}))
    install(one, grouped())
    waiting.until("today's rules", lambda: is_refused(one))
    yield one
    one.kubectl("delete", "crd", f"{kubectl.PLURAL}.{GROUP}")


def goes_on(admin: kubectl.Admin, *names: str) -> None:
    """Write status, annotation and scale of the models."""
    models = [f"{kubectl.PLURAL}.{GROUP}/{name}" for name in names]
    admin.kubectl("patch", *models, "--subresource=status", "--type=merge", "-p", '{"status":{"model":"told"}}')
    admin.kubectl("annotate", *models, "example.com/note=read")
    admin.kubectl("scale", *models, "--replicas=2")
    for one in json.loads(admin.kubectl("get", *models, "-o", "json"))["items"]:
        assert one["metadata"]["annotations"]["example.com/note"] == "read"
        assert (one["spec"]["replicas"], one["status"]["model"]) == (2, "told")


def test_a_stored_model_that_a_newer_rule_would_refuse_is_told_of_annotated_and_scaled(admin: kubectl.Admin) -> None:
    goes_on(admin, *STORED)


def test_a_stored_model_whose_name_a_newer_rule_would_refuse_goes_on(admin: kubectl.Admin) -> None:
    goes_on(admin, *NAMES)


def test_a_change_of_a_certificate_is_refused_where_a_new_one_would_be(admin: kubectl.Admin) -> None:
    for changed, words in (("ours", "begins with the model's name"), ("other.tls", "no other model may have it")):
        said = admin.refusal(*tls("stored-0", secretName=changed))
        assert "spec.expose.ingress.tls.secretName" in said
        assert words in said
    said = admin.refusal(*tls("stored-0", secretName="other.tls", issuerRef=None))
    assert "the certificate of the model of that name" in said
    admin.kubectl(*tls("stored-0", secretName="stored-0.ours"))
