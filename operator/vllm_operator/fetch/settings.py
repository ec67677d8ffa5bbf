"""What the fetcher is told by its environment. Pure.

FETCH_SOURCES     JSON: [{"source", "into", "files": [], "digest": ""}], the model first, perhaps with "code": true (its own code
                  may be run), then its adapters, each with "adapter" (its name) and "maxRank" (the largest rank that the
                  engine has room for; 0: any)
FETCH_PORT        port of /progress (default 8003)
FETCH_RESULT      file of the result (default /dev/termination-log)
FETCH_ENLARGE     what to do where the volume is full, for messages (default: make it larger)
FETCH_ENDPOINTS   JSON: {"hf": URL, "s3": URL, "gs": URL}: mirrors, or services that speak the same API

HF_TOKEN; AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION; GOOGLE_APPLICATION_CREDENTIALS_JSON
"""

import json
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from vllm_operator.fetch import failures, listing

PORT = 8003
RESULT = "/dev/termination-log"
ENLARGE = "make it larger"
HUB = "https://huggingface.co"
HUB_NAME = re.compile(r"(?a)(?:[\w.-]{1,96}/)?[\w.-]{1,96}")
REVISION = re.compile(r"(?a)[\w./+-]{1,200}")
BUCKET = re.compile(r"(?a)[\w.-]{1,222}")
SCHEMES = ("hf", "s3", "gs")


class Source(NamedTuple):
    """One source: `place` is the repository or the bucket, `detail` its revision or the prefix in the bucket."""

    text: str
    scheme: str
    place: str
    detail: str
    into: str
    files: tuple[str, ...] = ()
    digest: str = ""
    adapter: str = ""
    max_rank: int = 0
    has_code: bool = False

    @property
    def shown(self) -> str:
        """Return the source as messages show it."""
        return failures.shown(self.text)

    @property
    def patterns(self) -> tuple[str, ...]:
        """Return what the choice of files is noted by: another for another choice."""
        return listing.WITH_CODE if self.has_code and not self.files else self.files


class Settings(NamedTuple):
    """All that the fetcher is told. `credentials` has the variables that hold secrets; none of them is empty."""

    sources: tuple[Source, ...]
    endpoints: Mapping[str, str]
    credentials: Mapping[str, str]
    port: int = PORT
    result: str = RESULT
    enlarge: str = ENLARGE


def read(environment: Mapping[str, str]) -> Settings:
    """Return what the environment says; raise `failures.Failure` where it says nothing that can be done."""
    try:
        sources = tuple(_source(one) for one in json.loads(environment.get("FETCH_SOURCES", "[]")))
        endpoints = {
            key: str(url).rstrip("/") for key, url in json.loads(environment.get("FETCH_ENDPOINTS") or "{}").items()
        }
        port = int(environment.get("FETCH_PORT") or PORT)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise failures.Failure(failures.REFUSED, "The fetcher's environment cannot be read", repr(error)) from error
    if not sources:
        raise failures.Failure(failures.REFUSED, "FETCH_SOURCES names no source", "name one")
    given = {name: value.strip() for name, value in environment.items() if _is_credential(name) and value.strip()}
    result, enlarge = environment.get("FETCH_RESULT") or RESULT, environment.get("FETCH_ENLARGE") or ENLARGE
    return Settings(sources, endpoints, given, port, result, enlarge)


def source(text: str, into: str, files: tuple[str, ...] = (), digest: str = "") -> Source:
    """Return the parts of a source such as hf://org/name@revision or s3://bucket/prefix."""
    scheme, _, rest = text.partition("://")
    if scheme == "hf":
        place, _, detail = rest.partition("@")
        good = HUB_NAME.fullmatch(place) and REVISION.fullmatch(detail or "main") and ".." not in rest
        detail = detail or "main"
    else:
        place, _, detail = rest.partition("/")
        detail = detail.strip("/")
        good = BUCKET.fullmatch(place) and ".." not in detail.split("/") and detail.isprintable()
    if scheme not in SCHEMES or not good or not into.startswith("/"):
        raise failures.Failure(
            failures.REFUSED,
            f"{failures.shown(text)} is no source that can be fetched",
            "write hf://org/name, s3://bucket/prefix or gs://bucket/prefix",
        )
    return Source(text, scheme, place, detail, into, files, digest)


def _source(one: Mapping[str, Any]) -> Source:
    found = source(one["source"], one["into"], tuple(one.get("files") or ()), one.get("digest") or "")
    adapter, max_rank = str(one.get("adapter") or ""), int(one.get("maxRank") or 0)
    return found._replace(adapter=adapter, max_rank=max_rank, has_code=one.get("code") is True)


def _is_credential(name: str) -> bool:
    return name in ("HF_TOKEN", "GOOGLE_APPLICATION_CREDENTIALS_JSON") or name.startswith("AWS_")
