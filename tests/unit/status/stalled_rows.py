"""Models whose engine says that it is healthy and stands still: what the guard found, and what the kubelet did about it."""

from typing import Any

from tests.observations import pod, rolled_out, serving
from tests.unit.status.rows import IDLE, INSIDE, PROVEN, RUNNING, Row, engine, starting
from vllm_operator import guard
from vllm_operator.kube.conditions import ConditionValue

AT = 1_767_225_600  # 2026-01-01T00:00:00Z
BEFORE, AFTER, LATER = "2025-12-31T22:00:00Z", "2026-01-01T00:02:00Z", "2026-01-01T01:00:00Z"
HUNG = guard.Stalls(1, AT, 3, 75, is_now=True)
OVER = guard.Stalls(2, AT, 3, 75, is_now=False)
FOUND = "the engine in the pod a made no step for 75 s while requests waited (3)"
KILLED: dict[str, Any] = {"exitCode": 137, "startedAt": BEFORE, "finishedAt": AFTER}
KILLED_FOR_MEMORY = (
    "vllm was ended by SIGKILL after 58m0s (restarts: 0): it was killed from outside, mostly for the node's memory: raise "
    "spec.resources.requests.memory"
)
STANDS = (
    f"{FOUND}: the kubelet restarts it if it stays so for spec.engine.stallTimeout; stalls since its guard started: 1"
)
RESTARTED = f"{FOUND}: it was restarted and loads again; stalls since its guard started: 2"
ONE_WRONG = ConditionValue("False", "OneServerWrong", "a request to the server in the pod b got no answer")
AGAIN = RESTARTED.replace("started: 2", "started: 1")
STALLED, LOADING = (f"-{reason} -{reason} +RollingOut {INSIDE} {IDLE}" for reason in ("EngineStalled", "Loading"))


def stalled(promise: str, stalls: guard.Stalls, conditions: str, says: str, **last: Any) -> Row:
    """Return the row of a server whose engine runs, and ended before as `last` says."""
    found = starting(engine(RUNNING, last), guards={"a": {"stalls": stalls}})
    return Row(promise, {}, found, conditions, says)


ROWS = [
    stalled("an engine that stands still", HUNG, STALLED, STANDS),
    stalled("an engine that was restarted since it stood still", OVER, STALLED, RESTARTED, **KILLED),
    stalled("an engine that was restarted and has not been looked at since", HUNG, STALLED, AGAIN, **KILLED),
    Row("an engine that was ended for its stall and is not started again yet", {},
        starting(engine({"terminated": KILLED}), guards={"a": {"stalls": OVER}}), STALLED, RESTARTED),
    stalled("an engine that loads after a start that its stall did not end", OVER, "-KilledBySignal -KilledBySignal"
            f" +RollingOut {INSIDE} {IDLE}", KILLED_FOR_MEMORY,
            **{**KILLED, "startedAt": AFTER, "finishedAt": LATER}),
    stalled("an engine that moves on, and whose pod is not ready yet", OVER, LOADING,
            "vLLM is loading the model in the pod a"),
    Row("one of two servers that stands still", {"replicas": 2},
        serving("b", pods=[pod("b"), engine(RUNNING)], guards={"a": {"stalls": HUNG}, "b": {}},
                deployment=rolled_out(2, readyReplicas=1, availableReplicas=1)),
        f"+Serving -EngineStalled +RollingOut {INSIDE} {PROVEN}", STANDS),
    Row("one of two servers whose answer is wrong", {"replicas": 2}, serving("a", "b", verified=ONE_WRONG),
        f"+Serving -VerificationFailed -Complete {INSIDE} +Configured -OneServerWrong", ONE_WRONG.message),
    Row("a server that answers again", {}, serving(guards={"a": {"stalls": OVER}}),
        f"+Serving +Serving -Complete {INSIDE} {PROVEN}", "servers that answer: 1 of 1"),
]  # fmt: skip
