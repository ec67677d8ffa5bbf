"""A ModelDeployment in an admin's hands: kubectl explains, lists and scales it like the kinds that come with Kubernetes."""

import pathlib
from collections.abc import Iterator

import pytest

from tests import kubectl

COLUMNS = ["NAME", "READY", "DESIRED", "STATUS", "URL", "MODEL", "AGE"]
WIDE = ["KEY", "IMAGE", "ACCELERATORS", "UPGRADE"]


@pytest.fixture(scope="module")
def admin(served: pathlib.Path) -> Iterator[kubectl.Admin]:
    """A namespace of its own with one model, which no operator looks at."""
    admin = kubectl.Admin(served, "kubectl")
    admin.kubectl("create", "namespace", "kubectl")
    body = kubectl.model("shown")
    admin.apply({**body, "metadata": {"name": "shown"}})
    yield admin
    admin.kubectl("delete", "namespace", "kubectl", "--wait=false")


@pytest.mark.parametrize(
    ("field", "words"),
    [
        ("", "one apply gives it a URL, a key and a truthful status"),
        (".spec.model.source", "pvc://claim"),
        (".spec.access.maxQueuedRequests", "more get 503 with Retry-After"),
        (".spec.engine.allowLongContext", "One long prompt can end the server"),
        (".status.conditions", "Available, Ready, Progressing"),
    ],
)
def test_explain_says_what_a_field_is(admin: kubectl.Admin, field: str, words: str) -> None:
    assert words in " ".join(admin.kubectl("explain", f"vllm{field}").split())


def test_columns(admin: kubectl.Admin) -> None:
    assert admin.kubectl("get", "vllm").splitlines()[0].split() == COLUMNS
    assert admin.kubectl("get", "vllm", "-o", "wide").splitlines()[0].split() == [*COLUMNS, *WIDE]


def test_names_that_kubectl_takes(admin: kubectl.Admin) -> None:
    for kind in ("vllm", "modeldeployment", "modeldeployments", "modeldeployments.serving.byteshop.in", "all"):
        assert "modeldeployment.serving.byteshop.in/shown" in admin.kubectl("get", kind, "-o", "name").split()


def test_scale_goes_through_the_subresource_that_autoscalers_use(admin: kubectl.Admin) -> None:
    admin.kubectl("scale", "vllm", "shown", "--replicas=3")
    found = admin.kubectl("get", "vllm", "shown", "--subresource=scale", "-o", "jsonpath={.kind} {.spec.replicas}")
    assert found == "Scale 3"


def test_applied_again_it_is_unchanged(admin: kubectl.Admin) -> None:
    body = {**kubectl.model("twice"), "metadata": {"name": "twice"}}
    admin.apply(body)
    before = admin.get("vllm", "twice")["metadata"]["resourceVersion"]
    admin.apply(body)
    assert admin.get("vllm", "twice")["metadata"]["resourceVersion"] == before
