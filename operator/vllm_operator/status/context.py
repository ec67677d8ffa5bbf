"""The world of one model with what the rules of its status ask of it again and again. It says nothing itself."""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator import children
from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status.observed import ObservedState


class StatusContext(NamedTuple):
    """The world, with what the rules ask of it again and again."""

    world: ObservedState
    plan: children.Plan
    deployment: kinds.Object
    now: float

    def count(self, field: str) -> int:
        """Return a counter of the Deployment's status; 0 where it is absent."""
        return int(self.deployment.get("status", {}).get(field, 0))

    @property
    def observed(self) -> bool:
        """Tell whether the Deployment's controller has seen its newest generation."""
        return bool(self.deployment) and self.count("observedGeneration") >= self.deployment["metadata"].get(
            "generation", 0
        )

    @property
    def held_back(self) -> bool:
        """Tell whether the pause keeps the newest spec from the servers."""
        plan = self.plan
        pinned = plan.at_work is not None and kinds.ref(plan.at_work) == kinds.ref(plan.revision)
        scaled = self.deployment.get("spec", {}).get("replicas", 1) == plan.spec.replicas
        return plan.spec.paused and not (self.deployment and pinned and scaled)

    @property
    def rolled_out(self) -> bool:
        """Tell whether every server is of the newest template, and none of an older one is left."""
        wanted = self.plan.spec.replicas
        return self.observed and self.count("updatedReplicas") == self.count("replicas") == wanted


Rule = Callable[[StatusContext], ConditionValue | None]
