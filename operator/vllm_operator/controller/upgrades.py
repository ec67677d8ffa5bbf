"""Which models' servers are made by this operator though their specs did not change, where the setting says so: some at a time.

A model is being upgraded as long as its Deployment has a renewed template and not all servers of it answer: that is seen in the
cluster, so a restart forgets nothing. One whose new servers never answer holds its place, and so stops the others.
"""

import asyncio

from vllm_operator import children, config
from vllm_operator.children import rollout, template
from vllm_operator.kube import cache, conditions, kinds
from vllm_operator.status import observed

LOOK_SECONDS = 30.0
"""After which what is being upgraded is counted anew, and a model that waits for its turn looks again."""


class Upgrades:
    """Admits models, `settings.upgrade_at_once` at a time."""

    def __init__(self, objects: cache.Cache, settings: config.Config) -> None:
        self._cache, self._settings = objects, settings
        self._busy, self._counted = set[kinds.Key](), float("-inf")
        self._admitted: dict[kinds.Key, float] = {}

    def admits(self, key: kinds.Key, seen: observed.ObservedState, plan: children.Plan) -> bool:
        """Tell whether the servers of the model, which is behind, are to be made anew now."""
        if self._settings.upgrade_policy != "Rolling" or not plan.is_behind or not _rests(seen, plan):
            return False
        now = asyncio.get_running_loop().time()
        self._count(now)
        if len(self._busy - {key}) >= self._settings.upgrade_at_once:
            return False
        self._busy.add(key)
        self._admitted[key] = now
        return True

    def waits(self, plan: children.Plan) -> bool:
        """Tell whether the model is to be upgraded and is not yet."""
        return self._settings.upgrade_policy == "Rolling" and plan.is_behind

    def _count(self, now: float) -> None:
        """Count the models that are being upgraded: from time to time among all, else among those that were."""
        candidates = self._busy
        if now - self._counted >= LOOK_SECONDS:
            candidates, self._counted = set(self._cache.models()), now
        self._busy = {key for key in candidates if self._is_busy(key, now)}

    def _is_busy(self, key: kinds.Key, now: float) -> bool:
        deployment = self._cache.get(kinds.Ref(kinds.DEPLOYMENT.kind, *key))
        if deployment and template.is_renewed(rollout.inputs_at_work(deployment)):
            return not rollout.is_over(deployment, deployment["spec"].get("replicas", 0))
        return now - self._admitted.get(key, float("-inf")) < LOOK_SECONDS  # its Deployment is about to be written


def _rests(seen: observed.ObservedState, plan: children.Plan) -> bool:
    """Tell whether all servers are those that the spec asks for and answer, and nothing holds a change of them back."""
    if plan.spec.paused or plan.withheld or seen.model["metadata"].get("deletionTimestamp"):
        return False
    deployment = seen.child(kinds.DEPLOYMENT, plan.owner.name)
    if deployment is None or rollout.inputs_at_work(deployment) != template.inputs_of(plan.revision):
        return False
    available = conditions.is_true(seen.model, "Available") or plan.spec.replicas == 0
    return available and rollout.is_over(deployment, plan.spec.replicas)
