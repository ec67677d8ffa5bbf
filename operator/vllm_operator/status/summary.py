"""The status of a model as a whole: what serves, how many servers, its clients, its conditions. Each text fits the schema.

Pure: `now` comes in, and a condition keeps its transition time while its status stays.
"""

import traceback
from collections.abc import Iterable

from vllm_operator import api, children, keys
from vllm_operator.engine import accelerators
from vllm_operator.keys import record
from vllm_operator.kube import conditions as kube_conditions
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import conditions, context, guard_conditions, outage, restarts, rule, starts, weights
from vllm_operator.status.observed import ObservedState


def status(observed: ObservedState, plan: children.Plan, now: str) -> kinds.Object:
    """Return the status that `observed` deserves; `now` is an RFC 3339 time in UTC."""
    at = context.of(observed, plan, api.unix(now))
    values = {kind: rule.first(rules, at) for kind, rules in conditions.CONDITIONS.items()}
    last_outage = outage.last(observed.model, values["Available"], plan.spec.replicas, now, _cause(values["Available"]))
    since = plan.rollout.record.since
    values["Ready"] = restarts.told(values["Ready"], at.restarts, at.now)
    values |= {kind: outage.told(values[kind], last_outage, since) for kind in ("Ready", "Progressing")}
    found = {
        "observedGeneration": observed.model["metadata"]["generation"],
        "url": plan.serving.url,
        "model": plan.serving.model,
        "image": plan.serving.image or plan.image,
        **({"adapters": list(plan.serving.adapters)} if plan.serving.adapters else {}),
        **_context(plan, at),
        "accelerators": ", ".join(_accelerators(plan)),
        **({"upgrade": "Available"} if plan.is_behind else {}),
        "replicas": at.count("replicas"),
        "readyReplicas": at.ready,
        "updatedReplicas": at.updated,
        "selector": ",".join(f"{name}={value}" for name, value in naming.selector(observed.owner.name).items()),
        **weights.weights(observed, plan),
        "clients": [_client(client, observed) for client in keys.clients(plan.spec.access)],
        **starts.starts(observed, api.unix(now)),
        **({"restarts": at.restarts.body} if at.restarts else {}),
        **({"lastOutage": last_outage} if last_outage else {}),
        "conditions": [_condition(kind, value, observed.model, now) for kind, value in values.items() if value],
    }
    return api.fitted(found)


def _cause(available: ConditionValue | None) -> str:
    """Return what Available names as the cause of an outage; "" where nobody needs to act."""
    is_calm = available is None or available.reason in conditions.CALM
    return "" if available is None or is_calm else f"{available.reason}: {available.message}"


def _context(plan: children.Plan, at: context.StatusContext) -> dict[str, int]:
    """Return the length of the context that servers have: while none answers, only what vLLM was seen to choose stays."""
    is_known = at.answers() or plan.spec.engine.max_model_len == "auto"
    return {"maxModelLen": plan.serving.context} if plan.serving.context and is_known else {}


def unreadable(model: kinds.Object, error: api.SpecNotUnderstood, now: str) -> kinds.Object:
    """Return the status of a model whose spec cannot be understood: as before, but for Ready, which says so."""
    value = ConditionValue("False", "SpecNotUnderstood", f"the spec cannot be understood: {error}")
    return _as_before(model, value, now)


def failed(model: kinds.Object, fault: Exception, now: str) -> kinds.Object:
    """Return the status of a model with which the operator met a fault of its own: as before, but for Ready, which says so.

    What the fault says is left out, because it may quote a secret.
    """
    at = traceback.extract_tb(fault.__traceback__)[-1:]
    place = "".join(f" in {one.filename.rpartition('/')[2]}, line {one.lineno}" for one in at)
    words = f"the operator met an error that it did not expect ({type(fault).__name__}{place}): report it with its log"
    return _as_before(model, ConditionValue("False", "OperatorFailed", words), now)


def _as_before(model: kinds.Object, value: ConditionValue, now: str) -> kinds.Object:
    ready = _condition("Ready", value, model, now)
    before = {one["type"]: one for one in kube_conditions.conditions(model)}
    after = list({**before, "Ready": ready}.values())
    generation = model["metadata"]["generation"]
    return api.fitted({**model.get("status", {}), "observedGeneration": generation, "conditions": after})


def _condition(kind: str, value: ConditionValue, model: kinds.Object, now: str) -> kinds.Object:
    before = kube_conditions.condition(model, kind)
    is_unchanged = before is not None and before["status"] == value.status
    return {
        "type": kind,
        "status": value.status,
        "reason": value.reason,
        "message": value.message,
        "observedGeneration": value.generation or model["metadata"]["generation"],
        "lastTransitionTime": before["lastTransitionTime"] if before and is_unchanged else now,
    }


def _client(client: api.Client, observed: ObservedState) -> kinds.Object:
    name = naming.client_secret(observed.owner.name, client.name)
    secret = observed.child(kinds.SECRET, name)
    issued = record.stored(secret).issued if secret else None
    return {
        "name": client.name,
        "secretName": name,
        **({"keyVersion": issued.version} if issued and issued.version else {}),
        **({"expiresAt": client.expires_at} if client.expires_at else {}),
        "appliedOn": guard_conditions.applied_on(observed, client.name),
    }


def _accelerators(plan: children.Plan) -> Iterable[str]:
    """Yield the accelerators of a server that is made now, with their numbers, and then its claims of devices."""
    engine = (plan.at_work or plan.revision)["data"]["template"]["spec"]["containers"][0]
    resources = engine.get("resources", {})
    yield from (f"{amount} {name}" for name, amount in accelerators.among(resources.get("limits") or {}).items())
    yield from (f"claim {one['name']}" for one in resources.get("claims", ()))
