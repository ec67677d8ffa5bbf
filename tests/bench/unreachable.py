"""Servers that nobody reaches: pods that say they run, whose guards take a connection and never answer.

What a Deployment's controller, the scheduler and a kubelet would write is written here, for a light cluster has none of them; its
controllers that would undo that are off. The addresses lie on loopback.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Any

from tests.bench.scale import load, wire
from vllm_operator import guard
from vllm_operator.children import pod
from vllm_operator.kube import naming

OFF = (
    "deployment-controller",
    "replicaset-controller",  # would make pods of its own
    "node-lifecycle-controller",  # the node has no kubelet, and would become NotReady
    "endpointslice-controller",  # no EndpointSlice takes an address on loopback
    "endpoints-controller",
)
CONTROLLERS = ",".join(["*", *(f"-{name}" for name in OFF)])
NODE, TEMPLATE = "node", "7d9c5b6f48"
SINCE = "2026-01-01T00:00:00Z"
PODS = "/api/v1/namespaces/default/pods"
APPS = "/apis/apps/v1/namespaces/default"
IN_A_ROW = 250
PART = 4096


class Silence:
    """What listens at the addresses of guards; `connections`: how many were taken; `heard`: the addresses that were asked."""

    def __init__(self) -> None:
        self.connections, self.heard = 0, set[str]()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Listen until the other side has had enough."""
        self.connections += 1
        self.heard.add(writer.get_extra_info("sockname")[0])
        with contextlib.closing(writer), contextlib.suppress(ConnectionError):
            while await reader.read(PART):
                pass


def addresses(names: list[str]) -> dict[str, str]:
    """Return an address for each model's pod."""
    return {name: f"127.1.{number // IN_A_ROW}.{number % IN_A_ROW + 1}" for number, name in enumerate(names)}


@contextlib.asynccontextmanager
async def silent(pods: Mapping[str, str]) -> AsyncIterator[Silence]:
    """Listen at the private port of each address until the block ends."""
    silence = Silence()
    server = await asyncio.start_server(silence.take, list(pods.values()), guard.PRIVATE_PORT)
    try:
        yield silence
    finally:
        server.close()


async def run(api: wire.Api, pods: Mapping[str, str]) -> None:
    """Let a server of each model run at its address."""
    await api.ask("POST", "/api/v1/nodes", {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}})
    await load.parallel(pods, lambda name: _run(api, name, pods[name]))


async def _run(api: wire.Api, name: str, address: str) -> None:
    deployment = await api.ask("GET", f"{APPS}/deployments/{name}")
    replica_set = await api.ask("POST", f"{APPS}/replicasets", _replica_set(deployment))
    made = await api.ask("POST", PODS, _pod(deployment, replica_set))
    await api.ask("PATCH", f"{PODS}/{made['metadata']['name']}/status", {"status": _status(made, address)}, wire.MERGE)


def _replica_set(deployment: dict[str, Any]) -> dict[str, Any]:
    """Return what the Deployment's controller makes of its template."""
    labels = {**deployment["spec"]["selector"]["matchLabels"], naming.TEMPLATE_LABEL: TEMPLATE}
    metadata = {
        "name": f"{deployment['metadata']['name']}-{TEMPLATE}",
        "ownerReferences": [_controller("Deployment", deployment)],
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": _template(deployment)}
    return {"apiVersion": "apps/v1", "kind": "ReplicaSet", "metadata": metadata, "spec": spec}


def _pod(deployment: dict[str, Any], replica_set: dict[str, Any]) -> dict[str, Any]:
    """Return what the ReplicaSet's controller makes of it, on the node that the scheduler chose."""
    template = _template(deployment)
    named = {
        "name": f"{replica_set['metadata']['name']}-x8k2p",
        "ownerReferences": [_controller("ReplicaSet", replica_set)],
    }
    spec = {**template["spec"], "nodeName": NODE}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {**template["metadata"], **named}, "spec": spec}


def _template(deployment: dict[str, Any]) -> dict[str, Any]:
    template = deployment["spec"]["template"]
    metadata = template["metadata"]
    labels = {**metadata["labels"], naming.TEMPLATE_LABEL: TEMPLATE}
    return {**template, "metadata": {**metadata, "labels": labels}}


def _controller(kind: str, obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj["metadata"]
    named = {"name": metadata["name"], "uid": metadata["uid"]}
    return {"apiVersion": "apps/v1", "kind": kind, **named, "controller": True, "blockOwnerDeletion": True}


def _status(made: dict[str, Any], address: str) -> dict[str, Any]:
    """Return what a kubelet says of a pod whose containers run and are ready."""
    names = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
    spec = made["spec"]
    return {
        "phase": "Running",
        "startTime": SINCE,
        "podIP": address,
        "podIPs": [{"ip": address}],
        "conditions": [{"type": name, "status": "True", "lastTransitionTime": SINCE} for name in names],
        "initContainerStatuses": [_container(one) for one in spec["initContainers"] if one["name"] == pod.GUARD],
        "containerStatuses": [_container(one) for one in spec["containers"]],
    }


def _container(one: dict[str, Any]) -> dict[str, Any]:
    about = {"name": one["name"], "image": one["image"], "imageID": one["image"], "restartCount": 0}
    return {**about, "ready": True, "started": True, "state": {"running": {"startedAt": SINCE}}}
