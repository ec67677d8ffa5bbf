"""How long the last start of a server took, by phase, and what its KV cache has room for: status.lastStart and capacity. Pure.

Numbers of one start are written once, when its server has answered, and stay until another server has started.
"""

from typing import Any

from vllm_operator import api
from vllm_operator.children import fetch, pod
from vllm_operator.engine.start_log import StartLog
from vllm_operator.kube import conditions, kinds
from vllm_operator.status import pod_view
from vllm_operator.status.observed import ObservedState

RECENT_SECONDS = 600
"""A server that answered longer ago is not looked at any more: when it was ready first is not known then."""
PHASES = ("pulling", "downloading", "loading", "compiling")


def starts(observed: ObservedState, now: float) -> dict[str, Any]:
    """Return the fields `lastStart` and `capacity` of the status; `now`: unix seconds."""
    known: dict[str, Any] = observed.model.get("status", {})
    before: dict[str, Any] = {name: known[name] for name in ("lastStart", "capacity") if name in known}
    newest = newest_ready(observed)
    if newest is None:
        return before
    said = _said(observed.view(newest))
    last = known.get("lastStart", {})
    is_known = last.get("server") == newest["metadata"]["name"]
    timed = _compiled(last, said) if is_known else _timed(newest, said, now) or last
    room = {"capacity": {"kvCacheTokens": said.tokens, "requests": said.requests}} if said and said.tokens else {}
    return {**before, **({"lastStart": timed} if timed else {}), **room}


def newest_ready(observed: ObservedState) -> kinds.Object | None:
    """Return the newest server that answers."""
    return next((one for one in observed.pods() if conditions.is_true(one, "Ready")), None)


def _said(view: pod_view.PodView) -> StartLog | None:
    """Return what the log says of the start, where it was read after the server had begun to answer: before, lines may lack."""
    read = view.running_since() + view.evidence.elapsed if view.evidence else 0
    return view.started() if read >= view.surely_ready_since() else None


def is_untold(observed: ObservedState, one: kinds.Object, now: float) -> bool:
    """Tell whether a server answers since a moment, and the status does not have yet what its log says of its start."""
    last = observed.model.get("status", {}).get("lastStart", {})
    is_told = last.get("server") == one["metadata"]["name"] and "compiling" in last
    return not is_told and now - _since(one, "Ready") < RECENT_SECONDS  # a node's clock may be ahead


def _timed(one: kinds.Object, said: StartLog | None, now: float) -> dict[str, Any]:
    """Return how long each phase of a start took; nothing where the server was ready long ago."""
    placed, ready, begun = _since(one, "PodScheduled"), _since(one, "Ready"), _engine_start(one)
    if not placed or not ready or not begun or now - ready >= RECENT_SECONDS:
        return {}
    is_first = _restarts(one) == 0
    downloading = _downloading(one) if is_first else 0
    pulling = max(0, begun - placed - downloading) if is_first else 0
    found = {
        "server": one["metadata"]["name"],
        "ready": api.moment(ready),
        "total": ready - (placed if is_first else begun),
        "pulling": pulling,
        **({"downloading": downloading} if downloading else {}),
        "loading": ready - begun,
    }
    return _compiled(found, said)


def _compiled(timed: dict[str, Any], said: StartLog | None) -> dict[str, Any]:
    """Return the times with the part of loading that was compiling, once that is known."""
    if said is None or "compiling" in timed:
        return timed
    compiling = min(said.compiling, timed["loading"])
    return {**timed, "loading": timed["loading"] - compiling, "compiling": compiling}


def _since(one: kinds.Object, kind: str) -> int:
    """Return since when a condition of the pod is True, in unix seconds; 0 where it is not."""
    found = conditions.condition(one, kind) or {}
    return _unix(found.get("lastTransitionTime")) if found.get("status") == "True" else 0


def _engine(one: kinds.Object) -> kinds.Object:
    statuses = one.get("status", {}).get("containerStatuses") or []
    return next((each for each in statuses if each["name"] == pod.ENGINE), {})


def _engine_start(one: kinds.Object) -> int:
    return _unix(_engine(one).get("state", {}).get("running", {}).get("startedAt"))


def _restarts(one: kinds.Object) -> int:
    return int(_engine(one).get("restartCount", 0))


def _downloading(one: kinds.Object) -> int:
    """Return how long the pod's own fetcher took."""
    statuses = one.get("status", {}).get("initContainerStatuses") or []
    ends = (each.get("state", {}).get("terminated") for each in statuses if each["name"] == fetch.FETCH)
    end = next(ends, None) or {}
    return max(0, _unix(end.get("finishedAt")) - _unix(end.get("startedAt")))


def _unix(moment: str | None) -> int:
    try:
        return api.unix(str(moment))
    except ValueError:
        return 0
