"""Which installation of the operator works on a model: one alone, or two would answer each other's writes for ever.

The first that writes a model's guard Secret notes its name there. An admin names another one by an annotation on the model. What
a guard Secret from a backup says is of another time, and perhaps of another cluster. Pure.
"""

from vllm_operator.kube import kinds, naming
from vllm_operator.status import observed


def other(seen: observed.ObservedState, mine: str) -> str:
    """Return the name of another installation that works on the model; "" where it is `mine`, or nobody's yet."""
    claimed = _noted(seen.model)
    guard = seen.child(kinds.SECRET, naming.guard_secret(seen.owner.name))
    holder = claimed or ("" if _is_restored(guard, seen.owner) else _noted(guard))
    return "" if holder == mine else holder


def _noted(obj: kinds.Object | None) -> str:
    metadata = (obj or {}).get("metadata") or {}
    return str((metadata.get("annotations") or {}).get(naming.INSTALLATION_ANNOTATION, ""))


def _is_restored(guard: kinds.Object | None, model: naming.Owner) -> bool:
    """Tell whether the guard Secret is an earlier model's still, which `model` adopts."""
    return guard is not None and naming.orphaned(guard) not in ("", model.uid)
