"""What clients are told is what serves: while a spec is paused, refused or rolled out, that is what an earlier spec asked for."""

from typing import Any

import pytest

from tests.golden import render
from vllm_operator import api, children
from vllm_operator.children import exposure, guide, ingress, service
from vllm_operator.keys import record
from vllm_operator.kube import cache, kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SETTINGS = render.SETTINGS
INSIDE = f"{service.address(OWNER)}/"
OLD: dict[str, Any] = {
    "model": {"source": "pvc://weights/meta/llama-8b"},
    "engine": {"image": "registry.example/vllm:1", "maxModelLen": 4096},
    "expose": {"host": "old.example", "ingress": {"tls": {"secretName": "tls"}}},
}
NEW: dict[str, Any] = {
    "model": {"source": "pvc://weights/meta/llama-70b"},
    "engine": {"image": "registry.example/vllm:2", "maxModelLen": 8192},
    "expose": {"host": "new.example", "ingress": {"tls": {"secretName": "tls"}}},
}
SERVED = children.Serving("meta/llama-8b", "Generate", 4096, "https://old.example/", "registry.example/vllm:1")
ASKED = children.Serving("meta/llama-70b", "Generate", 8192, "https://new.example/", "registry.example/vllm:2")
REFUSED = {"serviceAccountName": "admin"}


def decided(
    spec: dict[str, Any], *, pods: tuple[kinds.Object, ...] = (), live: dict[str, Any] | None = None, **kept: bool
) -> children.Serving:
    """Return what is told of a model that is changed to `spec`, and whose Deployment and Ingress are those of `live`."""
    parsed = api.Spec.model_validate(spec)
    deployment, edge = _deployment(live), _edge(live) if kept.get("edge", True) else None
    serving = children.serving(OWNER, parsed, SETTINGS, pods=pods, deployment=deployment, edge=edge)
    return children.plan(children.Inputs(OWNER, parsed, SETTINGS, serving)).serving


def pod(spec: dict[str, Any], created: str = "2026-01-01T00:00:00Z") -> kinds.Object:
    """Return a server of `spec` as the cache keeps it."""
    template = render.decided(OWNER, api.Spec.model_validate(spec)).revision["data"]["template"]
    metadata = {
        "name": created,
        "namespace": "models",
        "labels": naming.selector("vllm11"),
        "creationTimestamp": created,
    }
    whole = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {**metadata, "resourceVersion": "1"},
        "spec": template["spec"],
    }
    known = cache.Cache()
    known.put(whole)
    return known.of(kinds.Key("models", "vllm11"))[0]


def _deployment(spec: dict[str, Any] | None) -> kinds.Object | None:
    return render.decided(OWNER, api.Spec.model_validate(spec)).server[0] if spec else None


def _edge(spec: dict[str, Any] | None) -> kinds.Object | None:
    parsed = api.Spec.model_validate(spec) if spec else None
    return ingress.ingress(OWNER, parsed, SETTINGS, exposure.exposure(OWNER.name, parsed, SETTINGS)) if parsed else None


def test_a_new_model_is_told_as_its_spec_says() -> None:
    assert decided(NEW) == ASKED._replace(image="")


@pytest.mark.parametrize("held", [{"paused": True}, REFUSED], ids=["paused", "refused"])
def test_what_is_held_back_is_not_told(held: dict[str, Any]) -> None:
    """A new host, name, context and image wait as the servers and the Ingress do."""
    assert decided({**NEW, **held}, pods=(pod(OLD),), live=OLD) == SERVED
    assert decided({**NEW, **held}, live=OLD) == SERVED, "no server is ready"


def test_a_model_without_a_known_image_is_told_as_it_serves() -> None:
    bare = {**NEW, "engine": {}, "resources": {"limits": {"amd.com/gpu": 1}}}
    assert decided(bare, pods=(pod(OLD),), live=OLD) == SERVED


@pytest.mark.parametrize("held", [{"paused": True}, REFUSED], ids=["paused", "refused"])
def test_an_ingress_that_is_held_back_is_not_told(held: dict[str, Any]) -> None:
    """The model answers inside the cluster alone, and does so until its Ingress is made."""
    without = {**OLD, "expose": None}
    assert decided({**NEW, **held}, pods=(pod(OLD),), live=without, edge=False).url == INSIDE


def test_an_ingress_that_this_run_makes_is_told() -> None:
    assert decided(NEW, pods=(pod(OLD),), live=OLD, edge=False).url == "https://new.example/"


def test_an_ingress_is_told_until_it_is_gone() -> None:
    without = {**OLD, "expose": None}
    assert decided(without, pods=(pod(OLD),), live=OLD).url == "https://old.example/"
    assert decided(without, pods=(pod(OLD),), live=without, edge=False).url == INSIDE


def test_a_new_host_is_told_once_the_ingress_has_it() -> None:
    assert decided(NEW, pods=(pod(OLD),), live=OLD).url == "https://old.example/"
    assert decided(NEW, pods=(pod(OLD),), live={**OLD, "expose": NEW["expose"]}).url == "https://new.example/"


@pytest.mark.parametrize(("held", "path"), [({}, "/new"), ({"paused": True}, "/old"), (REFUSED, "/old")])
def test_the_path_is_the_one_that_the_edge_sends_requests_with(held: dict[str, Any], path: str) -> None:
    old, new = ({**spec, "expose": {**spec["expose"], "path": path}} for spec, path in ((OLD, "/old"), (NEW, "/new")))
    assert decided({**new, **held}, pods=(pod(OLD),), live=old).path == path
    assert decided({**OLD, **held}, live=OLD).path == ""


def test_plain_http_is_told_as_plain_http() -> None:
    plain = {**OLD, "expose": {"host": "old.example"}}
    assert decided(plain, live=plain).url == "http://old.example/"


def test_a_new_name_is_told_when_every_server_answers_to_it() -> None:
    """In a rollout to other weights, whose name is the default, the old name holds until the last old server is gone."""
    old, new = pod(OLD), pod(NEW, "2026-01-02T00:00:00Z")
    assert decided(NEW, pods=(new, old), live=NEW) == SERVED._replace(url="https://new.example/")
    assert decided(NEW, pods=(new,), live=NEW) == ASKED


def test_a_context_that_the_weights_decide_is_not_told() -> None:
    unbound = {**OLD, "engine": {"image": "registry.example/vllm:1"}}
    assert decided(NEW, pods=(pod(unbound),), live=unbound).context is None
    assert decided(unbound, live=unbound).context is None
    assert decided(unbound).context is None


@pytest.mark.parametrize("chosen", [None, 16_384])
def test_a_context_that_vllm_chooses_is_told_once_it_is_known(chosen: int | None) -> None:
    auto = api.Spec.model_validate({**OLD, "engine": {"image": "registry.example/vllm:1", "maxModelLen": "auto"}})
    assert children.serving(OWNER, auto, SETTINGS, chosen=chosen).context == chosen
    deployment = render.decided(OWNER, auto).server[0]
    assert children.serving(OWNER, auto, SETTINGS, deployment=deployment, chosen=chosen).context == chosen
    assert children.serving(OWNER, auto, SETTINGS, deployment=_deployment(OLD), chosen=chosen).context == 4096


def test_further_names_are_told_as_servers_answer_to_them() -> None:
    named = {**NEW, "model": {**NEW["model"], "servedNames": ["big", "meta/llama-70b"]}}
    assert decided(named).aliases == ("big",)
    assert decided(named, pods=(pod(OLD),), live=named).aliases == ()
    assert decided(named, pods=(pod(named),), live=named) == ASKED._replace(aliases=("big",))


def test_other_paths_are_open_and_told_once_the_servers_of_the_old_task_are_gone() -> None:
    embed = {**OLD, "model": {**OLD["model"], "task": "Embed"}, "expose": {**OLD["expose"], "guide": True}}
    old, new = pod(OLD), pod(embed, "2026-01-02T00:00:00Z")
    completions, embeddings = "/v1/completions", "/v1/embeddings"
    for pods, path, other in (((old, new), completions, embeddings), ((new,), embeddings, completions)):
        for shown in _paths_and_page(embed, pods):
            assert path in shown
            assert other not in shown


def _paths_and_page(spec: dict[str, Any], pods: tuple[kinds.Object, ...]) -> tuple[str, str]:
    """Return what guards are configured with, without the page for users, and that page."""
    parsed = api.Spec.model_validate(spec)
    serving = children.serving(OWNER, parsed, SETTINGS, pods=pods, deployment=_deployment(spec), edge=_edge(spec))
    page = guide.page(parsed.expose, SETTINGS, serving)
    bare = parsed.model_copy(update={"expose": None})
    plan = children.plan(children.Inputs(OWNER, bare, SETTINGS, serving))
    return record.decoded(children.guard_secret(plan, {}, 0), "routes.yaml"), page.body if page else ""


@pytest.mark.parametrize("length", ["9" * 5000, "8k", "²", "-1", ""])
def test_a_length_that_is_no_number_of_tokens_is_not_told(length: str) -> None:
    """Somebody edited the Deployment."""
    engine = {"name": "vllm", "args": ["meta/llama-8b", f"--max-model-len={length}"]}
    deployment = {"metadata": {}, "spec": {"template": {"spec": {"containers": [engine]}}}}
    found = children.serving(OWNER, api.Spec.model_validate(NEW), SETTINGS, deployment=deployment)
    assert found.context is None


V01_ARGUMENTS = [
    "meta/llama-8b", "--host=127.0.0.1", "--port=8001", "--served-model-name=meta/llama-8b", "--generation-config=vllm",
    "--max-num-queued-reqs=1088", "--shutdown-timeout=30", "--max-model-len=4096",
]  # fmt: skip
V01_ENGINE = {"name": "vllm", "image": "registry.example/vllm:1", "args": V01_ARGUMENTS}


@pytest.mark.parametrize("ready", [True, False])
def test_servers_of_version_0_1_are_told_as_they_serve(ready: bool) -> None:
    """Neither they nor their Deployment carry what this version writes beside them."""
    metadata = {"name": "a", "namespace": "models", "creationTimestamp": "2025-01-01T00:00:00Z"}
    server = {"metadata": metadata, "spec": {"containers": [V01_ENGINE]}}
    deployment = {"metadata": metadata, "spec": {"template": {"spec": {"containers": [V01_ENGINE]}}}}
    spec = api.Spec.model_validate({**NEW, "paused": True})
    pods = (server,) if ready else ()
    assert children.serving(OWNER, spec, SETTINGS, pods=pods, deployment=deployment, edge=_edge(OLD)) == SERVED


def test_an_engine_without_arguments_is_told_as_the_spec_says() -> None:
    """Somebody edited the Deployment; it is repaired, and until then nothing better is known."""
    deployment = {"metadata": {}, "spec": {"template": {"spec": {"containers": [{"name": "vllm"}]}}}}
    found = children.serving(OWNER, api.Spec.model_validate(NEW), SETTINGS, deployment=deployment, edge=_edge(OLD))
    assert found == ASKED._replace(url="https://old.example/", image="")


def test_a_host_of_others_is_told_to_nobody() -> None:
    assert decided({**NEW, "expose": {"host": "bank.example.com"}}).url == INSIDE
