"""The guard's Lua: its file script.lua, below the constants that it shares with the rest of the configuration.

Knows: what the script is told. Must not: hold a key or a client.
"""

from __future__ import annotations

import functools
import importlib.resources
import json

from vllm_operator.guard import access, clusters, cors, replies, routes

WHOLE_BYTES = 65536
"""The script waits for a request's body up to this size before anything is answered."""


@functools.cache
def text() -> str:
    """Return the script without its comments, since etcd stores it once for every model."""
    constants = {
        "BUDGET": str(routes.BUDGET),
        "SECONDS": _table(access.UNITS),
        "ADMIN": _string(clusters.ADMIN),
        "PEERS": _string(f"/stats?filter=^cluster.{clusters.PEERS}.membership_total$"),
        "EXPIRED": _string(replies.EXPIRED),
        "RETRY": _string(str(replies.RETRY_SECONDS)),
        "WHOLE": str(WHOLE_BYTES),
        "ALLOWED": _string(cors.ALLOWED),
        "EXPOSED": _string(cors.EXPOSED),
        "MAX_AGE": _string(str(cors.MAX_AGE)),
    }
    file = importlib.resources.files("vllm_operator.guard").joinpath("script.lua").read_text()
    code = (line for line in file.splitlines() if line and not line.startswith("--"))
    return "\n".join([*(f"local {name} = {value}" for name, value in constants.items()), *code, ""])


def _string(value: str) -> str:
    """Return a text of ASCII as Lua writes it, which is as JSON writes it."""
    return json.dumps(value)


def _table(values: dict[str, int]) -> str:
    return "{" + ", ".join(f"{name} = {value}" for name, value in sorted(values.items())) + "}"
