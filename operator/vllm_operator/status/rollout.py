"""What the rules of a status ask of a rollout: how many servers of the newest version answer.

A server is of the newest version if it has the mark of the template that is asked for, and was made of the same pod template as
the newest server with that mark: after `kubectl rollout restart` there are two. Pure.
"""

from vllm_operator.children import template
from vllm_operator.status import observed, pod_diagnosis
from vllm_operator.status.context import StatusContext


def progress(at: StatusContext) -> str:
    """Return how many servers of the newest version answer, and how many of earlier ones."""
    ready = [pod for pod in at.observed.pods() if pod_diagnosis.is_ready(pod)]
    newest = sum(observed.template_hash(pod) == _newest(at) for pod in ready)
    earlier = f", of an earlier one: {len(ready) - newest}" if len(ready) > newest else ""
    return f"{newest} of {at.wanted}{earlier}"


def _newest(at: StatusContext) -> str | None:
    """Return the hash of the newest version's pod template; None where it has no server."""
    alike = (pod for pod in at.observed.pods() if template.is_of(pod, at.plan.revision))
    return next(map(observed.template_hash, alike), None)
