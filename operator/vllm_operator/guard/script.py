"""The guard's Lua: its files script.lua and watch.lua, below the constants that they share with the rest of the configuration.

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
WHOLE_BYTES = 65536
"""The script waits for a request's body up to this size before anything is answered."""


@functools.cache
def public() -> str:
    """Return the script of the public port."""
    constants = {
        "BUDGET": str(keyed.BUDGET),
        "SECONDS": _table(access.UNITS),
        "ADMIN": string(clusters.ADMIN),
        "PEERS": string(f"/stats?filter=^cluster.{clusters.PEERS}.membership_total$"),
        "PROBE": string(clusters.PROBE),
        "HEALTH": string(routes.HEALTH),
        "AGE": str(HEALTH_SECONDS),
        "TO_ENGINE": _set(headers.TO_ENGINE),
        "FROM_ENGINE": _set(headers.FROM_ENGINE),
        "EXPIRED": string(replies.EXPIRED),
        "RETRY": string(str(replies.RETRY_SECONDS)),
        "WHOLE": str(WHOLE_BYTES),
        "ALLOWED": string(cors.ALLOWED),
        "EXPOSED": string(cors.EXPOSED),
        "MAX_AGE": string(str(cors.MAX_AGE)),
    }
    return text("script.lua", constants)


def text(name: str, constants: Mapping[str, str]) -> str:
    """Return the Lua file of that name below its constants, without its comments, since etcd stores it once for every model."""
    file = importlib.resources.files("vllm_operator.guard").joinpath(name).read_text()
    code = (line for line in file.splitlines() if line and not line.startswith("--"))
    return "\n".join([*(f"local {name} = {value}" for name, value in constants.items()), *code, ""])


def string(value: str) -> str:
    """Return a text of ASCII as Lua writes it, which is as JSON writes it."""
    return json.dumps(value)


def _table(values: dict[str, int]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in sorted(values.items())) + "}"


def _set(names: Iterable[str]) -> str:
    return "{" + ", ".join(f"[{string(name)}] = true" for name in sorted(names)) + "}"
