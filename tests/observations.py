"""What is observed of a model, from a few words, and the status that it deserves: what tests of the status begin with.

A state is described by what others add to the model's children: `deployment` and `ingress` (their `status`), `pods`, the spec
that the children were `made_of`, if that is an earlier one, the fields of a pod that the API server `dropped`, what is
`remembered` of the rollout, what stood in the way of the writes (`absent`: children that are not there; `failures`: what writes
met, by kind; `missing`: kind and name of dependencies; `troubles`: reason and message by client), and what was answered
(`guards`: of each pod the version, if not the newest, and the number rejected, and its engine's stalls, or None where it is
silent; `verified`: a condition's value).
"""

from collections.abc import Collection
from typing import Any

from tests.golden import render
from vllm_operator import api, children, config, guard
from vllm_operator.children import rollout_record, template
from vllm_operator.keys import record
from vllm_operator.kube import failures, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import dependencies, observed, pod_diagnosis, rollout, summary

PLAIN = render.case("plain")
SIGNS = {"True": "+", "False": "-", "Unknown": "?"}
VERIFIED = ConditionValue("True", "Verified", "a token came back through the Service")


def model(spec: dict[str, Any] | None = None, **metadata: Any) -> kinds.Object:
    """Return the plain golden model with other fields in its spec and metadata."""
    return {**PLAIN, "metadata": {**PLAIN["metadata"], **metadata}, "spec": {**PLAIN["spec"], **(spec or {})}}


def pod(name: str, created: str = render.NOW, **status: Any) -> kinds.Object:
    """Return a pod of the plain model; one of which nothing is said answers."""
    metadata = {"name": name, "namespace": "models", "creationTimestamp": created}
    status = status or {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


def earlier(one: kinds.Object) -> kinds.Object:
    """Return a pod as made of an earlier template."""
    labels = {naming.TEMPLATE_LABEL: "earlier"}
    return {
        **one,
        "metadata": {**one["metadata"], "annotations": {naming.INPUTS_ANNOTATION: "earlier"}, "labels": labels},
    }


def rolled_out(servers: int = 1, **changed: Any) -> dict[str, Any]:
    """Return the status of a Deployment whose servers are all new and answer, but for what is changed."""
    counted = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return {"observedGeneration": 1, **dict.fromkeys(counted, servers), **changed}


def serving(*pods: str, **changed: Any) -> dict[str, Any]:
    """Return the description of a model that serves from these pods, and as it should, but for what is changed."""
    names = pods or ("a",)
    whole = {
        "deployment": rolled_out(len(names)),
        "pods": [pod(name) for name in names],
        "guards": {name: {} for name in names},
        "verified": VERIFIED,
    }
    return {**whole, **changed}


def state(
    one: kinds.Object, described: dict[str, Any], settings: config.Config = render.SETTINGS
) -> observed.ObservedState:
    """Return the state of the model `one` that is `described`."""
    made_of = {**one, "spec": described.get("made_of", one["spec"])}
    children_of = [_with_status(child, described) for child in render.desired(made_of)]
    unwritten = {kinds.Ref(kind, "models", "vllm11"): met for kind, met in described.get("failures", {}).items()}
    unseen = {ref for ref, met in unwritten.items() if isinstance(met, str)}
    live = [
        obj for obj in children_of if kinds.ref(obj) not in unseen and obj["kind"] not in described.get("absent", [])
    ]
    pods = [_marked(each, children_of) for each in described.get("pods", [])]
    found = observed.ObservedState(
        one,
        {kinds.ref(obj): obj for obj in (*live, *pods)},
        failures={ref: failures.value(ref, _met(ref, met)) for ref, met in unwritten.items()},
        guards={name: _guard(of_pod, one) for name, of_pod in described.get("guards", {}).items()},
        troubles={client: ConditionValue("False", *why) for client, why in described.get("troubles", {}).items()},
        verified=described.get("verified"),
        host_of=described.get("host_of"),
        stock=described.get("stock"),
    )
    return found._replace(missing=_missing(described.get("missing", []), found, settings))


def plan(
    found: observed.ObservedState, settings: config.Config = render.SETTINGS, now: str = render.NOW
) -> children.Plan:
    """Return what is decided of a model in that state."""
    owner, spec = found.owner, api.Spec.model_validate(found.model["spec"])
    deployment = found.child(kinds.DEPLOYMENT, owner.name)
    pods = [one for one in found.pods() if pod_diagnosis.is_ready(one)]
    serving = children.serving(owner, spec, settings, pods=pods, deployment=deployment, edge=found.edge())
    revisions = tuple(obj for obj in found.objects.values() if obj["kind"] == "ControllerRevision")
    at_work = (deployment or {"metadata": {}})["metadata"].get("annotations", {}).get(naming.INPUTS_ANNOTATION, "")
    asked = template.asked(found.model)
    live = rollout.live(found, api.unix(now))
    return children.plan(children.Inputs(owner, spec, settings, serving, revisions, at_work, asked, live=live))


def status(
    found: observed.ObservedState, settings: config.Config = render.SETTINGS, now: str = render.NOW
) -> kinds.Object:
    """Return the status that a state deserves."""
    return summary.status(found, plan(found, settings, now), now)


def condition(body: kinds.Object, kind: str) -> kinds.Object:
    """Return the condition of that type in a status."""
    return next(dict(one) for one in body["conditions"] if one["type"] == kind)


IMAGES_ALONE = "EngineCurrent"
"""The condition that depends on the engine's image and on nothing else: test_engine_version.py has its table."""


def signs(body: kinds.Object) -> str:
    """Return the conditions of a status in one line, such as `+Serving -Complete ?NoGuards`, without the image's alone."""
    return " ".join(
        f"{SIGNS[one['status']]}{one['reason']}" for one in body["conditions"] if one["type"] != IMAGES_ALONE
    )


def messages(body: kinds.Object) -> dict[str, str]:
    """Return what a status says, by condition."""
    return {one["type"]: one["message"] for one in body["conditions"]}


def _with_status(child: kinds.Object, described: dict[str, Any]) -> kinds.Object:
    found = described.get(child["kind"].lower())
    if child["kind"] == kinds.DEPLOYMENT.kind and "remembered" in described:
        noted = {naming.ROLLOUT_ANNOTATION: rollout_record.written(described["remembered"])}
        annotations = {**child["metadata"]["annotations"], **noted}
        child = {**child, "metadata": {**child["metadata"], "annotations": annotations}}
    if child["kind"] == kinds.DEPLOYMENT.kind:
        child = _without(child, described.get("dropped", ()))
    return {**child, "metadata": {**child["metadata"], "generation": 1}, "status": found} if found else child


def _without(deployment: kinds.Object, dropped: Collection[str]) -> kinds.Object:
    """Return a Deployment whose pods lack the fields."""
    of_pods = deployment["spec"]["template"]
    kept = {name: value for name, value in of_pods["spec"].items() if name not in dropped}
    return {**deployment, "spec": {**deployment["spec"], "template": {**of_pods, "spec": kept}}}


def _marked(one: kinds.Object, children_of: list[kinds.Object]) -> kinds.Object:
    """Return a pod as made of the Deployment's template, unless it says of which."""
    templates = (child["data"]["template"] for child in children_of if child["kind"] == kinds.CONTROLLER_REVISION.kind)
    mark = {naming.INPUTS_ANNOTATION: template.mark(next(templates, {"metadata": {}}))}
    return {**one, "metadata": {"annotations": mark, **one["metadata"]}}


def _met(ref: kinds.Ref, met: Exception | str) -> Exception:
    """Return what a write met; a text is who holds the name."""
    return failures.NotOwned(ref, met) if isinstance(met, str) else met


def _missing(
    named: list[str], found: observed.ObservedState, settings: config.Config
) -> tuple[dependencies.Dependency, ...]:
    """Return those of the model's dependencies that are `named`, by kind and name; each must be one."""
    missing = tuple(one for one in dependencies.of(plan(found, settings)) if str(one.ref) in named)
    assert {str(one.ref) for one in missing} == set(named)
    return missing


def _guard(described: dict[str, Any] | None, one: kinds.Object) -> guard.State | None:
    newest = record.guard_version(render.guard_secret(one))
    if described is None:
        return None
    return guard.State(described.get("version", newest), described.get("rejected", 0), described.get("stalls"))
