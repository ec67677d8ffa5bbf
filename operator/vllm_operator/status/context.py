"""The world of one model with what the rules of its status ask of it again and again. It says nothing itself."""

from collections.abc import Callable
from typing import NamedTuple

from vllm_operator import api, policy
from vllm_operator.children import ingress, template
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status.observed import ObservedState


class StatusContext(NamedTuple):
    """The world, with what the rules ask of it again and again."""

    world: ObservedState
    spec: api.Spec
    exposed: ingress.Exposure | None
    deployment: kinds.Object
    now: float
    image: str  # the engine's, of the template that the spec asks for; empty: none is known
    refusals: tuple[policy.Violation, ...] = ()

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
        revision = self.world.child(kinds.CONTROLLER_REVISION, naming.template(self.world.owner.name)) or {}
        pinned = revision.get("data", {}).get("inputs") == template.digest(self.spec, template.asked(self.world.model))
        scaled = self.deployment.get("spec", {}).get("replicas", 1) == self.spec.replicas
        return self.spec.paused and not (self.deployment and pinned and scaled)

    @property
    def rolled_out(self) -> bool:
        """Tell whether every server is of the newest template, and none of an older one is left."""
        wanted = self.spec.replicas
        return self.observed and self.count("updatedReplicas") == self.count("replicas") == wanted


Rule = Callable[[StatusContext], ConditionValue | None]
