"""One row of the tables of statuses, and short ways to describe a model that does not serve yet.

In `conditions` `+` is True, `-` is False, `?` is Unknown; the order is Available, Ready, Progressing, Exposed, GuardConfigured,
Verified.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from tests.observations import pod, rolled_out

IDLE = "?NoGuards ?NotServing"
PROVEN = "+Configured +Verified"
INSIDE = "+InCluster"
WHOLE = "+Serving +Serving -Complete"
EXPOSED = {"expose": {"host": "web.example", "ingress": {"tls": {"secretName": "web-tls"}}}}
ROUTED: dict[str, Any] = {
    "expose": {"host": "web.example", "gateway": {"parentRefs": [{"name": "edge", "namespace": "infra"}]}}
}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
OVER_QUOTA = "the pods cannot be made: exceeded quota: small: raise the ResourceQuota, or free what it counts"
ONE = "servers that answer: 1 of 1"
SCHEDULED = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]
RUNNING: dict[str, Any] = {"running": {}}
WAITING: dict[str, Any] = {"waiting": {"reason": "CrashLoopBackOff"}}


class Row(NamedTuple):
    """`promise` names it; `spec` and `described` go in; `says`: the message of Ready; `also`: those of other conditions."""

    promise: str
    spec: dict[str, Any]
    described: dict[str, Any]
    conditions: str
    says: str
    also: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}


def taken(generation: int = 1, sectionName: str = "", **conditions: tuple[str, str, str]) -> dict[str, Any]:  # noqa: N803 - the field's name
    """Describe what the controller of the Gateway infra/edge says of a route; `conditions`: status, reason and message."""
    said = {"Accepted": ("True", "Accepted", ""), "ResolvedRefs": ("True", "ResolvedRefs", ""), **conditions}
    found = [
        {"type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": generation}
        for kind, (status, reason, message) in said.items()
    ]
    section = {"sectionName": sectionName} if sectionName else {}
    return {"parents": [{"parentRef": {"name": "edge", "namespace": "infra", **section}, "conditions": found}]}


def starting(*pods: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Describe a model whose first server has not answered yet."""
    return {"deployment": rolled_out(readyReplicas=0, availableReplicas=0), "pods": [*pods], **changed}


def engine(state: dict[str, Any], last: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Describe a pod whose engine is in `state`, and ended as `last` says."""
    return pod("a", conditions=SCHEDULED, containerStatuses=[_container("vllm", "engine:1", state, last, more)])


def guard(state: dict[str, Any], last: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Describe a pod whose guard is in `state`, and ended as `last` says."""
    return pod("a", conditions=SCHEDULED, initContainerStatuses=[_container("guard", "envoy:1", state, last, more)])


def _container(
    name: str, image: str, state: dict[str, Any], last: dict[str, Any] | None, more: dict[str, Any]
) -> dict[str, Any]:
    ended = {"lastState": {"terminated": last}} if last else {}
    return {"name": name, "image": image, "ready": False, "state": state, **ended, **more}
