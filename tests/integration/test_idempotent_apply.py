"""Every kind of child is written as the API server writes it: applied again, nothing changes, and nothing seems to differ."""

import contextlib
import pathlib
import uuid

import pytest

from tests import canonical, logins
from tests.golden import render
from vllm_operator import api, children, config, keys
from vllm_operator.kube import apply, cache, client, diff, errors, kinds, naming, requests

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
        "engine": {"maxModelLen": 4096, "env": [{"name": "TZ", "value": "<a&b> é"}], "startupTimeout": "90s"},
        "expose": {"host": "full.example", "ingress": {"className": "contour", "tls": {"secretName": "full-tls"}}},
    },
    "golden": render.case("full")["spec"],
}
TRIES = 50


def desired(owner: naming.Owner, spec: str) -> tuple[kinds.Object, ...]:
    issued = {"default": keys.Issued("sk-" + "a" * 43, 1, 1, (keys.Previous("sk-" + "b" * 43, 2),))}
    plan = render.decided(owner, api.Spec.model_validate(SPECS[spec]), SETTINGS)
    guard = children.guard_secret(plan, issued, 0)
    return (*children.client_secrets(plan, issued), guard, *plan.first, *plan.server)


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
        assert await _writes(real, seen := cache.Cache(), wanted, owner) == ["create"]
        assert await _writes(real, seen, wanted, owner) == []
        wanted["metadata"]["labels"]["changed"] = "1"
        assert await _writes(real, seen, wanted, owner) == ["patch"]
        live = await real.get(kinds.ref(wanted))
        assert diff.patch(wanted, live) == []
        del wanted["metadata"]["labels"]["changed"]
        assert await _writes(real, seen, wanted, owner) == ["patch"]
        assert "changed" not in (await real.get(kinds.ref(wanted)))["metadata"]["labels"]
        assert await _writes(real, seen, wanted, owner) == []


async def _writes(real: client.ApiClient, seen: cache.Cache, wanted: kinds.Object, owner: naming.Owner) -> list[str]:
    """Ensure as the queue does, a run that the object's own controller came in between once more; return what was written."""
    made: list[str] = []
    real._connection._observe = lambda verb, _resource, code: (
        made.append(verb) if verb != "get" and code < 300 else None
    )
    write = apply.Applier(real, seen)
    for _ in range(TRIES):
        with contextlib.suppress(errors.Conflict):
            await write.ensure(wanted, owner)
            return made
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
