"""Which values of an object the API server does not give back as they were sent: what is sent must hold none of them.

Go leaves the zero value of a field out unless the field is a pointer or is always written; null and an empty list never return.
"""

from collections.abc import Iterator
from typing import Any

from vllm_operator.kube import kinds

EMPTY_MAPS = {
    "affinity", "emptyDir", "labelSelector", "namespaceSelector", "podSelector", "resources", "securityContext", "selector",
}  # fmt: skip
"""Fields whose empty map comes back."""
ZEROS = {
    "allowPrivilegeEscalation", "automountServiceAccountToken", "averageUtilization", "controller", "defaultMode",
    "enableServiceLinks", "immutable", "maxSurge", "maxUnavailable", "minAvailable", "optional", "progressDeadlineSeconds",
    "readOnlyRootFilesystem", "replicas", "revision", "revisionHistoryLimit", "runAsGroup", "runAsNonRoot", "runAsUser",
    "seconds", "storageClassName", "terminationGracePeriodSeconds", "tolerationSeconds",
}  # fmt: skip
"""Fields whose zero, false or empty text comes back."""
USERS_MAPS = {"annotations", "data", "labels", "matchLabels", "nodeSelector"}
"""Maps whose entries are the user's: an empty text in one comes back."""


def lossy(obj: kinds.Object) -> tuple[str, ...]:
    """Return the paths of the values that would not come back."""
    return tuple(_of_map(obj, "", users=False))


def _of_map(fields: kinds.Object, path: str, *, users: bool) -> Iterator[str]:
    for name, value in fields.items():
        here = f"{path}.{name}" if path else name
        if isinstance(value, dict) and value:
            yield from _of_map(value, here, users=name in USERS_MAPS)
        elif isinstance(value, list) and value:
            yield from _of_list(value, here)
        elif not value and not _comes_back(name, value, users=users):
            yield here


def _of_list(items: list[Any], path: str) -> Iterator[str]:
    for at, item in enumerate(items):
        here = f"{path}[{at}]"
        if isinstance(item, dict):
            yield from _of_map(item, here, users=False)
        elif item is None:
            yield here


def _comes_back(field: str, value: Any, *, users: bool) -> bool:
    """Tell whether the empty `value` of `field` comes back; `users`: the field is an entry of a user's map."""
    if value is None or value == []:
        return False
    if value == {}:
        return field in EMPTY_MAPS
    return users or field in ZEROS
