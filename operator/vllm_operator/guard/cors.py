"""What browsers are told of pages of other origins; which pages may call is in the live part, `routes`.

The script answers (see `replies`): Envoy's own CORS filter leaves out what a route answers directly, such as a 401.
A guard whose script is older takes the routes all the same, and answers browsers nothing.
Must not: let a cookie through, or answer a preflight of what is not in the table.
"""

from __future__ import annotations

ALLOWED = "authorization, content-type, *"
"""What a page may send; the star never stands for authorization."""

EXPOSED = "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
"""What a page may read, beside what it always may."""

MAX_AGE = 600
"""The seconds for which a browser may remember a preflight."""

ENGINES_OWN = ("access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers")
"""What vLLM says of itself, which lets every page read; it is taken away."""
