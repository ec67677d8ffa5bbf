"""Envoy's configuration as JSON, the form in which protobuf messages are written into files."""

from __future__ import annotations

from typing import Any

import orjson

Json = dict[str, Any]


def typed(name: str) -> Json:
    """Return the start of a message that says its own type, such as `extensions.filters.http.lua.v3.Lua`."""
    return {"@type": f"type.googleapis.com/envoy.{name}"}


def encoded(message: Json) -> bytes:
    """Return the message as JSON, which is YAML: the same bytes for the same message."""
    return orjson.dumps(message, option=orjson.OPT_SORT_KEYS)
