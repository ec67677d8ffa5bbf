"""A model with a server that does not come up, in a cluster in memory: what tests of what is read of it begin with."""

import asyncio
import itertools
from typing import Any

from tests import clock, fake_apiserver, samples
from tests.golden import render
from vllm_operator import api
from vllm_operator.kube import cache, kinds, naming
from vllm_operator.probes import inquiries, stocks

MODEL = render.case("plain")
KEY = kinds.Key("models", "vllm11")
BEGUN = 1_800_000_000.0
GPU = "nvidia.com/gpu"
CREATING = {"waiting": {"reason": "ContainerCreating"}}
BACK_OFF = {"waiting": {"reason": "CrashLoopBackOff"}}


class World:
    """A model with a server in a cluster in memory; `heard`: when news was passed on."""

    def __init__(self, *, sees_nodes: bool = False) -> None:
        self.api, self.store = fake_apiserver.FakeCluster(), cache.Cache()
        self.heard: list[float] = []
        counting = stocks.Stocks(self.api, self.store, sees_nodes=sees_nodes)
        self.inquiries = inquiries.Inquiries(self.api, self.store, self._hear, counting, lambda: BEGUN + clock.now())
        self._versions = itertools.count(1000)
        for one in (MODEL, *render.desired(MODEL)):
            self.put(one)

    def _hear(self, _: kinds.Key) -> None:
        self.heard.append(clock.now())

    def model(self, name: str) -> None:
        """Show another model, with its Deployment."""
        body = samples.model(KEY.namespace, name)
        body["metadata"]["uid"] = f"uid-{name}"
        for one in (body, samples.deployment(naming.owner(body))):
            self.put(one)

    def pod(
        self, name: str = "a", conditions: list[dict[str, Any]] | None = None, model: str = "vllm11", **container: Any
    ) -> None:
        """Show a server whose engine is so, and which has a node unless `conditions` say otherwise."""
        since = api.moment(BEGUN + clock.now())
        placed = {"type": "PodScheduled", "status": "True", "lastTransitionTime": since}
        statuses = [{"name": "vllm", "image": "x", "ready": False, "restartCount": 0, **container}] if container else []
        metadata = {
            "name": name,
            "namespace": "models",
            "uid": f"uid-{name}",
            **samples.made_by_deployment(model, "1"),
        }
        limits = {"name": "vllm", "resources": {"limits": {GPU: "2"}}}
        spec = {"containers": [limits], **({} if conditions else {"nodeName": "n"})}
        status = {"conditions": conditions or [placed], "containerStatuses": statuses}
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status}
        self.api.objects[kinds.ref(body)] = body
        self.put(body)

    def end(self, restarts: int = 1, message: str = "") -> None:
        """Let the engine have ended, and wait to be started again."""
        last = {"exitCode": 1, "message": message, "containerID": str(restarts)}
        self.pod(state=BACK_OFF, restartCount=restarts, lastState={"terminated": last})

    async def run(self, seconds: float = 1.0, *models: str) -> None:
        """Let what is due be read for a while, of other models too."""
        for name in ("vllm11", *models):
            self.inquiries.queue.add(kinds.Key(KEY.namespace, name))
        running = asyncio.create_task(self.inquiries.queue.run())
        await asyncio.sleep(seconds)
        await self.inquiries.queue.stop(0)
        await running
        self.inquiries.queue._stopping = False  # the queue of the next run

    def reads(self, verb: str = "log") -> int:
        return sum(call == verb for call, _ in self.api.calls)

    def put(self, obj: kinds.Object) -> None:
        version = str(next(self._versions))
        self.store.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": version}})


def event(uid: str, note: str, reason: str = "FailedMount", at: str = "") -> kinds.Object:
    regarding = {"kind": "Pod", "namespace": "models", "name": "a", "uid": uid}
    metadata = {"name": f"a.{uid}.{hash((note, reason)):x}", "namespace": "models"}
    """Return an Event on a pod of that uid, last recorded at the moment `at`."""
    return {
        "apiVersion": "events.k8s.io/v1", "kind": "Event", "metadata": metadata, "regarding": regarding, "reason": reason,
        "note": note, "eventTime": at, "type": "Warning",
    }  # fmt: skip
