"""What becomes of a model's Deployment: its controller, the scheduler and the kubelet, as far as a rollout depends on them.

`ServerHarness` is an operator's harness whose pods come and go; every three seconds all of them do a step, and so does an
operator that was started in that moment. Source of the order in which servers come and go: Kubernetes'
pkg/controller/deployment/rolling.go.
"""

import copy
import hashlib
import json
from typing import TYPE_CHECKING, Any

from tests import harness, samples
from vllm_operator import api
from vllm_operator.kube import conditions, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.probes import prober
from vllm_operator.status import observed, pod_diagnosis
from vllm_operator.status.pod_view import Evidence, PodView

if TYPE_CHECKING:
    from collections.abc import Callable

STEP = 3
GPU = "example.com/gpu"
RIGHT = ConditionValue("True", "Verified", "a token came back through the Service")
REF = kinds.Ref("Deployment", "models", samples.MODEL)
LACKING = f"0/1 nodes are available: 1 Insufficient {GPU}. preemption: 0/1 nodes are available: 1 No preemption victims found."


class Answering(prober.Prober):
    """Who was answered with `answer` by whatever is ready; None: nobody had time to answer. Logs were read, and said no more."""

    answer: ConditionValue | None = RIGHT

    def with_answers(self, seen: observed.ObservedState) -> observed.ObservedState:
        ready = frozenset(one["metadata"]["labels"]["pod-template-hash"] for one in seen.pods() if is_ready(one))
        is_heard = len(ready) == 1 and self.answer is not None
        ends = {str(one["metadata"]["uid"]): PodView(one).ended() for one in seen.pods()}
        seen = seen._replace(evidence={uid: Evidence(ended=end.name_of_end) for uid, end in ends.items() if end})
        return seen._replace(verified=self.answer, asked=ready) if is_heard else seen


class ServerHarness(harness.OperatorHarness):
    """`gpus`: the accelerators of the one node; `works(container)`: whether servers of that engine ever answer.

    `answer`: what a request has shown; `load`, `grace`: how long a server loads, and how long one that is stopped keeps its
    accelerator, in seconds; `silent`: the seconds in which nothing answered; `orders`: each order of stopping and starting that
    the Deployment had, with its changes.
    """

    def __init__(self, gpus: int, load: int = 21, grace: int = 6) -> None:
        self.answer: ConditionValue | None = RIGHT
        super().__init__()
        self.gpus, self.load, self.grace = gpus, load, grace
        self.works: Callable[[kinds.Object], bool] = lambda _engine: True
        self.words = LACKING
        self.least, self.silent = 1000, 0
        self.orders: list[int] = []
        self._sets: dict[str, dict[str, Any]] = {}
        self._made = 0

    async def passes(self, seconds: int) -> None:
        """Let time pass."""
        for _ in range(0, seconds, STEP):
            self.now += STEP
            self._control()
            self._schedule()
            self._serve()
            await self._report()
            await self.run()
            self._note()

    async def settles(self, reason: str, within: int = 200) -> int:
        """Let time pass until Ready has that reason; return the seconds."""
        for second in range(0, within, STEP):
            if self.condition("Ready").get("reason") == reason:
                return second
            await self.passes(STEP)
        raise AssertionError(self.condition("Ready"))

    def pods(self) -> list[kinds.Object]:
        """Return all pods."""
        return [obj for ref, obj in sorted(self.api.objects.items()) if ref.kind == "Pod"]

    def ready(self) -> list[str]:
        """Return the arguments of the servers that answer, one text each."""
        return [" ".join(one["spec"]["containers"][0]["args"]) for one in self.pods() if is_ready(one)]

    def lose(self, name: str) -> None:
        """Let a pod vanish, as with its node."""
        self.api.remove(kinds.Ref("Pod", "models", name))

    def order(self) -> dict[str, int]:
        """Return how the Deployment is told to stop and start."""
        found: dict[str, int] = self.api.objects[REF]["spec"]["strategy"]["rollingUpdate"]
        return found

    def _control(self) -> None:
        """Do one step of the Deployment's controller, and make or stop the pods of its ReplicaSets."""
        spec = self.api.objects[REF]["spec"]
        newest = hashlib.sha256(json.dumps(spec["template"], sort_keys=True).encode()).hexdigest()[:8]
        new = self._sets.setdefault(newest, {"template": spec["template"], "replicas": 0})
        old = [each for name, each in self._sets.items() if name != newest and each["replicas"]]
        if not self._scaled_up(spec, new, old):
            self._scale_down(spec, new, old)
        for name, each in self._sets.items():
            self._match(name, each)

    def _scaled_up(self, spec: Any, new: Any, old: Any) -> bool:
        wanted, total = spec["replicas"], new["replicas"] + sum(each["replicas"] for each in old)
        room = wanted + spec["strategy"]["rollingUpdate"]["maxSurge"] - total
        changed = min(new["replicas"], wanted) + max(0, min(room, wanted - new["replicas"]))
        is_changed, new["replicas"] = changed != new["replicas"], changed
        return is_changed

    def _scale_down(self, spec: Any, new: Any, old: Any) -> None:
        least = spec["replicas"] - spec["strategy"]["rollingUpdate"]["maxUnavailable"]
        total = new["replicas"] + sum(each["replicas"] for each in old)
        most = total - least - (new["replicas"] - self._available(new))
        for each in old if most > 0 else ():
            broken = min(most, each["replicas"] - self._available(each))
            each["replicas"], most = each["replicas"] - broken, most - broken
        spare = self._available(new) + sum(self._available(each) for each in old) - least
        for each in old if most > 0 else ():
            gone = max(0, min(spare, each["replicas"]))
            each["replicas"], spare = each["replicas"] - gone, spare - gone

    def _available(self, one: Any) -> int:
        return sum(map(is_ready, self._of(one)))

    def _of(self, one: Any) -> list[kinds.Object]:
        name = next(name for name, each in self._sets.items() if each is one)
        made = [pod for pod in self.pods() if pod["metadata"]["labels"]["pod-template-hash"] == name]
        return [pod for pod in made if "deletionTimestamp" not in pod["metadata"]]

    def _match(self, name: str, one: Any) -> None:
        found = sorted(self._of(one), key=is_ready)
        for _ in range(one["replicas"] - len(found)):
            self._make(name, one["template"])
        for pod in found[: max(0, len(found) - one["replicas"])]:
            ending = {"deletionTimestamp": api.moment(self.now), "finalizers": ["kubelet"]}
            self._put({**pod, "metadata": {**pod["metadata"], **ending}})

    def _make(self, name: str, template: kinds.Object) -> None:
        self._made += 1
        metadata = {
            **samples.made_by_deployment(samples.MODEL, name),
            "annotations": template["metadata"]["annotations"],
        }
        named = {"name": f"{name}-{self._made}", "namespace": "models", "uid": f"p{self._made}"}
        created = {"creationTimestamp": api.moment(self.now)}
        spec = {**copy.deepcopy(template["spec"]), "gpus": int(_asked(template))}
        self._put(
            {
                "apiVersion": "v1",
                "kind": "Pod",
                "metadata": {**metadata, **named, **created},
                "spec": spec,
                "status": {},
            }
        )

    def _schedule(self) -> None:
        for pod in self.pods():
            if "deletionTimestamp" in pod["metadata"] or pod["spec"].get("nodeName"):
                continue
            free = self.gpus - sum(each["spec"]["gpus"] for each in self.pods() if each["spec"].get("nodeName"))
            if pod["spec"]["gpus"] <= free:
                placed = {"type": "PodScheduled", "status": "True", "lastTransitionTime": api.moment(self.now)}
                self._put({**pod, "spec": {**pod["spec"], "nodeName": "node"}, "status": {"conditions": [placed]}})
            elif not conditions.conditions(pod):
                waits = {"status": "False", "reason": "Unschedulable", "lastTransitionTime": api.moment(self.now)}
                said = {"type": "PodScheduled", "message": self.words, **waits}
                self._put({**pod, "status": {"phase": "Pending", "conditions": [said]}})

    def _serve(self) -> None:
        for pod in self.pods():
            since, ends = self._placed(pod), pod["metadata"].get("deletionTimestamp")
            if ends and (since is None or self.now - api.unix(ends) >= self.grace):
                self._put({**pod, "metadata": {**pod["metadata"], "finalizers": []}})
            elif since is not None and not ends and self.now - since >= self.load and not is_ready(pod):
                self._put({**pod, "status": self._loaded(pod)})

    def _placed(self, pod: kinds.Object) -> int | None:
        found = conditions.condition(pod, "PodScheduled")
        return api.unix(found["lastTransitionTime"]) if found and found["status"] == "True" else None

    def _loaded(self, pod: kinds.Object) -> kinds.Object:
        status, engine = pod["status"], pod["spec"]["containers"][0]
        if self.works(engine):
            return {**status, "conditions": [*status["conditions"], {"type": "Ready", "status": "True"}]}
        ended = {"terminated": {"exitCode": 1, "message": "ValueError: boom"}}
        return {**status, "containerStatuses": [{"name": "vllm", "image": "x", "state": ended, "restartCount": 1}]}

    async def _report(self) -> None:
        """Write the Deployment's status."""
        live = self.api.objects[REF]
        newest = hashlib.sha256(json.dumps(live["spec"]["template"], sort_keys=True).encode()).hexdigest()[:8]
        status = {
            "observedGeneration": live["metadata"]["generation"],
            "replicas": sum(len(self._of(each)) for each in self._sets.values()),
            "updatedReplicas": len(self._of(self._sets[newest])),
            "readyReplicas": sum(self._available(each) for each in self._sets.values()),
        }
        await self.api.edit_by("controller", REF, {"status": status})

    def _note(self) -> None:
        answering = len(self.ready())
        self.least, self.silent = min(self.least, answering), self.silent + STEP * (answering == 0)
        surge = self.order()["maxSurge"]
        self.orders += [] if self.orders[-1:] == [surge] else [surge]

    def _put(self, pod: kinds.Object) -> None:
        self.api.commit(kinds.ref(pod), pod)

    def _prober(self) -> prober.Prober:
        made = Answering(self.api, self.cache, harness.Deaf(), lambda _key: None)
        made.answer = self.answer
        return made


def is_ready(pod: kinds.Object) -> bool:
    """Tell whether a pod answers; one that is being stopped does not any more."""
    return pod_diagnosis.is_ready(pod) and "deletionTimestamp" not in pod["metadata"]


def _asked(template: kinds.Object) -> str:
    limits = template["spec"]["containers"][0].get("resources", {}).get("limits", {})
    return str(limits.get(GPU, "0"))
