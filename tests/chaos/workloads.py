"""What admins do to models, step by step; whatever goes wrong meanwhile, the end is always the same."""

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import Any

from tests import operator_process
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming

World = operator_process.World
Step = Callable[[World], Awaitable[None]]

FIRST, SECOND = kinds.Key("models", "vllm11"), kinds.Key("models", "vllm12")
HOST = {"expose": {"host": "one.example", "ingress": {"className": "contour"}}}
CACHE = {"cache": {"size": "10Gi"}}


def create(key: kinds.Key = FIRST, *clients: str, **spec: Any) -> Step:
    """Create a model."""

    async def step(world: World) -> None:
        await world.create(key.name, *(clients or ("alice", "bob")), namespace=key.namespace, **spec)

    return step


def change(key: kinds.Key = FIRST, **spec: Any) -> Step:
    """Change fields of a model's spec."""

    async def step(world: World) -> None:
        await world.change(key, **spec)

    return step


def delete(key: kinds.Key = FIRST) -> Step:
    """Delete a model."""

    async def step(world: World) -> None:
        await world.cluster.delete_by("admin", operator_process.model(key))

    return step


def remove(*refs: tuple[str, str]) -> Step:
    """Delete objects of a model by hand."""

    async def step(world: World) -> None:
        for kind, name in refs:
            await world.cluster.delete_by("admin", kinds.Ref(kind, FIRST.namespace, name))

    return step


def edit(kind: str, name: str, patch: kinds.Object) -> Step:
    """Edit an object of a model by hand."""

    async def step(world: World) -> None:
        await world.cluster.edit_by("admin", kinds.Ref(kind, FIRST.namespace, name), patch)

    return step


def bring(client: str, key: str) -> Step:
    """Write the Secret that brings a client's key, as a vault's tool does."""

    async def step(world: World) -> None:
        ref = kinds.Ref("Secret", FIRST.namespace, f"from-{client}")
        data = {record.KEY: base64.b64encode(key.encode()).decode()}
        metadata = {"name": ref.name, "namespace": ref.namespace, "labels": {naming.MODEL_LABEL: FIRST.name}}
        if ref in world.cluster.objects:
            await world.cluster.edit_by("vault", ref, {"data": data})
        else:
            await world.cluster.create_by(
                "vault", {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
            )

    return step


def orphan(key: kinds.Key = FIRST) -> Step:
    """Delete a model, and leave what it owned, as `kubectl delete --cascade=orphan` does."""

    async def step(world: World) -> None:
        ref = operator_process.model(key)
        uid = world.cluster.objects[ref]["metadata"]["uid"]
        await world.cluster.edit_by("api-server", ref, {"metadata": {"finalizers": ["orphan"]}})
        await world.cluster.delete_by("admin", ref)
        for child, obj in list(world.cluster.objects.items()):
            if naming.is_controlled(obj, uid):
                await asyncio.sleep(0.2)
                await world.cluster.edit_by("garbage-collector", child, {"metadata": {"ownerReferences": None}})
        await asyncio.sleep(0.2)
        await world.cluster.edit_by("garbage-collector", ref, {"metadata": {"finalizers": None}})

    return step


def adopt(key: kinds.Key = FIRST) -> Step:
    """Let a model take over what was left of the one before it."""

    async def step(world: World) -> None:
        deployment = world.cluster.objects[kinds.Ref("Deployment", *key)]
        await annotate(key, adopt=deployment["metadata"]["labels"][naming.OWNER_LABEL])(world)

    return step


def at_once(*steps: Step) -> Step:
    """Do several steps without a pause."""

    async def step(world: World) -> None:
        for one in steps:
            await one(world)

    return step


def annotate(key: kinds.Key, **annotations: str) -> Step:
    """Annotate a model."""

    async def step(world: World) -> None:
        noted = {f"{kinds.GROUP}/{name}": value for name, value in annotations.items()}
        await world.cluster.edit_by("admin", operator_process.model(key), {"metadata": {"annotations": noted}})

    return step


def clients(*listed: str | dict[str, Any]) -> Step:
    """Change who may call the first model."""
    full = [one if isinstance(one, dict) else {"name": one} for one in listed]
    return change(access={"clients": full})


def engine(*args: str) -> Step:
    """Change the options of the first model's engine, which takes new servers."""
    return change(engine={"args": list(args)})


WORKLOADS: dict[str, tuple[Step, ...]] = {
    "create": (create(replicas=2, **HOST),),
    "scale": (create(), change(replicas=3), change(replicas=0), change(replicas=1)),
    "edit": (
        create(**HOST),
        edit("Service", "vllm11", {"metadata": {"annotations": {"example.com/theirs": "yes"}}}),
        at_once(engine("--seed=1"), change(expose={"host": "two.example", "ingress": {"className": "contour"}})),
        at_once(change(expose=None), engine("--seed=2"), annotate(FIRST, upgrade="1")),
    ),
    "pause": (create(), change(paused=True), at_once(engine("--seed=1"), clients("alice")), change(paused=False)),
    "rotate": (
        create(),
        clients({"name": "alice", "keyVersion": 2}, "bob"),
        clients({"name": "alice", "keyVersion": 3}, "carol"),
        clients({"name": "alice", "keyVersion": 3}, "bob", "carol"),
    ),
    "bring": (
        at_once(create(), bring("eve", "sk-" + "e" * 40)),
        clients("alice", {"name": "eve", "keySecretRef": {"name": "from-eve"}}),
        bring("eve", "sk-" + "f" * 40),
        remove(("Secret", "from-eve")),
    ),
    "lose a key": (create(), remove(("Secret", "vllm11.key.alice")), remove(("Secret", "vllm11.guard"))),
    "weights": (
        create(model={"source": "hf://org/tiny", **CACHE}),
        change(model={"source": "hf://org/tiny@v2", **CACHE}),
        change(model={"source": "file:///models/opt", "cache": None}),
    ),
    "delete": (create(**HOST), delete()),
    "recreate": (create(**HOST), at_once(delete(), create(FIRST, "alice", replicas=2)), delete(), create()),
    "restore": (create(**HOST), orphan(), create(**HOST), adopt()),
    "two": (
        at_once(create(FIRST, **HOST), create(SECOND, "carol")),
        at_once(engine("--seed=1"), change(SECOND, replicas=2), clients("alice")),
        at_once(delete(FIRST), change(SECOND, access={"clients": [{"name": "carol", "keyVersion": 2}]})),
    ),
    "drift": (
        create(**HOST),
        remove(("Deployment", "vllm11"), ("Service", "vllm11"), ("NetworkPolicy", "vllm11"), ("Ingress", "vllm11")),
        at_once(
            edit("Deployment", "vllm11", {"spec": {"revisionHistoryLimit": 1}}),
            edit("Service", "vllm11", {"spec": {"type": "NodePort"}}),
        ),
    ),
}
"""By name; every step is done once the one before has come to rest."""
