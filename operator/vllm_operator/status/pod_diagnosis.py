"""Why a pod does not answer: an ordered list of rules over one pod, of which the first that applies names the cause to fix.

What keeps a pod's containers from running comes first (held_pods.py); what vLLM's last words mean engine/causes.py knows.
"""

import signal

from vllm_operator.children import pod
from vllm_operator.engine import causes, redaction, start_log
from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import durations, fetch_progress, held_pods, pod_view, rule
from vllm_operator.status.held_pods import Told
from vllm_operator.status.pod_end import Ended
from vllm_operator.status.pod_view import PodView

NAMES = {one.value: one.name for one in signal.Signals}
"""The signals of real time have none, and a process may end by one."""
SIGNALS: dict[int, str] = {
    signal.SIGILL: "the image's code needs another processor: choose a spec.engine.image for the node's, or another node",
    signal.SIGBUS: "mostly /dev/shm is full: raise spec.resources.limits.memory, to which it counts",
    signal.SIGKILL: "it was killed from outside, mostly for the node's memory: raise spec.resources.requests.memory",
}  # fmt: skip

Rule = rule.Rule[PodView]


def diagnose(view: PodView) -> ConditionValue | None:
    """Return why a pod does not answer, or None where it does."""
    return None if view.is_ready() else rule.first(RULES, view)


def ended(one: kinds.Object) -> kinds.Object | None:
    """Return how a container of the pod `one` ended that has not run to its end since, as the kubelet reports it."""
    ends = (container.get("lastState", {}).get("terminated") for container in PodView(one).containers())
    return next((end for end in ends if end), None)


def is_ready(one: kinds.Object) -> bool:
    """Tell whether the engine of the pod `one` answers through its guard."""
    return PodView(one).is_ready()


def _killed_for_memory(at: PodView) -> Told | None:
    found = at.ended()
    if not found or found.reason != pod_view.OUT_OF_MEMORY:
        return None
    remedy = f"raise {found.limit}" if found.limit else f"the operator sets it, so report it: {_log(at, found)}"
    return Told("OutOfMemory", f"{found.name} used more memory than its limit: {remedy}")


def _known_cause(at: PodView) -> Told | None:
    """Return what the engine's last words mean, where a row of the table has it."""
    found = at.ended()
    cause = at.cause(found) if found and found.name == pod.ENGINE else None
    if not found or not cause or not cause.is_known:
        return None
    if found.has_served:
        return Told(cause.reason, f"{_while_serving(found)}: {cause.message}; {_log(at, found)}")
    return Told(cause.reason, cause.message)


def _overdue(at: PodView) -> Told | None:
    """Return that the kubelet ended a start that had outlasted its budget: the guard's is fixed."""
    found = at.ended()
    budget = at.budget(found.name) if found else 0
    if not found or found.has_served or not 0 < budget <= found.ran:
        return None
    if found.name != pod.ENGINE:
        words = f"{found.name} did not answer within {durations.told(budget)}, so its start was ended"
        return Told("ContainerEnded", f"{words} (restarts: {found.restarts}): {_log(at, found)}")
    words = (
        f"vLLM did not answer within the {durations.told(budget)} of spec.engine.startupTimeout, so its start was ended"
    )
    return Told("StartTimedOut", f"{words} (restarts: {found.restarts}): raise it")


def _died(at: PodView) -> Told | None:
    found = at.ended()
    if not found or found.name != pod.ENGINE or not found.has_served:
        return None
    cause = at.cause(found)
    said = f": {cause.message}" if cause else ""
    return Told("EngineDied", f"{_while_serving(found)}, with exit code {found.exit_code}{said}: {_log(at, found)}")


def _unknown_cause(at: PodView) -> Told | None:
    found = at.ended()
    cause = at.cause(found) if found and found.name == pod.ENGINE else None
    return Told(cause.reason, f"{cause.message}: {_log(at, found)}") if found and cause else None


def _signalled(at: PodView) -> Told | None:
    found = at.ended()
    number = found.exit_code - pod_view.SIGNALLED if found else 0
    if not found or number not in signal.valid_signals():
        return None
    remedy = SIGNALS.get(number, _log(at, found))
    name = NAMES.get(number, f"the signal {number}")
    return Told("KilledBySignal", f"{found.name} was ended by {name} {found.times}: {remedy}")


def _last_words(at: PodView) -> Told | None:
    """Return the last words of a container that is not the engine."""
    found = at.ended()
    cause = causes.cause(found.words, has_served=found.has_served) if found else None
    return (
        Told("ContainerEnded", f"{found.name} ended: {cause.message}: {_log(at, found)}") if found and cause else None
    )


def _silent(at: PodView) -> Told | None:
    found = at.ended()
    if not found:
        return None
    said = "" if found.has_served and found.words else " and said nothing"
    return Told(
        "ContainerEnded", f"{found.name} ended with exit code {found.exit_code} {found.times}{said}: {_log(at, found)}"
    )


def _while_serving(found: Ended) -> str:
    return f"vLLM ended while it served, {found.times}"


def _log(at: PodView, found: Ended) -> str:
    """Return where the rest of what a container said can be read."""
    previous = "" if found.is_over else " --previous"
    return f"see `kubectl logs {at.name} -c {found.name}{previous}`"


def _pulling(at: PodView) -> Told | None:
    event = at.setting_up()
    if event is None or event.reason != "Pulling":
        return None
    return Told(
        "Pulling",
        f"the node pulls an image of the pod {at.name} ({redaction.shown(event.note)}){_so_far(at, 'pulling')}",
    )


def _loading(at: PodView) -> Told | None:
    """Return how far an engine is that runs."""
    if not any(each["name"] == pod.ENGINE and "running" in each.get("state", {}) for each in at.containers()):
        return None
    start = at.started() or start_log.StartLog()
    if start.stage == start_log.COMPILING:
        done = f" ({start.done})" if start.done else ""
        return Told(
            "Compiling", f"vLLM compiles and measures in the pod {at.name}{done}{_so_far(at, 'loading', 'compiling')}"
        )
    done = f": {start.done}" if start.done else ""
    return Told("Loading", f"vLLM is loading the model in the pod {at.name}{done}{_so_far(at, 'loading', 'compiling')}")


def _so_far(at: PodView, *phases: str) -> str:
    """Return how long it takes already, and how long it took the last time."""
    elapsed, last = at.elapsed(), sum(int(at.last_start.get(one, 0)) for one in phases)
    before = f" (the last time: {durations.told(last)})" if last else ""
    return f", for {durations.told(elapsed)}{before}" if elapsed else ""


def _unfetched(at: PodView) -> fetch_progress.Progress | None:
    """Return why the pod could not fetch its weights when it tried last."""
    found = fetch_progress.last_words(at.pod)
    return found if found and found.reason else None


def _is_fetching(at: PodView) -> bool:
    return fetch_progress.is_fetching(at.pod)


def _always(_: PodView) -> bool:
    return True


RULES: tuple[rule.Row[PodView], ...] = (
    *held_pods.RULES,
    Rule("{found.reason}", _unfetched, "{found.message}"),
    Rule(
        "Downloading",
        _is_fetching,
        "the pod {at.name} fetches the weights and holds its accelerators meanwhile",
        "with spec.model.cache they are fetched once, before any accelerator is taken",
    ),
    Rule("{found.reason}", _killed_for_memory, "{found.message}"),
    Rule("{found.reason}", _known_cause, "{found.message}"),
    Rule("{found.reason}", _overdue, "{found.message}"),
    Rule("{found.reason}", _died, "{found.message}"),
    Rule("{found.reason}", _signalled, "{found.message}"),
    Rule("{found.reason}", _unknown_cause, "{found.message}"),
    Rule("{found.reason}", _last_words, "{found.message}"),
    Rule("{found.reason}", _silent, "{found.message}"),
    Rule(
        "NotResponding",
        PodView.silent_since,
        "the engine in the pod {at.name} runs and does not answer since {found}",
        "the kubelet restarts it if it stays so; see `kubectl logs {at.name} -c vllm`",
    ),
    Rule("{found.reason}", _pulling, "{found.message}"),
    Rule("{found.reason}", _loading, "{found.message}"),
    Rule("Starting", _always, "the pod {at.name} is being started"),
)
