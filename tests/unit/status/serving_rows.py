"""Models that serve, and what is told beside it: the edge, guards, clients, a rollout under way."""

from tests import observations
from tests.observations import earlier, pod, rolled_out, serving
from tests.unit.status.rows import (
    ADDRESS,
    EXPOSED,
    IDLE,
    INSIDE,
    ONE,
    OVER_QUOTA,
    PROVEN,
    ROUTED,
    RUNNING,
    SCHEDULED,
    WHOLE,
    Row,
    engine,
    starting,
    taken,
)  # fmt: skip
from vllm_operator import api
from vllm_operator.keys import troubles
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import kubelet_words

ROLLING = f"+RollingOut {INSIDE}"
PAUSED = "spec.paused is true: keys and revocations go on, all else waits"
REJECTED = (
    "the guard of the pod b rejected its newest configuration and goes on with the one before: "
    "a revoked key may still be accepted there"
)
WRONG = "a request through the Service, with a client's key, was answered 500: EngineCore encountered an issue."
ANSWERED_WRONGLY = ConditionValue("False", "AnswerWrong", WRONG)
UNREACHED = ConditionValue("Unknown", "Unreachable", "the operator does not reach the model's Service")
UNVERIFIED = {
    "a model none of whose clients has a key": ConditionValue(
        "Unknown", "NoClientKey", "no client has a valid key, and the model is only asked as a client asks it"),
    "a model none of whose clients can spare a request": ConditionValue(
        "Unknown", "NoSpareLimit", "no client may send 60 requests an hour or more, so none can spare the request"),
    "a model whose Service is somebody else's": ConditionValue(
        "Unknown", "NoService", "the Service vllm11 is not there, or is not this model's"),
}  # fmt: skip
PLAIN_TEXT = (
    "the Ingress has an address; it has no certificate, so clients' keys travel in plain text: "
    "set spec.expose.ingress.tls, or spec.expose.url where TLS ends before the Ingress, or expose.tlsSecret of the chart"
)
SILENT = "no controller has answered for the HTTPRoute yet"
QUOTA = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small"}
NO_IMAGE = {
    "name": "vllm", "image": "engine:1", "ready": False,
    "state": {"waiting": {"reason": "ImagePullBackOff", "message": "not found"}},
}  # fmt: skip
NO_SUCH_IMAGE = "the image engine:1 of vllm cannot be had: not found: there is no such image or tag: correct it"
OTHERWISE = kubelet_words.SCHEDULER[-1].remedy
UNSCHEDULED = [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes are available."}]

CLIENT = api.Client.model_validate({"name": "vault", "keySecretRef": {"name": "ours"}})
VAULT = {"access": {"clients": [CLIENT.model_dump(mode="json", by_alias=True, exclude_none=True)]}}
TROUBLES = {
    "a client whose Secret does not exist": troubles.not_found(CLIENT, ending=False),
    "a client whose Secret is not for this model": troubles.not_labelled(CLIENT, "vllm11"),
    "a client whose Secret holds no key": troubles.no_entry(CLIENT),
    "a client whose own Secret is being deleted": troubles.secret_ending(CLIENT),
    "a client whose Secret was edited": troubles.repaired("vault", restored=True),
}

SERVING = [
    Row("a model that serves", {}, serving(), f"{WHOLE} {INSIDE} {PROVEN}", ONE,
        {"Progressing": "nothing is being rolled out",
         "Exposed": "reached by its Service inside the cluster; an address outside needs spec.expose.host",
         "GuardConfigured": "1 of 1 guards have taken up the newest keys and limits",
         "Verified": "a token came back through the Service"}),
    Row("an Ingress with an address", EXPOSED, serving(ingress=ADDRESS), f"{WHOLE} +Exposed {PROVEN}", ONE,
        {"Exposed": "the Ingress has an address"}),
    Row("a route that its Gateway has taken", ROUTED, serving(httproute=taken()), f"{WHOLE} +Exposed {PROVEN}", ONE,
        {"Exposed": "Gateway infra/edge has taken the HTTPRoute"}),
    Row("a route that nobody has answered for", ROUTED, serving(), f"{WHOLE} ?GatewaySilent {PROVEN}", ONE,
        {"Exposed": f"{SILENT} (infra/edge): does one serve the Gateway's class?"}),
    Row("a route whose answer is for an earlier generation", ROUTED, serving(httproute=taken(generation=0)),
        f"{WHOLE} ?GatewaySilent {PROVEN}", ONE),
    Row("a route that another listener was asked for", ROUTED, serving(httproute=taken(sectionName="http")),
        f"{WHOLE} ?GatewaySilent {PROVEN}", ONE),
    Row("a route that one of two Gateways has taken", {"expose": {"host": "web.example", "gateway": {"parentRefs": [
        {"name": "edge", "namespace": "infra"}, {"name": "own"}]}}},
        serving(httproute=taken()), f"{WHOLE} ?GatewaySilent {PROVEN}", ONE,
        {"Exposed": f"{SILENT} (models/own): does one serve the Gateway's class?"}),
    Row("a route that its Gateway does not let in", ROUTED,
        serving(httproute=taken(Accepted=("False", "NotAllowedByListeners", "No listeners allow it."))),
        f"{WHOLE} -GatewayRefused {PROVEN}", ONE,
        {"Exposed": "Gateway infra/edge does not serve the HTTPRoute (NotAllowedByListeners: No listeners allow it: "
                    "its owner must let routes of this namespace in (allowedRoutes of its listeners))"}),
    Row("a route whose backend the controller does not find", ROUTED,
        serving(httproute=taken(ResolvedRefs=("False", "BackendNotFound", ""))), f"{WHOLE} -GatewayRefused {PROVEN}", ONE,
        {"Exposed": "Gateway infra/edge does not serve the HTTPRoute (BackendNotFound: no more is said)"}),
    Row("a route over plain HTTP", {"expose": {**ROUTED["expose"], "url": "http://web.example"}},
        serving(httproute=taken()), f"{WHOLE} +ExposedWithoutTLS {PROVEN}", ONE,
        {"Exposed": "Gateway infra/edge has taken the HTTPRoute; clients are told http://, so their keys travel in plain "
                    "text: write https:// in spec.expose.url where the listener has a certificate"}),
    Row("an Ingress before which TLS ends", {"expose": {"host": "web.example", "url": "https://web.example"}},
        serving(ingress=ADDRESS), f"{WHOLE} +Exposed {PROVEN}", ONE, {"Exposed": "the Ingress has an address"}),
    Row("an Ingress without a certificate", {"expose": {"host": "web.example"}}, serving(ingress=ADDRESS),
        f"{WHOLE} +ExposedWithoutTLS {PROVEN}", ONE, {"Exposed": PLAIN_TEXT}),
    Row("an Ingress without an address", EXPOSED, serving(), f"{WHOLE} ?NoAddress {PROVEN}", ONE,
        {"Exposed": "no ingress controller has given the Ingress an address yet"}),
    Row("a model that nobody has asked yet", {}, serving(verified=None, guards={}),
        f"{WHOLE} {INSIDE} ?NotAsked ?NotAsked", ONE,
        {"Verified": "the answer of those that were asked is on its way"}),
    Row("a model that answers wrongly", {}, serving(verified=ANSWERED_WRONGLY),
        f"-VerificationFailed -VerificationFailed -Complete {INSIDE} +Configured -AnswerWrong", WRONG, {"Available": WRONG}),
    Row("a model that the operator does not reach", {}, serving(verified=UNREACHED),
        f"{WHOLE} {INSIDE} +Configured ?Unreachable", ONE),
    *(Row(promise, {}, serving(verified=value), f"{WHOLE} {INSIDE} +Configured ?{value.reason}", ONE,
          {"Verified": value.message}) for promise, value in UNVERIFIED.items()),
    Row("a model that answers wrongly while it is rolled out", {"replicas": 2},
        serving(deployment=rolled_out(2, updatedReplicas=1), verified=ANSWERED_WRONGLY),
        f"-VerificationFailed -RollingOut {ROLLING} +Configured -AnswerWrong",
        "servers of the newest version that answer: 1 of 2"),
    Row("a model scaled to zero", {"replicas": 0}, {"deployment": {"observedGeneration": 1}},
        f"-ScaledToZero -ScaledToZero -Complete {INSIDE} {IDLE}", "spec.replicas is 0: scale up to serve"),
    Row("a model scaled to zero whose last server is still there", {"replicas": 0},
        serving(deployment=rolled_out(1)), f"-ScaledToZero -ScaledToZero {ROLLING} {PROVEN}",
        "spec.replicas is 0: scale up to serve"),
    Row("a paused model that serves what its spec asks for", {"paused": True}, serving(),
        f"+Serving +Serving -Paused {INSIDE} {PROVEN}", ONE,
        {"Progressing": PAUSED}),
    Row("a paused model whose servers are fewer than its spec asks for", {"paused": True, "replicas": 2},
        serving(made_of=observations.PLAIN["spec"]), f"+Serving -Paused -Paused {INSIDE} {PROVEN}", PAUSED),
    Row("a paused model whose servers are of an earlier spec", {"paused": True, "engine": {"maxModelLen": 8}},
        serving(made_of=observations.PLAIN["spec"]), f"+Serving -Paused -Paused {INSIDE} {PROVEN}", PAUSED),
    Row("a paused model that was never made", {"paused": True}, {"absent": ["Deployment", "ControllerRevision"]},
        f"-Paused -Paused -Paused {INSIDE} {IDLE}", PAUSED),
]  # fmt: skip

GUARDS = [
    Row("a guard that has not taken up the newest keys", {"replicas": 2},
        serving("a", "b", guards={"a": {}, "b": {"version": "older"}}), f"{WHOLE} {INSIDE} -Applying +Verified",
        "servers that answer: 2 of 2", {"GuardConfigured": "1 of 2 guards have taken up the newest keys and limits"}),
    Row("a guard that rejected the newest keys", {"replicas": 2},
        serving("a", "b", guards={"a": {}, "b": {"version": "older", "rejected": 1}}),
        f"+Serving -GuardRejected -Complete {INSIDE} -Rejected +Verified", REJECTED, {"GuardConfigured": REJECTED}),
    Row("a guard that rejected the newest keys of a model that is scaled to zero", {"replicas": 0},
        serving("b", deployment=rolled_out(1), guards={"b": {"version": "older", "rejected": 1}}),
        f"-ScaledToZero -ScaledToZero {ROLLING} -Rejected +Verified", "spec.replicas is 0: scale up to serve"),
    Row("a guard that does not answer", {}, serving(guards={"a": None}), f"{WHOLE} {INSIDE} ?Unreachable +Verified",
        ONE, {"GuardConfigured": "1 of 1 guards do not answer the operator on their private port 8002"}),
    *(Row(promise, VAULT, serving(troubles={"vault": value[1:3]}),
          f"{WHOLE} {INSIDE} -{value.reason} +Verified", ONE, {"GuardConfigured": value.message})
      for promise, value in TROUBLES.items()),
    Row("a client whose time is over",
        {"access": {"clients": [{"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z"}, {"name": "team-b"}]}},
        serving(), f"{WHOLE} {INSIDE} +ClientExpired +Verified", ONE,
        {"GuardConfigured": "1 of 1 guards have taken up the newest keys and limits; past their expiresAt: team-a"}),
    Row("a client whose time is over, of which a guard has not heard yet",
        {"access": {"clients": [{"name": "team-a", "expiresAt": "2025-12-31T23:59:59Z"}, {"name": "team-b"}]}},
        serving(guards={"a": {"version": "older"}}), f"{WHOLE} {INSIDE} -Applying +Verified", ONE),
]  # fmt: skip

ROLLOUTS = [
    Row("a rollout whose newest server has no image", {"replicas": 2},
        serving(deployment=rolled_out(2, replicas=3, updatedReplicas=1), guards={"a": {"version": "older"}}, pods=[
            pod("c", "2026-01-01T00:00:02Z", conditions=SCHEDULED, containerStatuses=[NO_IMAGE]), earlier(pod("a"))]),
        f"+Serving -ImageNotPulled {ROLLING} -Applying +Verified",
        NO_SUCH_IMAGE,
        {"Available": "servers that answer: 2 of 2",
         "Progressing": "servers of the newest version that answer: 0 of 2, of an earlier one: 1"}),
    Row("a rollout of which the newest server has another trouble than an older one", {"replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=0), guards={}, pods=[
            pod("old", conditions=UNSCHEDULED),
            pod("new", "2026-01-01T00:00:02Z", conditions=SCHEDULED, containerStatuses=[NO_IMAGE])]),
        f"-ImageNotPulled -ImageNotPulled {ROLLING} {IDLE}", NO_SUCH_IMAGE),
    Row("a rollout whose new server has no room beside the old one", {}, serving(deployment=rolled_out(replicas=2), pods=[
        pod("b", "2026-01-01T00:00:02Z", conditions=UNSCHEDULED), earlier(pod("a"))]),
        f"+Serving -Unschedulable {ROLLING} {PROVEN}", f"no node takes the pod b: 0/1 nodes are available: {OTHERWISE}",
        {"Progressing": "servers of the newest version that answer: 0 of 1, of an earlier one: 1"}),
    Row("a rollout with an old server left", {}, serving(deployment=rolled_out(replicas=2)),
        f"+Serving -RollingOut {ROLLING} {PROVEN}", "servers of the newest version that answer: 1 of 1"),
    Row("a rollout in which a server does not answer any more", {"replicas": 2},
        serving("a", "b", deployment=rolled_out(2, readyReplicas=1)),
        f"+Serving -RollingOut {ROLLING} {PROVEN}", "servers of the newest version that answer: 2 of 2"),
    Row("a generation that the Deployment's controller has not seen", {},
        serving(deployment=rolled_out(observedGeneration=0)),
        f"+Serving -RollingOut {ROLLING} {PROVEN}", "servers of the newest version that answer: 1 of 1"),
    Row("a rollout that takes too long", {},
        starting(engine(RUNNING), deployment={**rolled_out(readyReplicas=0), "conditions": [
            {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]}),
        f"-Loading -Loading -StartTimedOut {INSIDE} {IDLE}", "vLLM is loading the model in the pod a",
        {"Progressing": "the newest servers did not answer within spec.engine.startupTimeout"}),
    Row("a server for which no accelerator is free", {"replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=1), pods=[
            pod("b", "2026-01-01T00:00:01Z", conditions=UNSCHEDULED), pod("a")]),
        f"+Serving -Unschedulable {ROLLING} {PROVEN}", f"no node takes the pod b: 0/1 nodes are available: {OTHERWISE}",
        {"Available": "servers that answer: 1 of 2"}),
    Row("an evicted server whose successor answers", {},
        serving(pods=[pod("a"), pod("gone", "2026-01-02T00:00:00Z", phase="Failed", conditions=UNSCHEDULED)]),
        f"{WHOLE} {INSIDE} {PROVEN}", ONE),
    Row("a first server that was evicted", {}, starting(pod("gone", phase="Failed", conditions=UNSCHEDULED)),
        f"-RollingOut -RollingOut {ROLLING} {IDLE}", "servers of the newest version that answer: 0 of 1"),
    Row("pods that a quota refuses", {}, {"deployment": {"observedGeneration": 1, "conditions": [QUOTA]}},
        f"-QuotaExceeded -QuotaExceeded {ROLLING} {IDLE}", OVER_QUOTA),
    Row("pods that are refused without a word", {},
        {"deployment": {"observedGeneration": 1, "conditions": [{**QUOTA, "message": ""}]}},
        f"-PodsRefused -PodsRefused {ROLLING} {IDLE}", "the pods cannot be made: no reason is given: let the namespace admit it"),
]  # fmt: skip

ROWS = [*SERVING, *GUARDS, *ROLLOUTS]
