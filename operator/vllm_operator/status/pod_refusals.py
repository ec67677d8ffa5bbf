"""Why pods cannot be made, in the words of the API server, and what to do about it. Pure."""

import re
from typing import NamedTuple

from vllm_operator.children import quantity

EXCEEDED = re.compile(r"requested: (?P<requested>\S+), used: \S+, limited: (?P<limited>\S+)")
"""A quota's words: what a pod asks for, and the most that all may have, as names and amounts."""


class Refusal(NamedTuple):
    """`words`: who refuses, and why; `remedy`: what to do."""

    words: str
    remedy: str

    @property
    def is_quota(self) -> bool:
        """Tell whether a ResourceQuota refuses."""
        return "exceeded quota" in self.words or "failed quota" in self.words

    @property
    def is_for_good(self) -> bool:
        """Tell whether one pod asks for more than the quota ever has, so that nothing which ends makes room for it."""
        found = EXCEEDED.search(self.words)
        limited = _amounts(found["limited"]) if found else {}
        requested = _amounts(found["requested"]) if found else {}
        return any(quantity.number(requested.get(name, "0")) > quantity.number(most) for name, most in limited.items())


REMEDIES = (
    ("exceeded quota", "raise the ResourceQuota, or free what it counts"),
    ("must specify", "have a LimitRange of the namespace give the default that the ResourceQuota asks for"),
    (" usage per ", "change the LimitRange, or ask for what it allows"),
    (
        "violates PodSecurity",
        "set pods.runAsUser of the chart where it is unset, or have the namespace admit such pods",
    ),
    ("looking up service account", "create the ServiceAccount"),
    ("RuntimeClass", "correct spec.scheduling.runtimeClassName"),
    ("PriorityClass", "create the PriorityClass, or correct spec.scheduling.priorityClassName"),
    ("ValidatingAdmissionPolicy", "ask whose policy it is"),
    ("webhook", "ask who runs the webhook"),
    ("suspended", "resume the Job, or ask what holds it back"),
)
"""By a part of the words, the first that is among them."""
OTHERWISE = "let the namespace admit it"


def refusal(words: str) -> Refusal | None:
    """Return what the words mean; None where there are none."""
    told = words.removeprefix("Error creating: ").strip().rstrip(".")
    found = (remedy for part, remedy in REMEDIES if part in told)
    return Refusal(told, next(found, OTHERWISE)) if told else None


def _amounts(listed: str) -> dict[str, str]:
    """Return the amounts of `cpu=1,memory=2Gi` by name."""
    pairs = (one.partition("=") for one in listed.split(","))
    return {name: amount for name, _, amount in pairs}
