"""Operator processes on one API server in memory, in virtual time: started, stopped, killed, frozen, cut off from it.

Each has a connection of its own, which asks for permission where the real one does, and notes every write that leaves. What goes
wrong with writes and watches, a test says: `meet`, `through`.
"""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from typing import Any, NamedTuple

from tests import clock, fake_apiserver, harness, samples, troubles
from vllm_operator import api, config, guard
from vllm_operator.controller import manager
from vllm_operator.engine import verification
from vllm_operator.kube import conditions, kinds
from vllm_operator.probes import http_client, prober

LEASE = kinds.Ref("Lease", "vllm-operator", "vllm-operator")
STREAMS = {"list", "watch"}
READS = {"get", "exists", "log", "events_on", "warnings"}


class Write(NamedTuple):
    """A write that left: when, by which process, and whose the Lease was then."""

    at: float
    process: str
    verb: str
    ref: kinds.Ref
    holder: str


class World:
    """The API server, and what its processes wrote.

    `meet(connection, verb, ref, when)` is called before and after each write, and may raise; `through(stream)` is what a watch
    shows of its stream; `servers()` makes what a process asks over the network.
    """

    def __init__(self) -> None:
        self.cluster = fake_apiserver.FakeCluster()
        self.writes: list[Write] = []
        self.processes: list[Process] = []
        self.meet: Callable[[Connection, str, kinds.Ref, str], None] = lambda *_: None
        self.through: Callable[[AsyncIterator[Any]], AsyncIterator[Any]] = lambda stream: stream
        self.servers: Callable[[], prober.Asking] = Silent
        self._background: set[asyncio.Task[Any]] = set()

    def start(self, name: str = "a", **settings: Any) -> "Process":
        """Start an operator process."""
        process = Process(self, name, settings)
        self.processes.append(process)
        process.manager.start()
        return process

    def process(self, connection: "Connection") -> "Process":
        """Return the process that has this connection."""
        return next(one for one in self.processes if one.connection is connection)

    def background(self, what: Coroutine[Any, Any, Any]) -> None:
        """Let it go on beside the test."""
        task = asyncio.create_task(what)
        self._background.add(task)
        task.add_done_callback(self._background.discard)

    @contextlib.asynccontextmanager
    async def running(self, name: str = "a", **settings: Any) -> AsyncIterator["Process"]:
        """Run an operator process, and kill all that are left at the end."""
        process = self.start(name, **settings)
        try:
            yield process
        finally:
            await asyncio.gather(*self._background)
            for one in self.processes:
                await one.kill()

    async def create(self, name: str, *clients: str, namespace: str = "models", **spec: Any) -> kinds.Key:
        """Create a model as an admin does."""
        model = samples.model(namespace, name)
        access = {"clients": [{"name": client} for client in clients]} if clients else {}
        filled = api.Spec.model_validate({**model["spec"], "access": access, **spec})
        body = filled.model_dump(mode="json", by_alias=True, exclude_none=True)
        await self.cluster.create_by("admin", {**model, "spec": body})
        return kinds.Key(namespace, name)

    async def change(self, key: kinds.Key, **spec: Any) -> None:
        """Change fields of a model's spec as an admin does."""
        await self.cluster.edit_by("admin", model(key), {"spec": spec})

    async def create_pod(self, key: kinds.Key, address: str) -> None:
        """Let a pod of the model's Deployment run."""
        metadata = {"name": f"{key.name}-1-a", "namespace": key.namespace, **samples.made_by_deployment(key.name, "1")}
        guards = [{"name": "guard", "ready": True, "restartCount": 0}]
        status = {
            "podIP": address,
            "initContainerStatuses": guards,
            "conditions": [{"type": "Ready", "status": "True"}],
        }
        pod = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "status": status}
        await self.cluster.create_by("kubelet", pod)

    def is_done(self, *keys: kinds.Key) -> Callable[[], bool]:
        """Tell whether the status of each model is that of its newest spec."""
        return lambda: all(self._is_done(key) for key in keys)

    def objects(self, namespace: str = "models") -> set[str]:
        """Return the objects in a namespace, Events left out."""
        return {str(ref) for ref in self.cluster.objects if ref.namespace == namespace and ref.kind != "Event"}

    def holder(self) -> str:
        """Return the name of the process that the Lease names, empty where it is nobody's."""
        spec = self.cluster.objects.get(LEASE, {}).get("spec", {})
        return str(spec.get("holderIdentity", "")).partition("_")[0]

    def writers(self, since: float = 0.0) -> set[str]:
        """Return which processes wrote."""
        return {write.process for write in self.writes if write.at >= since}

    def strays(self) -> list[Write]:
        """Return the writes of processes that the Lease did not name."""
        return [write for write in self.writes if write.holder != write.process]

    def _is_done(self, key: kinds.Key) -> bool:
        live = self.cluster.objects.get(model(key), {})
        observed = live.get("status", {}).get("observedGeneration")
        return bool(conditions.conditions(live)) and observed == live["metadata"].get("generation")


class Connection:
    """What one process has of the API server. `away`: nothing is answered; `frozen`: the process does not run."""

    def __init__(self, world: World, name: str) -> None:
        self._world, self._name = world, name
        self._permit: Callable[[], None] = lambda: None
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self.away = False
        self.seconds = 0.001

    def permit_by(self, permit: Callable[[], None]) -> None:
        self._permit = permit

    def freeze(self) -> None:
        self._goes_on.clear()

    def thaw(self) -> None:
        self._goes_on.set()

    def __getattr__(self, verb: str) -> Any:
        return functools.partial(
            self._stream if verb in STREAMS else self._call, getattr(self._world.cluster, verb), verb
        )

    async def _call(self, call: Any, verb: str, about: Any, *more: Any, **named: Any) -> Any:
        await self._reach()
        ref = about if isinstance(about, kinds.Ref) else kinds.ref(about)
        if verb in READS or ref.kind == kinds.LEASE.kind:
            answer = await call(about, *more, **named)
        else:
            answer = await self._write(functools.partial(call, about, *more, **named), verb, ref)
        await self._reach()
        return answer

    async def _write(self, call: Callable[[], Awaitable[Any]], verb: str, ref: kinds.Ref) -> Any:
        self._permit()
        self._world.writes.append(Write(clock.now(), self._name, verb, ref, self._world.holder()))
        self._world.meet(self, verb, ref, "before")
        answer = await call()
        self._world.meet(self, verb, ref, "after")
        return answer

    async def _stream(self, call: Any, verb: str, *about: Any, **named: Any) -> AsyncIterator[Any]:
        await self._reach()
        async with contextlib.aclosing(call(*about, **named)) as stream:
            async for one in self._world.through(stream) if verb == "watch" else stream:
                await self._reach()
                yield one

    async def _reach(self) -> None:
        await asyncio.sleep(self.seconds)
        await self._goes_on.wait()
        if self.away:
            raise troubles.DOWN.with_traceback(None)  # else it holds every world in which it was raised


class Silent:
    """Servers that do not answer; `asked` are the addresses."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def ask_guard(self, address: str) -> guard.State | None:
        self.asked.append(address)
        await asyncio.sleep(2)
        return None

    async def ask_fetcher(self, address: str) -> str | None:
        self.asked.append(address)
        return None

    async def ask_model(self, base: str, _key: str, _request: verification.Request) -> http_client.Answer:
        self.asked.append(base)
        return http_client.Answer(reached=False)


class Process:
    """One operator process; `servers` are what it asks over the network."""

    def __init__(self, world: World, name: str, settings: dict[str, Any]) -> None:
        self.name, self._world, self._frozen_at = name, world, 0.0
        self.servers = world.servers()
        self.connection = Connection(world, name)
        chosen = config.Config(
            identity=name, **{"http_port": 0, "engine_images": harness.SETTINGS.engine_images, **settings}
        )
        self.manager = manager.Manager(chosen, self.connection, self.servers, clock=self._clock)  # type: ignore[arg-type]

    def leads(self) -> bool:
        return self.manager._leader.holds()

    def checked(self) -> set[kinds.Key]:
        """Return the models that the process worked on since it leads."""
        return set(self.manager._checked)

    async def freeze(self, seconds: float) -> None:
        """Let the process not run for a while: it sends nothing meanwhile, and then finds that its clock has jumped."""
        self._frozen_at = clock.now()
        self.connection.freeze()
        await asyncio.sleep(seconds)
        self._frozen_at = 0.0
        self.connection.thaw()

    async def kill(self) -> None:
        """End the process at once."""
        self.connection.away = True
        await self.manager._cancel()

    def _clock(self) -> float:
        return self._frozen_at or clock.now()


def model(key: kinds.Key) -> kinds.Ref:
    return kinds.Ref(kinds.MODEL_DEPLOYMENT.kind, *key)
