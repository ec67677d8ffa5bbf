"""Models with two troubles at once: the one that is told is the one to fix first."""

from tests import observations
from tests.observations import pod, rolled_out, serving
from tests.unit.status.failing_rows import (
    ABSENT,
    ACCOUNT,
    CONTESTED,
    DENIED,
    DOMAINS,
    FIGHT,
    NO_IMAGE,
    NOBODY,
    PULL,
    REFUSED,
    TAKEN,
)  # fmt: skip
from tests.unit.status.rows import (
    ADDRESS,
    EXPOSED,
    IDLE,
    INSIDE,
    ONE,
    OVER_QUOTA,
    PROVEN,
    RUNNING,
    SCHEDULED,
    Row,
    engine,
    starting,
)
from tests.unit.status.serving_rows import ANSWERED_WRONGLY, PAUSED, QUOTA, REJECTED, UNSCHEDULED, WRONG

ADMIN = {"serviceAccountName": "admin"}
AMD = {"resources": {"limits": {"amd.com/gpu": 1}}}
NOT_ALLOWED = f"{ACCOUNT} (values of the operator's chart)"
OVERDUE = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}
GUARD_B = {"name": "guard", "image": "envoy:1", "ready": True, "state": RUNNING}
NOTHING = ["Deployment", "ControllerRevision", "Ingress"]

ROWS = [
    Row("a refused write of a spec that is not allowed", ADMIN, {"failures": {"Service": DENIED}},
        f"-WriteRefused -WriteRefused -NotAllowed {INSIDE} {IDLE}", REFUSED.replace("Deployment", "Service")),
    Row("a spec that is not allowed, and has no image", {**ADMIN, **AMD, **EXPOSED}, {},
        f"-NotAllowed -NotAllowed -NotAllowed -NotAllowed {IDLE}", NOT_ALLOWED),
    Row("no image, and no claim", {"model": {"source": "pvc://some"}, **AMD},
        {"absent": NOTHING, "missing": ["PersistentVolumeClaim some"]},
        f"-NoEngineImage -NoEngineImage -NoEngineImage {INSIDE} {IDLE}", NO_IMAGE),
    Row("no claim for a paused model", {"model": {"source": "pvc://some"}, "paused": True},
        {"absent": NOTHING, "missing": ["PersistentVolumeClaim some"]},
        f"-PersistentVolumeClaimNotFound -PersistentVolumeClaimNotFound -Paused {INSIDE} {IDLE}",
        f"PersistentVolumeClaim some {ABSENT}"),
    Row("a paused model that is to be scaled to zero", {"paused": True, "replicas": 0},
        serving(made_of=observations.PLAIN["spec"]), f"-ScaledToZero -Paused -Paused {INSIDE} {PROVEN}", PAUSED),
    Row("a wrong answer of a model that is scaled to zero", {"replicas": 0},
        serving(deployment=rolled_out(1), verified=ANSWERED_WRONGLY),
        f"-ScaledToZero -ScaledToZero +RollingOut {INSIDE} +Configured -AnswerWrong", "spec.replicas is 0: scale up to serve"),
    Row("a guard that rejected its keys, and a wrong answer", {"replicas": 2},
        serving("a", "b", guards={"a": {}, "b": {"version": "older", "rejected": 1}}, verified=ANSWERED_WRONGLY),
        f"-VerificationFailed -GuardRejected -Complete {INSIDE} -Rejected -AnswerWrong", REJECTED),
    Row("a guard that rejected its keys while its engine loads", {},
        starting(pod("b", conditions=SCHEDULED, initContainerStatuses=[GUARD_B]),
                 guards={"b": {"version": "older", "rejected": 1}}),
        f"-GuardRejected -GuardRejected +RollingOut {INSIDE} -Rejected ?NotServing", REJECTED),
    Row("a wrong answer, and a contested field", {}, serving(failures={"Service": FIGHT}, verified=ANSWERED_WRONGLY),
        f"-VerificationFailed -VerificationFailed -Complete {INSIDE} +Configured -AnswerWrong", WRONG),
    Row("a contested field, and a missing pull secret of the settings", {},
        starting(engine(RUNNING), failures={"Service": FIGHT}, missing=["Secret of-all"]),
        f"-FieldContested -FieldContested +RollingOut {INSIDE} {IDLE}", f"Service {CONTESTED}", settings=PULL),
    Row("a missing pull secret of the settings, and a quota", {},
        {"deployment": {"observedGeneration": 1, "conditions": [QUOTA]}, "missing": ["Secret of-all"]},
        f"-SecretNotFound -SecretNotFound +RollingOut {INSIDE} {IDLE}", f"Secret of-all {ABSENT}", settings=PULL),
    Row("a quota, and no node for another pod", {"replicas": 2},
        starting(pod("a", conditions=UNSCHEDULED),
                 deployment=rolled_out(1, readyReplicas=0, conditions=[QUOTA])),
        f"-QuotaExceeded -QuotaExceeded +RollingOut {INSIDE} {IDLE}", OVER_QUOTA),
    Row("no image for a newer spec, and a rollout that took too long", AMD,
        serving(made_of=observations.PLAIN["spec"], deployment=rolled_out(1, replicas=2, conditions=[OVERDUE])),
        f"+Serving -NoEngineImage -NoEngineImage {INSIDE} {PROVEN}", NO_IMAGE),
    Row("no image for a newer spec, of a model that serves", AMD, serving(made_of=observations.PLAIN["spec"]),
        f"+Serving -NoEngineImage -NoEngineImage {INSIDE} {PROVEN}", NO_IMAGE),
    Row("a rollout that took too long, and has ended", {}, serving(deployment=rolled_out(1, conditions=[OVERDUE])),
        f"+Serving +Serving -Complete {INSIDE} {PROVEN}", ONE),
    Row("an Ingress that somebody else holds, and no certificate", EXPOSED,
        serving(failures={"Ingress": NOBODY}, missing=["Secret web-tls"]),
        f"+Serving -NameTaken -Complete -NameTaken {PROVEN}", TAKEN.replace("Service", "Ingress")),
    Row("no class for an Ingress that has an address, and no certificate", {"expose": {"host": "web.example"}},
        serving(ingress=ADDRESS, missing=["IngressClass contour"]),
        f"+Serving -IngressClassNotFound -Complete -IngressClassNotFound {PROVEN}", f"IngressClass contour {ABSENT}"),
    Row("a newer spec that is not allowed, of a model that is exposed", {**ADMIN, **EXPOSED},
        serving(made_of={**observations.PLAIN["spec"], **EXPOSED}, ingress=ADDRESS),
        f"+Serving -NotAllowed -NotAllowed +Exposed {PROVEN}", NOT_ALLOWED),
    Row("a newer host that is not allowed, of a model that is exposed", {"expose": {"host": "bank.example.com"}},
        serving(made_of={**observations.PLAIN["spec"], **EXPOSED}, ingress=ADDRESS),
        f"+Serving -NotAllowed -NotAllowed -NotAllowed {PROVEN}", f"spec.expose.host bank.example.com is {DOMAINS}"),
    Row("a paused model whose address is to be taken away", {"paused": True},
        serving(made_of={**observations.PLAIN["spec"], **EXPOSED}, ingress=ADDRESS),
        f"+Serving +Serving -Paused +Exposed {PROVEN}", ONE),
]  # fmt: skip
