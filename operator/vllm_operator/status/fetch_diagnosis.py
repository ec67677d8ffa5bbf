"""Why the weights of a model are not there: an ordered list of rules over what is known of the Job that fetches them. Pure."""

from vllm_operator.kube import kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import fetch_progress, held_pods, pod_diagnosis, pod_refusals, rule
from vllm_operator.status.fetch_progress import FetchState, Progress
from vllm_operator.status.pod_view import Evidence, PodView

DOWNLOADING = "Downloading"
Rule = rule.Rule[FetchState]


def diagnose(state: FetchState) -> ConditionValue | None:
    """Return why the weights are not there yet."""
    return rule.first(RULES, state)


def _refused(state: FetchState) -> pod_refusals.Refusal | None:
    """Return why the fetcher has no pod."""
    return pod_refusals.refusal(state.refused)


def _waits(state: FetchState) -> Progress | None:
    """Return what the fetcher says that it waits for, while it tries again."""
    return state.progress if state.progress and state.progress.reason else None


def _held(state: FetchState) -> ConditionValue | None:
    """Return what keeps the fetcher from running."""
    return held_pods.diagnose(PodView(state.pod, Evidence(events=state.events))) if state.pod else None


def _failed(state: FetchState) -> Progress | None:
    """Return what the fetcher ended by, unless it has said something since."""
    found = fetch_progress.last_words(state.pod) if state.pod and not state.progress else None
    return found if found and found.reason else None


def _ended(state: FetchState) -> kinds.Object | None:
    """Return how a fetcher ended that had nothing to say."""
    return pod_diagnosis.ended(state.pod) if state.pod and not state.progress else None


def _always(state: FetchState) -> str:
    return fetch_progress.in_words(state.progress)


RULES: tuple[rule.Row[FetchState], ...] = (
    Rule("FetchNotStarted", _refused, "the pod that fetches the weights cannot be made: {found.words}",
         "{found.remedy}; this heals by itself"),
    Rule("{found.reason}", _waits, "{found.message}"),
    _held,
    Rule("{found.reason}", _failed, "{found.message}"),
    Rule(fetch_progress.UNKNOWN, _ended, "what fetches the weights ended with exit code {found[exitCode]} ({found[reason]})",
         "see the log of its Job"),
    Rule(DOWNLOADING, _always, "{found}; no accelerator is taken before they are there"),
)  # fmt: skip
