"""Which pages of other origins may call a model from a browser: what the live part says of it, and what browsers are told.

The script answers (see `replies`): Envoy's own CORS filter leaves out what a route answers directly, such as a 401.
A guard whose script is older takes the routes all the same, and answers browsers nothing.
Must not: let a cookie through, or answer a preflight of what is not in the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

ALLOWED = "authorization, content-type, *"
"""What a page may send; the star never stands for authorization."""

EXPOSED = "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
"""What a page may read, beside what it always may."""

MAX_AGE = 600
"""The seconds for which a browser may remember a preflight."""

_ENGINES_OWN = ("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers")

Json = dict[str, Any]


def host(origins: Sequence[str], namespace: str) -> Json:
    """Return what the virtual host says: whom the script lets read, in its `namespace`; vLLM by itself would let everybody."""
    silent = {"response_headers_to_remove": list(_ENGINES_OWN)}
    return {**silent, **metadata(namespace, origins=sorted(origins))} if origins else silent


def metadata(namespace: str, **facts: object) -> Json:
    """Return facts for the script."""
    return {"metadata": {"filter_metadata": {namespace: facts}}}
