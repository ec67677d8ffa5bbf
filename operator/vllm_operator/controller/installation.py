"""Which installation of the operator works on a model: one alone, or two would answer each other's writes for ever.

The first that writes a model's guard Secret notes its name there. An admin names another one by an annotation on the model. Pure.
"""

from vllm_operator.kube import kinds, naming
from vllm_operator.status import observed


def other(seen: observed.ObservedState, mine: str) -> str:
    """Return the name of another installation that works on the model; "" where it is `mine`, or nobody's yet."""
    claimed = _noted(seen.model)
    guard = seen.child(kinds.SECRET, naming.guard_secret(seen.owner.name))
    holder = claimed or _noted(guard)
    return "" if holder == mine else holder


def _noted(obj: kinds.Object | None) -> str:
    metadata = (obj or {}).get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(naming.INSTALLATION_ANNOTATION, ""))
