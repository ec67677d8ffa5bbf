"""What is observed of a model, from a few words, and the status that it deserves: what tests of the status begin with.

A state is described by what the world adds to the model's children: `deployment` and `ingress` (their `status`), `pods`, what
stood in the way of the writes (`missing`, `strangers`, `refused`; `troubles`: reason and message by client), and what was
answered (`guards`: of each pod the version, if not the newest, and the number rejected, or None where it is silent; `verified`:
status, reason and message).
"""

from typing import Any

from tests.golden import render
from vllm_operator import api, children, config, guard
from vllm_operator.children import template
from vllm_operator.keys import record
from vllm_operator.kube import errors, failures, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import observed, rules

PLAIN = render.case("plain")
SIGNS = {"True": "+", "False": "-", "Unknown": "?"}
VERIFIED = {"status": "True", "reason": "Verified", "message": "a token came back through the Service"}


def model(spec: dict[str, Any] | None = None, **metadata: Any) -> kinds.Object:
    """Return the plain golden model with other fields in its spec and metadata."""
    return {**PLAIN, "metadata": {**PLAIN["metadata"], **metadata}, "spec": {**PLAIN["spec"], **(spec or {})}}


def pod(name: str, created: str = render.NOW, **status: Any) -> kinds.Object:
    """Return a pod of the plain model; one of which nothing is said answers."""
    metadata = {"name": name, "namespace": "models", "creationTimestamp": created}
    status = status or {"conditions": [{"type": "Ready", "status": "True"}]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}


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


def state(one: kinds.Object, said: dict[str, Any]) -> observed.ObservedState:
    """Return the state of the model `one` that `said` describes."""
    objects = [_with_status(child, said) for child in render.desired(one)] + said.get("pods", [])
    return observed.ObservedState(
        one,
        {kinds.ref(obj): obj for obj in objects},
        missing=tuple(kinds.Ref(*ref) for ref in said.get("missing", [])),
        failures=_failures(said),
        guards={name: _guard(found, one) for name, found in said.get("guards", {}).items()},
        troubles={client: ConditionValue("False", *why) for client, why in said.get("troubles", {}).items()},
        verified=ConditionValue(**said["verified"]) if said.get("verified") else None,
    )


def status(
    found: observed.ObservedState, settings: config.Config = render.SETTINGS, now: str = render.NOW
) -> kinds.Object:
    """Return the status that a state deserves."""
    owner, spec = found.owner, api.Spec.model_validate(found.model["spec"])
    revisions = tuple(obj for obj in found.objects.values() if obj["kind"] == "ControllerRevision")
    serving = children.serving(owner, spec, settings)
    asked = template.asked(found.model)
    return rules.status(
        found, children.plan(children.Inputs(owner, spec, settings, serving, revisions, "", asked)), now
    )


def signs(body: kinds.Object) -> str:
    """Return the conditions of a status in one line, such as `+Serving -Complete ?NoGuards`."""
    return " ".join(f"{SIGNS[one['status']]}{one['reason']}" for one in body["conditions"])


def messages(body: kinds.Object) -> dict[str, str]:
    """Return what a status says, by condition."""
    return {one["type"]: one["message"] for one in body["conditions"]}


def _with_status(child: kinds.Object, said: dict[str, Any]) -> kinds.Object:
    found = said.get(child["kind"].lower())
    return {**child, "metadata": {**child["metadata"], "generation": 1}, "status": found} if found else child


def _failures(said: dict[str, Any]) -> failures.Failures:
    taken = {kinds.Ref(*ref): failures.NotOwned(kinds.Ref(*ref), holder) for ref, holder in said.get("strangers", [])}
    refused = {kinds.Ref(*ref): errors.Invalid(422, "Invalid", words) for ref, words in said.get("refused", [])}
    return {ref: failures.value(ref, met) for ref, met in {**taken, **refused}.items()}


def _guard(said: dict[str, Any] | None, one: kinds.Object) -> guard.State | None:
    newest = record.guard_version(render.guard_secret(one))
    return None if said is None else guard.State(said.get("version", newest), said.get("rejected", 0))
