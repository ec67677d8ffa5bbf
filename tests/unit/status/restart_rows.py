"""Models whose servers answer, and whose containers have ended before: what is told of that once they are back."""

from typing import Any

from tests.observations import pod, rolled_out, serving
from tests.unit.status.rows import INSIDE, PROVEN, SCHEDULED, WHOLE, Row
from vllm_operator.kube import kinds

READY = [{"type": "PodScheduled", "status": "True"}, {"type": "Ready", "status": "True"}]
CREATED, LAST, LONG_AGO = "2025-12-31T23:00:00Z", "2025-12-31T23:50:00Z", "2025-12-30T12:00:00Z"
KILLED = {"exitCode": 137, "reason": "OOMKilled"}
UNTOLD = f"the last at {LAST} in the pod a: vllm ended with exit code 137 (OOMKilled)"
LOOP = "crash loop: 3 ends, each within an hour of the one before"
DIED = "vLLM ended while it served, after 5m0s (restarts: 3), with exit code 1: see `kubectl logs a -c vllm --previous`"


def back(name: str = "a", count: int = 1, at: str = LAST, *, container: str = "vllm", **how: Any) -> kinds.Object:
    """Return a server that answers, and of which a container has ended so often, the last time at a moment."""
    status = {"name": container, "image": "x", "ready": True, "restartCount": count, "state": {"running": {}}}
    ended = {**status, "lastState": {"terminated": {**(how or KILLED), "finishedAt": at}}}
    kind = "initContainerStatuses" if container == "guard" else "containerStatuses"
    return pod(name, CREATED, conditions=READY, **{kind: [ended]})


def down(count: int, at: str = LAST) -> kinds.Object:
    """Return a server that has answered and whose engine has ended so often."""
    ready = {**SCHEDULED[1], "lastTransitionTime": at}
    how = {"exitCode": 1, "startedAt": "2025-12-31T23:45:00Z", "finishedAt": at}
    state = {"waiting": {"reason": "CrashLoopBackOff"}}
    status = {"name": "vllm", "image": "x", "ready": False, "restartCount": count, "state": state}
    return pod(
        "a", CREATED, conditions=[READY[0], ready], containerStatuses=[{**status, "lastState": {"terminated": how}}]
    )


def restarted(promise: str, says: str, *pods: kinds.Object, signs: str = WHOLE) -> Row:
    names = [one["metadata"]["name"] for one in pods]
    described = serving(*names, pods=[*pods])
    return Row(promise, {"replicas": len(pods)}, described, f"{signs} {INSIDE} {PROVEN}", says)


ROWS = [
    restarted("a server that is back", f"servers that answer: 1 of 1; restarts: 1, {UNTOLD}", back()),
    restarted("one of two servers that is back", f"servers that answer: 2 of 2; restarts: 2, {UNTOLD}",
              back(count=2), pod("b")),
    restarted("a server whose guard is back",
              f"servers that answer: 1 of 1; restarts: 1, the last at {LAST} in the pod a: guard ended with exit code 1",
              back(container="guard", exitCode=1)),
    restarted("a server that is back for two days", "servers that answer: 1 of 1", back(at=LONG_AGO)),
    restarted("servers of which each ended once", f"servers that answer: 3 of 3; restarts: 3, {UNTOLD}",
              back(), back("b", at=CREATED), back("c", at=CREATED)),
    restarted("a server that ends again and again and is back", f"servers that answer: 1 of 1; {LOOP}, {UNTOLD}",
              back(count=3), signs="+Serving +CrashLoop -Complete"),
    Row("a server that ends again and again and does not answer", {},
        serving(pods=[down(3)], deployment=rolled_out(readyReplicas=0), guards={}),
        f"-EngineDied -EngineDied +RollingOut {INSIDE} ?NoGuards ?NotServing", f"{DIED}; {LOOP}"),
]  # fmt: skip
SOON = tuple(row.promise for row in ROWS)
"""What is told otherwise in an hour or a day."""
