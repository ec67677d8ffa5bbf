"""The last time in which no server answered, after one had: when it began and ended, and how conditions tell of it. Pure.

It is read off the status itself, as the time of a transition is: what a condition said before, and what it says now.
"""

from vllm_operator import api
from vllm_operator.kube import conditions, kinds
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import durations

SINCE = "nothing answers since"


def last(
    model: kinds.Object, available: ConditionValue | None, wanted: int, now: str, cause: str = ""
) -> kinds.Object | None:
    """Return the status's lastOutage, where Available is `available` now; a model that is to have no server has none.

    Of several causes in one outage the last one is kept.
    """
    known: kinds.Object | None = model.get("status", {}).get("lastOutage")
    before = conditions.condition(model, "Available") or {}
    is_out = available is not None and available.status == "False" and wanted > 0
    named = {"cause": cause} if cause else {}
    if is_out and before.get("status") == "True":
        return {"began": now, **named}
    if known is None or known.get("ended"):
        return known
    return {**known, **named} if is_out else {**known, "ended": now}


def told(value: ConditionValue | None, outage: kinds.Object | None, since: str) -> ConditionValue | None:
    """Return a condition's value, with the outage while it goes on, and its length after the rollout that began at `since`."""
    if value is None or outage is None:
        return value
    if not outage.get("ended"):
        is_calm = value.status == "True" and value.reason != "RollingOut"
        return value if is_calm else _with(value, f"{SINCE} {outage['began']}")
    is_its_own = value.reason == "Complete" and bool(since) and outage["began"] >= since
    return _with(value, f"nothing answered for {_length(outage)}, from {outage['began']}") if is_its_own else value


def untold(message: str) -> str:
    """Return a condition's message as it was before an outage was told with it."""
    return message.partition(f"; {SINCE}")[0]


def _with(value: ConditionValue, words: str) -> ConditionValue:
    return value._replace(message=f"{value.message}; {words}")


def _length(outage: kinds.Object) -> str:
    """Return how long an outage was."""
    return durations.told(api.unix(outage["ended"]) - api.unix(outage["began"]))
