"""What the fetcher of a model's weights says of itself: read from its progress, and from the last words of its container.

The text comes from a pod, and may be anything: it is read as one shape of bounded texts and numbers, or as nothing. Pure.
"""

from typing import Annotated, NamedTuple

import pydantic
from pydantic import alias_generators

from vllm_operator.children import fetch, weights
from vllm_operator.fetch import failures
from vllm_operator.kube import kinds
from vllm_operator.status import durations, pod_view

UNKNOWN = "FetchFailed"
SPEAKING = (fetch.FETCH, weights.LOCATE)
"""The containers whose last words are a fetcher's."""

Number = Annotated[int, pydantic.Field(ge=0, le=2**53)]


def _known(reason: str) -> str:
    return reason if reason in ("", *failures.REASONS) else UNKNOWN


class Progress(pydantic.BaseModel):
    """How far the fetcher is. Sizes are in bytes; `files` such as 12/63; `reason` and `message`: what it waits for or met."""

    model_config = pydantic.ConfigDict(frozen=True, alias_generator=alias_generators.to_camel, populate_by_name=True)

    revision: Annotated[str, pydantic.Field(max_length=128)] = ""
    digest: Annotated[str, pydantic.Field(max_length=71)] = ""
    bytes: Number = 0
    fetched: Number = 0
    bytes_per_second: Number = 0
    seconds: Number = 0
    seconds_left: Number | None = 0
    files: Annotated[str, pydantic.Field(max_length=32)] = ""
    reason: Annotated[str, pydantic.AfterValidator(_known)] = ""
    message: Annotated[str, pydantic.Field(max_length=1024)] = ""


class FetchState(NamedTuple):
    """What is known of the Job that fetches: its newest `pod`, what the fetcher said last, and why no pod can be made.

    `events`: those of a pod that is being set up, the newest first.
    """

    pod: kinds.Object | None = None
    progress: Progress | None = None
    refused: str = ""
    events: tuple[pod_view.PodEvent, ...] = ()


def read(text: str) -> Progress | None:
    """Return what a fetcher said; None where it is no word of a fetcher."""
    try:
        return Progress.model_validate_json(text)
    except ValueError:
        return None


def last_words(pod: kinds.Object) -> Progress | None:
    """Return what brings the weights of `pod` said when it ended last, None where it has not ended, or had nothing to say."""
    status = pod.get("status", {})
    statuses = [*(status.get("initContainerStatuses") or []), *(status.get("containerStatuses") or [])]
    ends = (_end(one) for one in statuses if one["name"] in SPEAKING)
    return next((said for end in ends if end and (said := read(end.get("message", "")))), None)


def is_fetching(pod: kinds.Object) -> bool:
    """Tell whether the server `pod` fetches its own weights at the moment."""
    statuses = pod.get("status", {}).get("initContainerStatuses") or []
    return any("running" in one.get("state", {}) for one in statuses if one["name"] == fetch.FETCH)


def in_words(progress: Progress | None) -> str:
    """Return how far the fetcher is, for people."""
    if progress is None or not progress.bytes:
        return "the weights are being looked up"
    speed = f" at {progress.bytes_per_second / 1e6:.0f} MB/s" if progress.bytes_per_second else ""
    elapsed = f" for {durations.told(progress.seconds)}" if progress.seconds else ""
    left = f", {durations.told(progress.seconds_left)} left" if progress.seconds_left else ""
    done = f"{_size(progress.fetched)} of {_size(progress.bytes)} GB of weights ({progress.files} files)"
    return f"{done}{elapsed}{speed}{left}"


def _size(size: int) -> str:
    return f"{size / 1e9:.2f}" if size < 1e10 else f"{size / 1e9:.0f}"  # noqa: PLR2004 - ten gigabytes


def _end(container: kinds.Object) -> kinds.Object | None:
    found: kinds.Object | None = container.get("state", {}).get("terminated")
    return found or container.get("lastState", {}).get("terminated")
