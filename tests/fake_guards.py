"""A model's servers in a cluster in memory: guards that say what a test lets them say, and a Service that answers so."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests import clock, fake_apiserver, samples
from tests.golden import render
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.kube import cache, kinds, naming
from vllm_operator.probes import http_client, prober
from vllm_operator.status import observed

MODEL = render.case("plain")
KEY = kinds.Key("models", "vllm11")
RIGHT = "right"
TOKEN = http_client.Answer(reached=True, status=200, text='{"choices": [{"text": " a"}]}')


class FakeGuards:
    """A model, its guards and its Service.

    `says`: address -> what its guard says; `busy`: after how many seconds; `asked`: when, and which address. `answer`: what the
    Service answers; `requests`: when, to which URL and with which key; `names`: for which model. `woken`: how often the prober
    heard something new; `changed`: what the cache told of.
    """

    def __init__(self) -> None:
        self.changed = list[kinds.Key]()
        self.store, self.says = cache.Cache(self.changed.append), dict[str, guard.State | None]()
        self.api = fake_apiserver.FakeCluster()
        self.answer, self.busy = TOKEN, dict[str, float]()
        self.asked: list[tuple[float, str]] = []
        self.requests: list[tuple[float, str, str]] = []
        self.names: list[str] = []
        self.woken = 0
        self.prober = prober.Prober(self.api, self.store, self, self.wake)
        self._version = 1000
        self.put(MODEL)
        for child in render.desired(MODEL):
            self.put(child)
        self.write(RIGHT)

    async def ask_guard(self, address: str) -> guard.State | None:
        self.asked.append((clock.now(), address))
        await asyncio.sleep(self.busy.get(address, 0.01))
        return self.says[address]

    async def ask_fetcher(self, address: str) -> str | None:
        raise AssertionError(address)

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        self.requests.append((clock.now(), base, key))
        self.names.append(json.loads(request.content)["model"])
        await asyncio.sleep(0.01)
        return self.answer

    def wake(self, key: kinds.Key) -> None:
        """Stand for the run of the model that follows."""
        assert key == KEY
        self.woken += 1
        self.prober.enqueue(key)

    def write(self, version: str) -> None:
        """Write the guard's Secret."""
        secret = render.guard_secret(MODEL)
        secret["metadata"]["annotations"] = {naming.GUARD_VERSION_ANNOTATION: version}
        self.put(secret)

    def change(self, generation: int, *, rolled_out: bool = False, observed: int = 0, **spec: Any) -> kinds.Object:
        """Let another spec be written, and its Deployment, of which that generation is `observed`; return the model."""
        metadata = {**MODEL["metadata"], "generation": generation}
        model = {**MODEL, "metadata": metadata, "spec": {**MODEL["spec"], **spec}}
        self.put(model)
        deployment = next(child for child in render.desired(model) if child["kind"] == kinds.DEPLOYMENT.kind)
        status = {
            "observedGeneration": observed or generation,
            "replicas": 2,
            "updatedReplicas": 2 if rolled_out else 1,
        }
        numbered = {**deployment["metadata"], "generation": generation}
        self.put({**deployment, "metadata": numbered, "status": status})
        return model

    async def start(
        self,
        name: str,
        address: str,
        state: guard.State | None,
        *,
        ready: bool = False,
        template: str = "1",
        model: kinds.Object = MODEL,
    ) -> kinds.Object:
        """Let a pod of the `model` run whose guard says `state`."""
        pod = {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": name, "namespace": "models", **samples.made_by_deployment("vllm11", template)},
            "spec": render.template(model)["spec"],
            "status": {
                "podIP": address,
                "conditions": [{"type": "Ready", "status": str(ready)}],
                "initContainerStatuses": [{"name": "guard", "ready": True, "restartCount": 0}],
            },
        }
        self.says[address] = state
        made = await self.api.create_by("kubelet", pod)
        self.store.put(made)
        return made

    def end(self, name: str) -> None:
        self.store.drop(kinds.Ref("Pod", "models", name))

    def told(self, name: str) -> str:
        """Return the annotation of the pod."""
        metadata = self.api.objects[kinds.Ref("Pod", "models", name)]["metadata"]
        return str(metadata.get("annotations", {}).get(naming.GUARD_VERSION_ANNOTATION, ""))

    def patches(self) -> int:
        return sum(verb == "patch" for verb, _ in self.api.calls)

    def seen(self) -> observed.ObservedState:
        return self.prober.with_answers(observed.snapshot(self.store, KEY) or observed.ObservedState(MODEL, {}))

    def heard(self) -> Mapping[str, guard.State | None]:
        return self.seen().guards

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look once; time passes while the test sleeps."""
        task = asyncio.create_task(self.prober.run())
        self.prober.enqueue(KEY)
        await asyncio.sleep(0.1)
        yield
        await self.prober.stop()
        await task

    def put(self, obj: kinds.Object) -> None:
        """Let the store see `obj`, newer than all before."""
        self._version += 1
        self.store.put({**obj, "metadata": {**obj["metadata"], "resourceVersion": str(self._version)}})
