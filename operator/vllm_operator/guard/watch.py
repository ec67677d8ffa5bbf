"""The guard's watch over its engine: it finds that a server stands still whose `/health` goes on saying 200.

The script is watch.lua. It runs on the private port when the kubelet asks whether the engine is alive, keeps what it saw last,
and needs no operator. How long the engine may be silent, and the question that makes a token, are variables of the guard's
container, which are pinned with the pod's probe; where there are none, there is no watch.
Must not: find an engine stalled because of what a caller does, on either port.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import string
import urllib.parse

from vllm_operator.guard import clusters, keyed, proto, script

STALLS = "x-engine-stalls"
"""The header of the guard's statistics that tells of stalls."""
METRICS = "/metrics"
SIGNS = (
    "vllm:iteration_tokens_total_count",  # a step that ended with a token
    "vllm:kv_cache_usage_perc",  # a step within a long prompt
    "vllm:num_requests_running",
    "vllm:num_requests_waiting",
)
"""vLLM's metrics that only its core changes; docs/engine.md says when each does."""
ENDED = "vllm:request_success_total"
SECONDS, PATH, TYPE, BODY = (f"ENGINE_{name}" for name in ("STALL_SECONDS", "PROOF_PATH", "PROOF_TYPE", "PROOF_BODY"))
"""The variables: for how long the engine may be silent, and what it is asked to be sure."""
FOR_STATS, FOR_METRICS, FOR_TOKEN, FOR_ALL = 1, 2, 3, 9
"""The seconds for Envoy's own count, for the engine's metrics, for a token, and for these and its health together: the kubelet
waits 10 s. So the health has 8 s alone, 6 s after the metrics, and 3 s after a token."""
_ZEROS = re.compile("(?:%00){16,}")
_PLAIN = string.punctuation.replace("%", "").replace("$", "") + " "

_STALL = re.compile("count=([0-9]{1,9}) at=([0-9]{1,12}) waiting=([0-9]{1,9}) seconds=([0-9]{1,9}) now=([01])")


@dataclasses.dataclass(frozen=True, slots=True)
class Stalls:
    """How often the engine stood still since its guard started, and how it last did.

    `at`: when that was found, in unix seconds, with how many requests `waiting`, after how many `seconds` without a sign of life;
    `is_now`: it still does.
    """

    count: int
    at: int
    waiting: int
    seconds: int
    is_now: bool


def stalls(header: str) -> Stalls | None:
    """Return what a guard says in the header STALLS, which may be anything; None where it tells of none."""
    found = _STALL.fullmatch(header)
    if found is None:
        return None
    count, at, waiting, seconds, now = map(int, found.groups())
    return Stalls(count, at, waiting, seconds, bool(now))


def variables(seconds: int, path: str, content_type: str, body: bytes) -> dict[str, str]:
    """Return the variables of a guard whose engine is stalled after `seconds` of silence if it does not answer this question."""
    return {SECONDS: str(seconds), PATH: path, TYPE: content_type, BODY: _written(body)}


def _written(body: bytes) -> str:
    """Return the body in printable ASCII without a dollar, which the kubelet would read: %0A for a byte, %00x99; for zeros."""
    return _ZEROS.sub(lambda found: f"%00x{len(found[0]) // 3};", urllib.parse.quote_from_bytes(body, _PLAIN))


@functools.cache
def lua() -> proto.Json:
    """Return the filter of the private port."""
    config = {**proto.typed("extensions.filters.http.lua.v3.Lua"), "default_source_code": {"inline_string": text()}}
    return {"name": keyed.METADATA, "typed_config": config}


@functools.cache
def text() -> str:
    """Return the script."""
    constants = {
        "ADMIN": clusters.ADMIN,
        "ACTIVE": f"/stats?filter=^cluster.{clusters.ENGINE}.upstream_rq_active$",
        "METRICS": METRICS,
        "ENDED": ENDED,
        "STALLS": STALLS,
        "SECONDS": SECONDS,
        "PATH": PATH,
        "TYPE": TYPE,
        "BODY": BODY,
    }
    signs = ", ".join(f"[{script.string(name)}] = true" for name in SIGNS)
    written = {name: script.string(value) for name, value in constants.items()}
    seconds = {"FOR_STATS": FOR_STATS, "FOR_METRICS": FOR_METRICS, "FOR_TOKEN": FOR_TOKEN, "FOR_ALL": FOR_ALL}
    numbers = {name: str(value) for name, value in seconds.items()}
    health = script.health(FOR_ALL - FOR_STATS, script.PRIVATE_ASKERS)
    return script.text("watch.lua", {**written, **numbers, **health, "SIGNS": f"{{{signs}}}"})
