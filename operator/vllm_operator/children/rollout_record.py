"""What is remembered of a rollout: an annotation of the Deployment, written with the pod template that it is about.

Only what no other object tells is here. Text that is none of ours, as somebody's edit leaves it, counts as nothing remembered.
"""

from typing import Any, NamedTuple

import orjson

from vllm_operator import api
from vllm_operator.kube import kinds, naming, shorten

WORDS_LIMIT = 1024


class GaveWay(NamedTuple):
    """A version that gave way to the last verified one: the inputs of its template, the moment, and what was wrong with it."""

    inputs: str
    at: str
    words: str


class Record(NamedTuple):
    """What is remembered.

    `since`: the moment from which the template is rolled out, "" where it is not known; `verified`: the inputs of the template
    that was verified last; `recreates`: the rollout found no accelerator free; `gave_way`: the version that the spec asks for, if
    it was given up.
    """

    since: str = ""
    verified: str = ""
    recreates: bool = False
    gave_way: GaveWay | None = None


def read(deployment: kinds.Object | None) -> Record:
    """Return what the live Deployment remembers."""
    annotations = ((deployment or {}).get("metadata") or {}).get("annotations") or {}
    found = _decoded(annotations.get(naming.ROLLOUT_ANNOTATION, ""))
    since, verified = _text(found, "since"), _text(found, "verified")
    return Record(since if _is_moment(since) else "", verified, found.get("recreates") is True, _gave_way(found))


def written(record: Record) -> str:
    """Return the annotation's text; "" where there is nothing to remember."""
    gave_way = record.gave_way
    found = {
        "since": record.since,
        "verified": record.verified,
        "recreates": record.recreates,
        "gaveWay": gave_way and {**gave_way._asdict(), "words": shorten.to_characters(gave_way.words, WORDS_LIMIT)},
    }
    kept = {name: value for name, value in found.items() if value}
    return orjson.dumps(kept).decode() if kept else ""


def _gave_way(found: dict[str, Any]) -> GaveWay | None:
    part = found.get("gaveWay")
    if not isinstance(part, dict):
        return None
    inputs, at, words = (_text(part, name) for name in GaveWay._fields)
    return GaveWay(inputs, at, words) if inputs and _is_moment(at) else None


def _decoded(text: Any) -> dict[str, Any]:
    try:
        found = orjson.loads(text)
    except (ValueError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}


def _text(found: dict[str, Any], name: str) -> str:
    value = found.get(name)
    return value if isinstance(value, str) else ""


def _is_moment(text: str) -> bool:
    try:
        api.unix(text)
    except ValueError:
        return False
    return True
