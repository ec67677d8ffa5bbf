"""Which weights were fetched, how far they are, and whether servers can have them at all. Pure."""

from typing import Any

from vllm_operator import children
from vllm_operator.children import claim, rollout, template
from vllm_operator.kube import kinds
from vllm_operator.status import fetch_progress
from vllm_operator.status.context import StatusContext
from vllm_operator.status.observed import ObservedState


def weights(observed: ObservedState, plan: children.Plan) -> dict[str, Any]:
    """Return the field `weights` of the status; nothing where nothing is fetched.

    What was said of the same source stays, since the pods that said it go.
    """
    if not claim.is_model_fetched(plan.spec):
        return {}
    source = plan.spec.model.source
    said = _said(observed)
    before = observed.model.get("status", {}).get("weights", {})
    kept = before if before.get("source") == source else {}
    return {"weights": {"source": source, **_numbers(said)} if said else {**kept, "source": source}}


def lacks_image_volume(at: StatusContext) -> bool:
    """Tell whether the API server kept no image volume of the template that the Deployment was made of.

    After a change that is no longer the one that was at work.
    """
    pinned, live = at.plan.at_work, at.deployment
    if not live or pinned is None or template.inputs_of(pinned) != rollout.inputs_at_work(live):
        return False
    return _has_image(pinned["data"]["template"]) and not _has_image(live["spec"]["template"])


def _has_image(of_pods: kinds.Object) -> bool:
    return any("image" in volume for volume in of_pods["spec"].get("volumes", []))


def _said(observed: ObservedState) -> fetch_progress.Progress | None:
    """Return what a fetcher said last: that of the Job, else that of the newest server that has one."""
    job = observed.fetch
    words = (_of(pod) for pod in (*([job.pod] if job.pod else []), *observed.pods()))
    return job.progress or next((found for found in words if found), None)


def _of(pod: kinds.Object) -> fetch_progress.Progress | None:
    found = fetch_progress.last_words(pod)
    return found if found and not found.reason else None


def _numbers(said: fetch_progress.Progress) -> dict[str, Any]:
    """Return the numbers and texts that are known, without a reason: the conditions have it."""
    found = said.model_dump(by_alias=True, exclude={"reason", "message"}, exclude_defaults=True, exclude_none=True)
    is_whole = "fetched" not in found and "digest" in found
    return {**found, "fetched": found.get("bytes", 0)} if is_whole else found
