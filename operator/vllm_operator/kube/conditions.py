"""Conditions, as Kubernetes' API conventions have them: what is said of one, and how it is found in an object.

Must not know which conditions a model has: status/ decides that.
"""

from typing import NamedTuple

from vllm_operator.kube import kinds


class ConditionValue(NamedTuple):
    """The value of a condition: `status` is "True", "False" or "Unknown"; `reason` is CamelCase; `message` is for people.

    `generation` is that of the spec that was looked at, for the condition's observedGeneration; None: the one at hand.
    """

    status: str
    reason: str
    message: str = ""
    generation: int | None = None


def conditions(obj: kinds.Object) -> list[kinds.Object]:
    """Return the conditions in the status of `obj`."""
    return obj.get("status", {}).get("conditions") or []


def condition(obj: kinds.Object, kind: str) -> kinds.Object | None:
    """Return the condition of that type in the status of `obj`."""
    return next((one for one in conditions(obj) if one["type"] == kind), None)


def is_true(obj: kinds.Object, kind: str) -> bool:
    """Tell whether the condition of that type is there and True."""
    found = condition(obj, kind)
    return found is not None and found["status"] == "True"
