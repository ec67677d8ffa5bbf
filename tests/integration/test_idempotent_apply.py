"""Every kind of child is written as the API server writes it: applied again, nothing changes, and nothing seems to differ."""

import contextlib
import pathlib
import uuid

import pytest

from tests import canonical, logins
from tests.golden import render
from vllm_operator import api, children, config, keys
from vllm_operator.kube import apply, cache, client, diff, errors, field_ownership, kinds, naming, requests

NAMESPACE = kinds.Kind("v1", "Namespace", "namespaces", namespaced=False)
SETTINGS = config.Config(
    domain="models.example",
    tls_secret="models-tls",
    monitoring_namespaces=("monitoring",),
    engine_images=render.ENGINES,
    allow=render.ALLOW,
)
SPECS = {
    "plain": {"model": {"source": "file:///models/opt"}},
    "full": {
        "model": {"source": "pvc://weights/opt"},
        "replicas": 0,
        "resources": {"limits": {"nvidia.com/gpu": 1, "memory": "32768Mi", "cpu": "8000m"}},
        "engine": {"maxModelLen": 4096, "env": [{"name": "A", "value": "<a&b> é"}], "startupTimeout": "90s"},
        "expose": {"host": "full.example", "ingress": {"className": "contour", "tls": {"secretName": "full-tls"}}},
    },
    "golden": render.case("full")["spec"],
}
TRIES = 50


def desired(owner: naming.Owner, spec: str) -> tuple[kinds.Object, ...]:
    issued = {"default": keys.Issued("sk-" + "a" * 43, 1, 1, (keys.Previous("sk-" + "b" * 43, 2),))}
    return children.desired(children.Plan(owner, api.Spec.model_validate(SPECS[spec]), SETTINGS, issued))


def nth(index: int) -> str:
    child = desired(naming.Owner("models", "vllm11", "uid"), "plain")[index]
    return f"{child['kind']}-{child['metadata']['name']}"


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("index", range(len(desired(naming.Owner("models", "vllm11", "uid"), "plain"))), ids=nth)
async def test_applied_twice_is_applied_once(served: pathlib.Path, spec: str, index: int) -> None:
    async with client.ApiClient(logins.kubeconfig(served)) as real:
        owner = await _owner(real)
        wanted = desired(owner, spec)[index]
        assert canonical.lossy(wanted) == ()
        write = apply.Applier(real, seen := cache.Cache())
        assert await _ensured(write, wanted, owner) == "created"
        assert await _ensured(write, wanted, owner) == "unchanged"
        wanted["metadata"]["labels"]["changed"] = "1"
        assert await _ensured(write, wanted, owner) == "applied"
        assert not write._unsettled
        if wanted["kind"] != kinds.CONTROLLER_REVISION.kind:  # its data is never applied
            live = await _settled(real, wanted)
            assert diff.differs(wanted, live) is None
            assert not field_ownership.is_posted(live)
        assert await apply.Applier(real, seen).ensure(wanted, owner) == "unchanged"


async def _ensured(write: apply.Applier, wanted: kinds.Object, owner: naming.Owner) -> apply.Outcome:
    """Ensure as the queue does: a run that the object's own controller came in between is done again."""
    for _ in range(TRIES):
        with contextlib.suppress(errors.Conflict):
            return await write.ensure(wanted, owner)
    raise AssertionError(f"{kinds.ref(wanted)} was never left alone")


async def _owner(real: client.ApiClient) -> naming.Owner:
    """Make a namespace and a model in it, so that garbage collection leaves its children alone."""
    namespace = f"settled-{uuid.uuid4().hex[:10]}"
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
    await real._connection.call("create", requests.all_of(NAMESPACE), body=body)
    model = {
        "apiVersion": kinds.MODEL_DEPLOYMENT.api_version,
        "kind": kinds.MODEL_DEPLOYMENT.kind,
        "metadata": {"name": "vllm11", "namespace": namespace},
        "spec": SPECS["plain"],
    }
    return naming.owner(await real.create(model))


async def _settled(real: client.ApiClient, wanted: kinds.Object) -> kinds.Object:
    """Apply `wanted` twice in a row without a change between; controllers write too, so try until they are done."""
    ref = kinds.ref(wanted)
    body = (
        {**wanted, "spec": {k: v for k, v in wanted["spec"].items() if k != "replicas"}} if "spec" in wanted else wanted
    )
    annotation = (await real.get(ref))["metadata"]["annotations"][naming.HASH_ANNOTATION]
    annotations = {**wanted["metadata"].get("annotations", {}), naming.HASH_ANNOTATION: annotation}
    body = {**body, "metadata": {**wanted["metadata"], "annotations": annotations}}
    for _ in range(TRIES):
        uid = (await real.get(ref))["metadata"]["uid"]
        try:
            first, second = [await real.apply(body, uid) for _ in range(2)]
        except errors.Conflict:
            continue
        if first["metadata"]["resourceVersion"] == second["metadata"]["resourceVersion"]:
            return second
    raise AssertionError(f"{ref} changes with each apply")
