"""What else works on a cluster: the controllers of Deployments and Jobs, kubelets with servers, and the garbage collector.

Each looks once a second. Servers answer at once, and their guards have what their Secret holds; a Job is done when it is seen.
"""

import asyncio
import copy
import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Any

from tests import fake_apiserver, fake_store, samples
from vllm_operator import guard
from vllm_operator.engine import verification
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming
from vllm_operator.probes import http_client

if TYPE_CHECKING:
    from collections.abc import Callable

READY = {
    "initContainerStatuses": [{"name": "guard", "ready": True, "restartCount": 0}],
    "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "True"}],
}
DONE = {"conditions": [{"type": "Complete", "status": "True"}], "succeeded": 1}
COUNTED = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
TOKEN = http_client.Answer(reached=True, status=200, text='{"choices": [{"text": " a"}]}')


class Machinery:
    """`started`: the pods that were made, by the name of their ReplicaSet; `loads(model)`: how long new servers load."""

    def __init__(self, cluster: fake_apiserver.FakeCluster) -> None:
        self.cluster, self.started = cluster, list[str]()
        self.loads: Callable[[str], float] = lambda _model: 0.0
        self._loaded: dict[str, float] = {}
        self._loading = False
        self._addresses, self._uids = itertools.count(1), itertools.count(1)

    async def run(self) -> None:
        """Work until cancelled, where there is news or servers load."""
        seen = 0
        while True:
            news = any(happened.kind not in {"Lease", "Event"} for happened in self.cluster.history[seen:])
            seen = len(self.cluster.history)
            if news or self._loading:
                self.step()
            await asyncio.sleep(1)

    def step(self) -> None:
        """Let each look once."""
        self._loading = False
        self.cluster.collect_garbage()
        for deployment in self._of("Deployment"):
            self._serve(deployment)
        for job in self._of("Job"):
            self._write_status(job, DONE)

    def _serve(self, deployment: kinds.Object) -> None:
        """Bring a Deployment's pods to what it asks for, and count them."""
        spec, name = deployment["spec"], deployment["metadata"]["name"]
        newest = f"{name}-{hashed(spec['template'])}"
        generation = deployment["metadata"]["generation"]
        now = asyncio.get_running_loop().time()
        if now < self._loaded.setdefault(newest, now + self.loads(name)):
            self._loading = True
            before = deployment.get("status", {}).get("readyReplicas", 0)
            counted = {
                "replicas": before + spec["replicas"],
                "updatedReplicas": spec["replicas"],
                "readyReplicas": before,
            }
            self._write_status(deployment, {"observedGeneration": generation, **counted})
            return
        for replica_set in self._owned("ReplicaSet", deployment):
            if replica_set["metadata"]["name"] != newest:
                self.cluster.remove(kinds.ref(replica_set))
        self.cluster.collect_garbage()
        self._scale(self._replica_set(deployment, newest), spec)
        counted = dict.fromkeys(COUNTED, spec["replicas"]) if spec["replicas"] else {}
        self._write_status(deployment, {"observedGeneration": generation, **counted})

    def _replica_set(self, deployment: kinds.Object, name: str) -> kinds.Object:
        found = [one for one in self._owned("ReplicaSet", deployment) if one["metadata"]["name"] == name]
        return found[0] if found else self._made("apps/v1", "ReplicaSet", name, deployment)

    def _scale(self, replica_set: kinds.Object, spec: kinds.Object) -> None:
        pods = self._owned("Pod", replica_set)
        for pod in pods[spec["replicas"] :]:
            self.cluster.remove(kinds.ref(pod))
        for _ in range(spec["replicas"] - len(pods)):
            self._start(replica_set, spec["template"])

    def _start(self, replica_set: kinds.Object, template: kinds.Object) -> None:
        number, name = next(self._addresses), replica_set["metadata"]["name"]
        model, _, of_template = name.rpartition("-")
        labels = samples.made_by_deployment(model, of_template)["labels"] | template["metadata"]["labels"]
        body = {
            "spec": copy.deepcopy(template["spec"]),
            "status": {**copy.deepcopy(READY), "podIP": f"10.1.{number // 256}.{number % 256}"},
        }
        pod = self._made("v1", "Pod", f"{name}-{number}", replica_set, **body)
        pod["metadata"] |= {"labels": labels, "annotations": dict(template["metadata"].get("annotations", {}))}
        self.cluster.commit(kinds.ref(pod), pod)
        self.started.append(name)

    def _made(self, version: str, kind: str, name: str, owner: kinds.Object, **body: Any) -> kinds.Object:
        reference = {
            "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
            "uid": owner["metadata"]["uid"], "controller": True,
        }  # fmt: skip
        metadata = {
            "name": name, "namespace": owner["metadata"]["namespace"], "uid": f"made-{next(self._uids)}",
            "creationTimestamp": fake_store.now(), "managedFields": [], "ownerReferences": [reference],
        }  # fmt: skip
        made = {"apiVersion": version, "kind": kind, "metadata": metadata, **body}
        return self.cluster.commit(kinds.ref(made), made)

    def _write_status(self, obj: kinds.Object, status: kinds.Object) -> None:
        if obj.get("status") != status:
            self.cluster.commit(kinds.ref(obj), {**copy.deepcopy(obj), "status": copy.deepcopy(status)})

    def _of(self, kind: str) -> list[kinds.Object]:
        found = [(ref, obj) for ref, obj in self.cluster.objects.items() if ref.kind == kind]
        return [obj for _, obj in sorted(found, key=lambda one: one[0])]

    def _owned(self, kind: str, owner: kinds.Object) -> list[kinds.Object]:
        uid = owner["metadata"]["uid"]
        return [one for one in self._of(kind) if any(own["uid"] == uid for own in one["metadata"]["ownerReferences"])]


class Servers:
    """The servers of a cluster's pods, as the operator asks them over the network."""

    def __init__(self, cluster: fake_apiserver.FakeCluster) -> None:
        self._cluster = cluster

    async def ask_guard(self, address: str) -> guard.State | None:
        """Say which configuration the guard at that address has: what its Secret holds."""
        await asyncio.sleep(0.01)
        pods = (obj for ref, obj in self._cluster.objects.items() if ref.kind == "Pod")
        pod = next((one for one in pods if one.get("status", {}).get("podIP") == address), None)
        if pod is None:
            return None
        model, namespace = pod["metadata"]["labels"][naming.MODEL_LABEL], pod["metadata"]["namespace"]
        secret = self._cluster.objects.get(kinds.Ref("Secret", namespace, naming.guard_secret(model)))
        return guard.State(record.guard_version(secret), 0)

    async def ask_fetcher(self, _address: str) -> str | None:
        """Say nothing: a Job is done before it could be asked."""
        return None

    async def ask_model(self, _base: str, _key: str, _request: verification.Request) -> http_client.Answer:
        """Answer with a token."""
        await asyncio.sleep(0.01)
        return TOKEN


def hashed(template: kinds.Object) -> str:
    """Return the hash that tells a pod template from others."""
    return hashlib.sha256(json.dumps(template, sort_keys=True).encode()).hexdigest()[:8]
