"""What an admin is told of a model, one row for each thing that can be true of it: spec and state in, six conditions out.

`+` is True, `-` is False, `?` is Unknown; the order is Available, Ready, Progressing, Exposed, GuardConfigured, Verified.
"""

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from tests import observations
from tests.golden import render
from tests.observations import pod, rolled_out, serving

IDLE = "?NoGuards ?NotServing"
EXPOSED = {"expose": {"host": "web.example", "ingress": {"tls": {"secretName": "web-tls"}}}}
ADDRESS = {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}
SCHEDULED = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "False"}]
RUNNING, WAITING, ENDED = (
    {"running": {}},
    {"waiting": {"reason": "CrashLoopBackOff"}},
    {"terminated": {"exitCode": 1}},
)


class Row(NamedTuple):
    """`says`: the message of Ready; `also`: those of other conditions."""

    promise: str
    spec: dict[str, Any]
    seen: dict[str, Any]
    conditions: str
    says: str
    also: Mapping[str, str] = {}


def starting(*pods: dict[str, Any], **changed: Any) -> dict[str, Any]:
    """Describe a model whose first server has not answered yet."""
    return {"deployment": rolled_out(readyReplicas=0, availableReplicas=0), "pods": [*pods], **changed}


def engine(state: dict[str, Any], last: dict[str, Any] | None = None, **more: Any) -> dict[str, Any]:
    """Describe a pod whose engine is in `state`, and ended as `last` says."""
    ended = {"lastState": {"terminated": last}} if last else {}
    status = {"name": "vllm", "image": "engine:1", "ready": False, "state": state, **ended, **more}
    return pod("a", conditions=SCHEDULED, containerStatuses=[status])


def guard(state: dict[str, Any], last: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe a pod whose guard is in `state`, and ended as `last` says."""
    ended = {"lastState": {"terminated": last}} if last else {}
    status = {"name": "guard", "image": "envoy:1", "ready": False, "state": state, **ended}
    return pod("a", conditions=SCHEDULED, initContainerStatuses=[status])


def failing(promise: str, seen: dict[str, Any], reason: str, says: str) -> Row:
    """Return the row of a first server that does not answer."""
    return Row(promise, {}, starting(seen), f"-{reason} -{reason} +RollingOut +InCluster {IDLE}", says)


WHOLE = "+Serving +Serving -Complete +InCluster"
ROLLING = "+RollingOut +InCluster"
REJECTED = (
    "the guard of the pod b rejected its newest configuration and goes on with the one before: "
    "a revoked key may still be accepted there"
)
WRONG = "a request through the Service, with a client's key, was answered 500: EngineCore encountered an issue."

SERVING = [
    Row("a model that serves", {}, serving(), f"{WHOLE} +Configured +Verified", "servers that answer: 1 of 1",
        {"Progressing": "nothing is being rolled out",
         "Exposed": "reached by its Service inside the cluster; an address outside needs spec.expose.host",
         "GuardConfigured": "1 of 1 guards have taken up the newest keys and limits",
         "Verified": "a token came back through the Service"}),
    Row("an Ingress with an address", EXPOSED, serving(ingress=ADDRESS),
        "+Serving +Serving -Complete +Exposed +Configured +Verified", "servers that answer: 1 of 1",
        {"Exposed": "the Ingress has an address"}),
    Row("an Ingress without a certificate", {"expose": {"host": "web.example"}}, serving(ingress=ADDRESS),
        "+Serving +Serving -Complete +ExposedWithoutTLS +Configured +Verified", "servers that answer: 1 of 1",
        {"Exposed": "the Ingress has an address; it has no certificate, so clients' keys travel in plain text: "
                    "set spec.expose.ingress.tls, or expose.tlsSecret of the operator's chart"}),
    Row("an Ingress without an address", EXPOSED, serving(),
        "+Serving +Serving -Complete ?NoAddress +Configured +Verified", "servers that answer: 1 of 1",
        {"Exposed": "no ingress controller has given the Ingress an address yet"}),
    Row("a model that nobody has asked yet", {}, serving(verified=None, guards={}), f"{WHOLE} ?NotAsked ?NotAsked",
        "servers that answer: 1 of 1", {"Verified": "the answer of those that were asked is on its way"}),
    Row("a model that answers wrongly", {},
        serving(verified={"status": "False", "reason": "AnswerWrong", "message": WRONG}),
        "-VerificationFailed -VerificationFailed -Complete +InCluster +Configured -AnswerWrong", WRONG,
        {"Available": WRONG}),
    Row("a model that answers wrongly while it is rolled out", {"replicas": 2},
        serving(deployment=rolled_out(2, updatedReplicas=1),
                verified={"status": "False", "reason": "AnswerWrong", "message": WRONG}),
        f"-VerificationFailed -RollingOut {ROLLING} +Configured -AnswerWrong",
        "1 of 2 servers are of the newest generation"),
    Row("a model scaled to zero", {"replicas": 0}, {"deployment": {"observedGeneration": 1}},
        f"-ScaledToZero -ScaledToZero -Complete +InCluster {IDLE}", "spec.replicas is 0: scale up to serve"),
    Row("a paused model that serves what its spec asks for", {"paused": True}, serving(),
        "+Serving +Serving -Paused +InCluster +Configured +Verified", "servers that answer: 1 of 1",
        {"Progressing": "spec.paused is true: keys and revocations go on, all else waits"}),
]  # fmt: skip

GUARDS = [
    Row("a guard that has not taken up the newest keys", {"replicas": 2},
        serving("a", "b", guards={"a": {}, "b": {"version": "older"}}), f"{WHOLE} -Applying +Verified",
        "servers that answer: 2 of 2", {"GuardConfigured": "1 of 2 guards have taken up the newest keys and limits"}),
    Row("a guard that rejected the newest keys", {"replicas": 2},
        serving("a", "b", guards={"a": {}, "b": {"version": "older", "rejected": 1}}),
        "+Serving -GuardRejected -Complete +InCluster -Rejected +Verified", REJECTED, {"GuardConfigured": REJECTED}),
    Row("a guard that does not answer", {}, serving(guards={"a": None}), f"{WHOLE} ?Unreachable +Verified",
        "servers that answer: 1 of 1",
        {"GuardConfigured": "1 of 1 guards do not answer the operator on their private port 8002"}),
    Row("a client without a key", {"access": {"clients": [{"name": "vault", "keySecretRef": {"name": "ours"}}]}},
        serving(troubles={"vault": ["ClientKeyNotFound", "vault: Secret ours does not exist, so no key is accepted"]}),
        f"{WHOLE} -ClientKeyNotFound +Verified", "servers that answer: 1 of 1",
        {"GuardConfigured": "vault: Secret ours does not exist, so no key is accepted"}),
    Row("a client whose time is over",
        {"access": {"clients": [{"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z"}, {"name": "team-b"}]}},
        serving(), f"{WHOLE} +ClientExpired +Verified", "servers that answer: 1 of 1",
        {"GuardConfigured": "1 of 1 guards have taken up the newest keys and limits; past their expiresAt: team-a"}),
]  # fmt: skip

ROLLOUTS = [
    Row("a rollout whose newest server has no image", {"replicas": 2},
        serving(deployment=rolled_out(2, replicas=3, updatedReplicas=1), guards={"a": {"version": "older"}}, pods=[
            pod("c", "2026-01-01T00:00:02Z", conditions=SCHEDULED, containerStatuses=[
                {"name": "vllm", "image": "engine:1", "ready": False,
                 "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}}}]),
            pod("a")]),
        f"+Serving -ImageNotPulled {ROLLING} -Applying +Verified",
        "the image engine:1 of vllm cannot be had: not found",
        {"Available": "servers that answer: 2 of 2", "Progressing": "1 of 2 servers are of the newest generation"}),
    Row("a rollout with an old server left", {}, serving(deployment=rolled_out(replicas=2)),
        f"+Serving -RollingOut {ROLLING} +Configured +Verified", "1 of 1 servers are of the newest generation"),
    Row("a generation that the Deployment's controller has not seen", {},
        serving(deployment=rolled_out(observedGeneration=0)),
        f"+Serving -RollingOut {ROLLING} +Configured +Verified", "1 of 1 servers are of the newest generation"),
    Row("a rollout that takes too long", {},
        starting(engine(RUNNING), deployment={**rolled_out(readyReplicas=0), "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
        f"-Loading -Loading -StartTimedOut +InCluster {IDLE}", "vLLM is loading the model in the pod a",
        {"Progressing": "the newest servers did not answer within spec.engine.startupTimeout"}),
    Row("a server for which no accelerator is free", {"replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=1), pods=[
            pod("b", "2026-01-01T00:00:01Z", conditions=[{"type": "PodScheduled", "status": "False",
                "message": "0/1 nodes are available: 1 Insufficient nvidia.com/gpu."}]),
            pod("a")]),
        f"+Serving -Unschedulable {ROLLING} +Configured +Verified",
        "no node takes the pod b: 0/1 nodes are available: 1 Insufficient nvidia.com/gpu.",
        {"Available": "servers that answer: 1 of 2"}),
    Row("pods that a quota refuses", {},
        {"deployment": {"observedGeneration": 1, "conditions": [
            {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}]}},
        f"-PodsRefused -PodsRefused {ROLLING} {IDLE}",
        "the pods cannot be made: exceeded quota: small"),
]  # fmt: skip

PODS = [
    failing("a pod of which nothing is known", pod("a", phase="Pending"), "Starting", "the pod a is being started"),
    failing("an engine that loads", engine(RUNNING), "Loading", "vLLM is loading the model in the pod a"),
    failing("an option that vLLM does not know",
            engine(WAITING, {"exitCode": 2, "message": "vllm: error: unrecognized arguments: --no-such-option=1"}),
            "UnknownOption", "vLLM does not know the option --no-such-option=1: correct spec.engine.args"),
    failing("a container that cannot be created",
            engine({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}),
            "ContainerNotCreated", 'vllm cannot be created: secret "x" not found'),
    failing("an engine that used too much memory", engine(WAITING, {"exitCode": 137, "reason": "OOMKilled"}),
            "OutOfMemory", "vllm used more memory than its limit: raise spec.resources.limits.memory"),
    failing("a guard that used too much memory", guard(WAITING, {"exitCode": 137, "reason": "OOMKilled"}),
            "OutOfMemory", "guard used more memory than its limit: raise spec.guard.resources.limits.memory"),
    failing("an engine that ended and said nothing", engine(ENDED, restartCount=3), "ContainerEnded",
            "vllm ended with exit code 1 (restarts: 3) and said nothing"),
    failing("a guard that ended with words", guard(WAITING, {"exitCode": 1, "message": "no such file"}),
            "ContainerEnded", "guard ended: no such file"),
]  # fmt: skip

TAKEN = "Service vllm11 belongs to nobody known to the operator and is left alone: remove it, or rename this model"
REFUSED = 'the API server refuses Deployment vllm11: admission webhook "x" denied the request'
ABSENT = "Secret web-tls does not exist: create it; this heals by itself"
NOT_ALLOWED = (
    "spec.serviceAccountName admin is not in allow.serviceAccounts: weights-reader; "
    "spec.expose.host bank.example.com is under none of allow.domains of the namespace models: byteshop.in, example "
    "(values of the operator's chart)"
)
HOST = (
    "spec.expose.host bank.example.com is under none of allow.domains of the namespace models: byteshop.in, example "
    "(values of the operator's chart)"
)


def absent(kind: str, spec: dict[str, Any], namespace: str = "models") -> Row:
    """Return the row of a thing that the spec names and nobody has made."""
    says = f"{kind} some does not exist: create it; this heals by itself"
    return Row(
        f"a {kind} that does not exist", spec, {"missing": [[kind, namespace, "some"]]},
        f"-{kind}NotFound -{kind}NotFound +RollingOut +InCluster {IDLE}", says,
    )  # fmt: skip


OBSTACLES = [
    Row("a name that somebody else holds", {}, {"strangers": [[["Service", "models", "vllm11"], "nobody known to the operator"]]},
        f"-NameTaken -NameTaken -NameTaken +InCluster {IDLE}", TAKEN, {"Progressing": TAKEN}),
    Row("an Ingress that somebody else holds", EXPOSED,
        serving(strangers=[[["Ingress", "models", "vllm11"], "nobody known to the operator"]], ingress=ADDRESS),
        "+Serving -NameTaken -NameTaken -NameTaken +Configured +Verified", TAKEN.replace("Service", "Ingress")),
    Row("a write that a webhook refuses", {},
        {"refused": [[["Deployment", "models", "vllm11"], 'admission webhook "x" denied the request']]},
        f"-WriteRefused -WriteRefused -WriteRefused +InCluster {IDLE}", REFUSED),
    Row("a spec that is not allowed", {"serviceAccountName": "admin", "expose": {"host": "bank.example.com"}}, {},
        f"-NotAllowed -NotAllowed -NotAllowed -NotAllowed {IDLE}", NOT_ALLOWED, {"Exposed": HOST}),
    Row("a certificate that does not exist", EXPOSED, serving(missing=[["Secret", "models", "web-tls"]]),
        "+Serving -SecretNotFound -Complete -SecretNotFound +Configured +Verified", ABSENT, {"Exposed": ABSENT}),
    Row("a class of Ingress that does not exist", EXPOSED, serving(missing=[["IngressClass", "", "contour"]]),
        "+Serving -IngressClassNotFound -Complete -IngressClassNotFound +Configured +Verified",
        "IngressClass contour does not exist: create it; this heals by itself"),
    absent("PersistentVolumeClaim", {"model": {"source": "pvc://some"}}),
    absent("ServiceAccount", {"serviceAccountName": "weights-reader"}),
    absent("PriorityClass", {"scheduling": {"priorityClassName": "some"}}, ""),
    absent("Secret", {"imagePullSecrets": [{"name": "some"}]}),
    absent("ConfigMap", {}),
]  # fmt: skip

ROWS = [*SERVING, *GUARDS, *ROLLOUTS, *PODS, *OBSTACLES]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.promise)
def test_the_admin_is_told(row: Row) -> None:
    model = observations.model(row.spec)
    body = observations.status(observations.state(model, row.seen))
    said = observations.messages(body)
    assert observations.signs(body) == row.conditions
    assert said["Ready"] == row.says
    assert {kind: said[kind] for kind in row.also} == row.also
    assert list(said) == ["Available", "Ready", "Progressing", "Exposed", "GuardConfigured", "Verified"]
    assert not any(key in json.dumps(body) for key in render.KEYS.values())
