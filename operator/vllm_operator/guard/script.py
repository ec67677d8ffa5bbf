"""The guard's Lua: health.lua, script.lua and watch.lua, below the constants that they share with the rest of the configuration.

Knows: what the script of the public port is told; watch.py has the other. Must not: hold a key or a client.
"""

from __future__ import annotations

import functools
import importlib.resources
import json
from typing import TYPE_CHECKING

from vllm_operator.guard import access, clusters, cors, headers, keyed, replies, routes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEALTH_SECONDS = 10
"""How old the word on vLLM's health may be, while another caller waits for a newer one, and how long that one waits."""
PUBLIC_ASKERS, PRIVATE_ASKERS = (1, 8), (8, 64)
"""How many callers a second ask for it, and how many where that word is older. Others are told that word, or 503."""
WHOLE_BYTES, WHOLE_KEYLESS_BYTES = 16384, 4096
"""The script waits for a request's body up to this size before anything is answered, with a key and without one."""
MOST_AWAITED = 256
"""How many bodies of one client may be on their way at a time. Above it the client gets 429."""
PASSED = "passed"
"""What the script notes of a request that it lets through. Whatever has no such note goes no further."""


@functools.cache
def public(*, counted: bool = True) -> str:
    """Return the script of the public port; `counted`: a filter behind it counts the bytes of a body."""
    constants = {
        "BUDGET": str(keyed.BUDGET),
        "SECONDS": _table(access.UNITS),
        "ADMIN": string(clusters.ADMIN),
        "PEERS": string(f"/stats?filter=^cluster.{clusters.PEERS}.membership_total$"),
        **health(HEALTH_SECONDS, PUBLIC_ASKERS),
        "TO_ENGINE": _set(headers.TO_ENGINE),
        "FROM_ENGINE": _set(headers.FROM_ENGINE),
        "EXPIRED": string(replies.EXPIRED),
        "AFTER": f'{{["429"] = "1", ["503"] = {string(str(replies.RETRY_SECONDS))}}}',
        "WHOLE": str(WHOLE_BYTES),
        "WHOLE_KEYLESS": str(WHOLE_KEYLESS_BYTES),
        "MOST_AWAITED": str(MOST_AWAITED),
        "COUNTED": string(counted),
        "PASSED": string(PASSED),
        "ALLOWED": string(cors.ALLOWED),
        "EXPOSED": string(cors.EXPOSED),
        "MAX_AGE": string(str(cors.MAX_AGE)),
    }
    return text("script.lua", constants)


def health(seconds: int, askers: tuple[int, int]) -> dict[str, str]:
    """Return the constants of health.lua, where vLLM has so many seconds to answer."""
    usual, most = askers
    return {
        "PROBE": string(clusters.PROBE),
        "HEALTH": string(routes.HEALTH),
        "AGE": str(HEALTH_SECONDS),
        "ASKERS": str(usual),
        "MOST_ASKERS": str(most),
        "FOR_HEALTH": str(seconds),
    }


def text(name: str, constants: Mapping[str, str]) -> str:
    """Return health.lua and the Lua file of that name below their constants, without comments, since etcd stores it per model."""
    files = importlib.resources.files("vllm_operator.guard")
    lines = (line for file in ("health.lua", name) for line in files.joinpath(file).read_text().splitlines())
    code = (line for line in lines if line and not line.startswith("--"))
    return "\n".join([*(f"local {name} = {value}" for name, value in constants.items()), *code, ""])


def string(value: str | bool) -> str:
    """Return a text of ASCII or a truth value as Lua writes it, which is as JSON writes it."""
    return json.dumps(value)


def _table(values: dict[str, int]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in sorted(values.items())) + "}"


def _set(names: Iterable[str]) -> str:
    return "{" + ", ".join(f"[{string(name)}] = true" for name in sorted(names)) + "}"
