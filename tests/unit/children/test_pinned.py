"""A pinned template is judged like a spec: what no version of the operator rendered, or nobody may name, is never written."""

import copy
import pathlib
from typing import Any

import pytest

from tests.golden import render
from vllm_operator import api, children, config
from vllm_operator.children import pinned, rollout, template
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SPEC = api.Spec(model=api.Model(source="file:///models/facebook/opt-125m"))
SETTINGS = config.Config(
    guard_image="registry.example/envoy:v1.40.0",
    engine_images={"cpu": "registry.example/vllm-cpu:1"},
    allow=config.Allow(images=("registry.example/",), service_accounts=("reader",)),
)
FORGED: dict[str, dict[str, Any]] = {
    "the node's network": {"hostNetwork": True},
    "the node's processes": {"hostPID": True},
    "a node of its choice": {"nodeName": "control-plane"},
    "a token": {"automountServiceAccountToken": True},
    "another account": {"serviceAccountName": "admin"},
    "a priority of the system": {"priorityClassName": "system-node-critical"},
    "root": {"securityContext": {"runAsNonRoot": False, "seccompProfile": {"type": "RuntimeDefault"}}},
    "no seccomp": {"securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "Unconfined"}}},
    "no security context": {"securityContext": {}},
    "a host path": {"volumes": [{"name": "v", "hostPath": {"path": "/"}}]},
    "a projected token": {
        "volumes": [{"name": "v", "projected": {"sources": [{"serviceAccountToken": {"path": "t"}}]}}]
    },
    "an image volume": {"volumes": [{"name": "v", "image": {"reference": "evil.example/x"}}]},
}
FORGED_ENGINE: dict[str, dict[str, Any]] = {
    "an image": {"image": "evil.example/x"},
    "an image that climbs": {"image": "registry.example/../evil"},
    "a command": {"command": ["sh", "-c", "id"]},
    "no command": {"command": None},
    "a capability": {"securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True,
                                         "capabilities": {"drop": ["ALL"], "add": ["SYS_ADMIN"]}}},
    "privileges": {"securityContext": {"privileged": True}},
    "a port of the node": {"ports": [{"containerPort": 1, "hostPort": 1}]},
}  # fmt: skip


def plan(
    *revisions: kinds.Object,
    deployment: kinds.Object | None = None,
    settings: config.Config = SETTINGS,
    spec: api.Spec = SPEC,
    pods: tuple[kinds.Object, ...] = (),
) -> children.Plan:
    serving = children.serving(OWNER, spec, settings)
    at_work = template.digest(spec) if deployment else ""
    live = rollout.Live(deployment, pods)
    return children.plan(children.Inputs(OWNER, spec, settings, serving, revisions, at_work=at_work, live=live))


def server(of: children.Plan) -> kinds.Object:
    [deployment] = of.server
    return deployment


def forged(of_pod: dict[str, Any], of_engine: dict[str, Any]) -> kinds.Object:
    """Return the model's ControllerRevision with that in its template, under its own name and inputs."""
    made = copy.deepcopy(plan().revision)
    spec = made["data"]["template"]["spec"]
    spec |= of_pod
    spec["containers"][0] |= of_engine
    return made


@pytest.mark.parametrize(
    ("of_pod", "of_engine"),
    [*((one, {}) for one in FORGED.values()), *(({}, one) for one in FORGED_ENGINE.values())],
    ids=[*FORGED, *FORGED_ENGINE],
)
def test_a_forged_template_is_not_written(of_pod: dict[str, Any], of_engine: dict[str, Any]) -> None:
    planned = plan(forged(of_pod, of_engine))
    assert server(planned) == server(plan())
    assert planned.revision["metadata"]["name"] == f"vllm11.template.{template.digest(SPEC)}"
    assert planned.at_work is None


@pytest.mark.parametrize(
    "of_engine",
    [
        {"resources": []},
        {"resources": {"limits": ["nvidia.com/gpu"]}},
        {"resources": {"limits": {"nvidia.com/gpu": {}}}},
        {"resources": {"claims": ["gpu"]}},
        {"args": {"--model": "x"}},
        {"args": [1]},
        {"env": {"A": "b"}},
        {"env": [{"value": "b"}]},
        {"volumeMounts": [{"mountPath": 1}]},
        {"volumeMounts": "all"},
    ],
)
def test_a_template_whose_fields_are_of_other_types_is_not_written(of_engine: dict[str, Any]) -> None:
    """Nobody checks the data of a ControllerRevision; a run that reads it would end by an error, and with it all keys."""
    planned = plan(forged({}, of_engine))
    assert server(planned) == server(plan())
    assert planned.at_work is None


@pytest.mark.parametrize("part", ["nodeSelector", "tolerations", "affinity", "volumes", "resourceClaims"])
def test_a_pod_whose_fields_are_of_other_types_is_not_written(part: str) -> None:
    for value in ("x", 1, [1], None):
        assert server(plan(forged({part: value}, {}))) == server(plan())


@pytest.mark.parametrize("data", [None, {}, {"template": []}, {"template": {"spec": {"containers": [1]}}}])
def test_what_is_no_template_is_not_written(data: Any) -> None:
    assert server(plan({**plan().revision, "data": data})) == server(plan())


def test_what_was_pinned_stays() -> None:
    """Also one of an earlier release whose images are no longer the settings', and that no list names."""
    earlier = SETTINGS.model_copy(
        update={"engine_images": {"cpu": "old.example/vllm:1"}, "guard_image": "old.example/envoy:v1.39.0"}
    )
    before = plan(settings=earlier)
    after = plan(before.revision, deployment=server(before))
    assert server(after)["spec"]["template"] == server(before)["spec"]["template"]
    other = plan(before.revision)
    assert server(other)["spec"]["template"] == server(plan())["spec"]["template"]


def upgraded(**names: str) -> config.Config:
    """Return the settings of a chart whose own images no list names."""
    images = {"guard_image": names["guard"], "engine_images": {"cpu": names["engine"]}}
    return SETTINGS.model_copy(update={**images, "allow": config.Allow(images=("registry.example/team/",))})


def test_an_earlier_version_of_the_charts_own_images_stays_the_way_back() -> None:
    before = upgraded(guard="docker.io/envoyproxy/envoy:v1.39.0", engine="vllm/vllm-openai-cpu:v0.32.0")
    after = upgraded(guard="docker.io/envoyproxy/envoy:v1.40.0", engine="vllm/vllm-openai-cpu:v0.33.0")
    revision = plan(settings=before).revision
    changed = SPEC.model_copy(update={"engine": api.Engine(args=("--seed=1",))})
    rolled = server(plan(revision, settings=after, spec=changed))
    assert pinned.judged(judged_inputs(revision, settings=after, spec=changed, deployment=rolled)) == (revision,)


def judged_inputs(*revisions: kinds.Object, settings: config.Config, spec: api.Spec, **live: Any) -> children.Inputs:
    serving = children.serving(OWNER, spec, settings)
    return children.Inputs(OWNER, spec, settings, serving, revisions, live=rollout.Live(**live))


def test_what_servers_run_that_are_still_there_stays() -> None:
    before = plan(settings=upgraded(guard="elsewhere.example/envoy:v1.39.0", engine="elsewhere.example/vllm:1"))
    pod = {"kind": "Pod", **before.revision["data"]["template"]}
    changed = SPEC.model_copy(update={"engine": api.Engine(args=("--seed=1",))})
    inputs = judged_inputs(before.revision, settings=SETTINGS, spec=changed, pods=(pod,))
    assert pinned.judged(inputs) == (before.revision,)
    assert pinned.judged(inputs._replace(live=rollout.Live()))[0]["data"] == {}


def test_a_security_profile_that_an_admin_allows_stays() -> None:
    key = "container.apparmor.security.beta.kubernetes.io/vllm"
    asked = SPEC.model_copy(update={"pod_metadata": api.PodMetadata(annotations={key: "runtime/default"})})
    revision = plan(spec=asked).revision
    allowing = SETTINGS.model_copy(update={"allow": config.Allow(pod_annotations=(key,))})
    assert pinned.judged(judged_inputs(revision, settings=allowing, spec=SPEC))[0] == revision
    assert pinned.judged(judged_inputs(revision, settings=SETTINGS, spec=asked))[0] == revision
    assert pinned.judged(judged_inputs(revision, settings=SETTINGS, spec=SPEC))[0]["data"] == {}


def test_an_account_that_the_list_has_stays() -> None:
    assert (
        server(plan(forged({"serviceAccountName": "reader"}, {})))["spec"]["template"]["spec"]["serviceAccountName"]
        == "reader"
    )


@pytest.mark.parametrize("folder", render.CASES, ids=str)
def test_whatever_is_rendered_is_gone_by(folder: pathlib.Path) -> None:
    model = render.model(folder)
    owner, spec = naming.owner(model), api.Spec.model_validate(model["spec"])
    revision = render.decided(owner, spec).revision
    assert render.decided(owner, spec, render.SETTINGS, revision).revision == revision
