"""What the rules of a status ask of one observed model, its plan, and the moment; each question has its answer here once.

It answers; conditions.py has the reasons and the words. Pure.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from vllm_operator import children, config, keys
from vllm_operator.children import fetch_network, template
from vllm_operator.engine import accelerators
from vllm_operator.fetch import failures
from vllm_operator.kube import conditions, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import (
    evictions,
    fetch_diagnosis,
    fetch_progress,
    guard_conditions,
    pod_diagnosis,
    restarts,
    stalls,
)
from vllm_operator.status.dependencies import Dependency
from vllm_operator.status.observed import ObservedState

CPU_ALONE = "CPUs (spec.resources.limits names no accelerator)"
OLDER_CHART = (
    "the chart's mirror, proxy or authorities have changed since this version was made: change the annotation "
    f"{template.UPGRADE_ANNOTATION} to use them"
)
REACHING = (failures.UNAUTHORIZED, failures.RATE_LIMITED, failures.UNREACHABLE, failures.WRONG_DIGEST, failures.REFUSED)
"""What a fetcher may meet by the way on which it reaches a source."""
CONTESTED, NAME_TAKEN = "FieldContested", "NameTaken"
SERVER_KINDS = (kinds.DEPLOYMENT.kind, kinds.CONTROLLER_REVISION.kind)


class StatusContext(NamedTuple):
    """`deployment`: the live one, or {}; `guards` and `verified`: what the probes have shown; `now`: unix seconds.

    `restarts`: how often containers of the present servers ended.
    """

    observed: ObservedState
    plan: children.Plan
    deployment: kinds.Object
    guards: ConditionValue
    verified: ConditionValue
    now: float
    restarts: restarts.Restarts | None

    # numbers of servers

    def count(self, field: str) -> int:
        """Return a counter of the Deployment's status; 0 where it is absent."""
        return int(self.deployment.get("status", {}).get(field, 0))

    @property
    def wanted(self) -> int:
        """Return how many servers the spec asks for."""
        return self.plan.spec.replicas

    @property
    def ready(self) -> int:
        """Return how many servers answer, whatever template they are of."""
        return self.count("readyReplicas")

    @property
    def updated(self) -> int:
        """Return how many servers are of the newest template."""
        return self.count("updatedReplicas")

    def answers(self) -> bool:
        """Tell whether any server answers."""
        return self.ready > 0

    def serves(self) -> bool:
        """Tell whether all servers answer and are of the newest template, and none of an older one is left."""
        generation = self.deployment.get("metadata", {}).get("generation", 0)
        is_current = bool(self.deployment) and self.count("observedGeneration") >= generation
        return is_current and self.updated == self.count("replicas") == self.ready == self.wanted

    def loops(self) -> bool:
        """Tell whether all servers answer, of which one ends again and again."""
        return self.restarts is not None and self.restarts.is_loop and self.serves()

    def unfetched(self) -> ConditionValue | None:
        """Return why the weights of the newest servers are not there yet."""
        fetching = self.plan.fetching
        if fetching is None or fetching.is_whole:
            return None
        value = fetch_diagnosis.diagnose(self.observed.fetch)
        if value is None or not fetching.emptied:
            return value
        again = f"the claim {fetching.emptied} was made anew, so what lay on it is fetched again"
        return value._replace(message=f"{again}; {value.message}")

    def scaled_to_zero(self) -> bool:
        """Tell whether the spec asks for no server."""
        return self.wanted == 0

    def always(self) -> bool:
        """Return True, for the last rule of a list."""
        return True

    # what keeps the spec from its objects

    def failure(self) -> ConditionValue | None:
        """Return what could not be written: the worst as the reason, all in words."""
        return joined(value for value in self.failures() if value.reason != CONTESTED)

    def server_failure(self) -> ConditionValue | None:
        """Return what keeps the Deployment or its pod template from being written."""
        return joined(value for value in self.failures(SERVER_KINDS) if value.reason != CONTESTED)

    def contested(self) -> ConditionValue | None:
        """Return which fields somebody else keeps changing."""
        return joined(value for value in self.failures() if value.reason == CONTESTED)

    def contested_while_serving(self) -> ConditionValue | None:
        """Return which fields somebody else keeps changing, where all servers answer in spite of it."""
        return self.contested() if self.serves() else None

    def violations(self) -> str:
        """Return what the allow-lists refuse."""
        return "; ".join(one.message for one in self.plan.violations)

    def without_image(self) -> str:
        """Return what no image of the engine is known for, "" where one is."""
        asked = "" if self.plan.image else ", ".join(accelerators.asked_for(self.plan.spec.resources))
        return CPU_ALONE if asked == config.CPU else asked

    def missing(self) -> kinds.Ref | None:
        """Return a dependency without which the model cannot be served or exposed as its spec says."""
        return self.missing_of(lambda one: one.required_by == "spec" or one.for_edge)

    def missing_of_settings(self) -> kinds.Ref | None:
        """Return a dependency that the settings name for all models: one that serves without it lacks nothing."""
        return self.missing_of(lambda one: one.required_by == "settings" and not one.for_edge)

    def paused(self) -> bool:
        """Tell whether the model is paused."""
        return self.plan.spec.paused

    def held_back(self) -> bool:
        """Tell whether the pause keeps the newest spec from the servers."""
        plan = self.plan
        is_pinned = plan.at_work is not None and kinds.ref(plan.at_work) == kinds.ref(plan.rollout.target)
        is_scaled = self.deployment.get("spec", {}).get("replicas", 1) == self.wanted
        return self.paused() and not (self.deployment and is_pinned and is_scaled)

    # what the servers do

    def refused_pods(self) -> str:
        """Return why the newest pods cannot be made, in the words of who refuses them.

        Kubernetes keeps the words of the first refusal until a pod is made, so they may speak of an earlier spec. That is
        told where they are older than the second in which the newest template was pinned; times are no finer.
        """
        refusal = self._of_deployment("ReplicaFailure", "True")
        if refusal is None or self.updated >= self.wanted:
            return ""
        pinned = (self.plan.at_work or {"metadata": {}})["metadata"].get("creationTimestamp", "")
        earlier = " (said of an earlier spec)" if refusal.get("lastUpdateTime", "") < pinned else ""
        return f"{refusal.get('message') or 'no reason is given'}{earlier}"

    def overdue(self) -> bool:
        """Tell whether the newest servers did not answer in time."""
        return self._of_deployment("Progressing", "False") is not None

    def diagnosis(self) -> ConditionValue | None:
        """Return why the newest pod that does not answer does not."""
        found = (
            stalls.of(self.observed, pod) or pod_diagnosis.diagnose(self.observed.view(pod))
            for pod in self.observed.pods()
        )
        value = next((value for value in found if value), None)
        if value is None:
            return None
        found_by = self._by_its_own_fetcher(value) if value.reason == fetch_diagnosis.DOWNLOADING else value
        return self._on_its_way(found_by) if found_by.reason in REACHING else found_by

    def _by_its_own_fetcher(self, value: ConditionValue) -> ConditionValue:
        """Return what the fetcher of a server says, while it is at work."""
        said = self.observed.fetch.progress
        if said and said.reason:
            return value._replace(reason=said.reason, message=said.message)
        return value._replace(message=f"{fetch_progress.in_words(said)}; {value.message}")

    def _on_its_way(self, value: ConditionValue) -> ConditionValue:
        """Return what a server's own fetcher met, and how it takes what the chart says now, where the server was made before."""
        pinned = self.plan.at_work
        if pinned is None or fetch_network.is_todays(pinned["data"]["template"], self.plan.settings):
            return value
        return value._replace(message=f"{value.message.rstrip('.')}; {OLDER_CHART}")

    def evicted(self) -> ConditionValue | None:
        """Return why the newest of the pods that ended for good did, while the one in its place says of no cause of its own."""
        alike = evictions.of_newest(self.observed.failed(), self.observed.pods(), self.plan.rollout.target)
        return evictions.diagnose(alike, self.now, self.diagnosis()) if not self.serves() else None

    # what the probes have shown

    def rejected(self) -> ConditionValue | None:
        """Return which guard keeps an older configuration, and with it keys that were revoked."""
        return self.guards if self.guards.reason == guard_conditions.REJECTED else None

    def expired_clients(self) -> str:
        """Return the clients whose time is over, where all guards know of it: their refusal is what was asked for."""
        is_configured = self.guards.reason == guard_conditions.CONFIGURED
        return ", ".join(keys.expired(self.plan.spec.access, self.now)) if is_configured else ""

    def answers_wrongly(self) -> ConditionValue | None:
        """Return what was wrong with the model's answer, if it is not that of one server alone."""
        is_wrong = self.verified.status == "False" and self.verified.reason != guard_conditions.ONE_WRONG
        return self.verified if is_wrong else None

    def serves_wrongly(self) -> ConditionValue | None:
        """Return what was wrong with the answer of a model that is rolled out; before that, what holds it up comes first."""
        return self.verified if self.serves() and self.verified.status == "False" else None

    def missing_of(self, counts: Callable[[Dependency], bool]) -> kinds.Ref | None:
        """Return the first of those dependencies that do not exist."""
        return min((one.ref for one in self.observed.lacking() if counts(one)), default=None)

    def failures(self, of: tuple[str, ...] = ()) -> list[ConditionValue]:
        """Return what could not be written, of some kinds or of all."""
        return [value for ref, value in sorted(self.observed.failures.items()) if not of or ref.kind in of]

    def _of_deployment(self, kind: str, status: str) -> kinds.Object | None:
        found = conditions.condition(self.deployment, kind)
        return found if found and found["status"] == status else None


def of(observed: ObservedState, plan: children.Plan, now: float) -> StatusContext:
    """Return what the rules ask of `observed` and `plan`."""
    deployment = observed.child(kinds.DEPLOYMENT, observed.owner.name) or {}
    guards, verified = guard_conditions.guard_configured(observed), guard_conditions.verified(observed)
    return StatusContext(observed, plan, deployment, guards, verified, now, restarts.of(observed, now))


def joined(values: Iterable[ConditionValue]) -> ConditionValue | None:
    """Return one value for all: a name that somebody else holds gives the reason, as nothing heals it; else the first."""
    ordered = sorted(values, key=lambda value: value.reason != NAME_TAKEN)
    return ordered[0]._replace(message="; ".join(value.message for value in ordered)) if ordered else None
