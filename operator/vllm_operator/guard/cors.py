"""What browsers are told of pages of other origins. Which origins may call is in the live part, `routes`.

The script answers (see `script`), since Envoy's own CORS filter skips what a route answers directly, such as a 401. A guard with
an older script takes the routes too, and tells browsers nothing.
Must not: allow a cookie, or answer a preflight of what is not in the table.
"""

from __future__ import annotations

ALLOWED = "authorization, content-type, *"
"""Headers that a page may send. To browsers the star does not include authorization."""

EXPOSED = "retry-after, x-ratelimit-limit, x-ratelimit-remaining, x-ratelimit-reset, x-request-id"
"""Headers that a page may read, beside those that it always may."""

MAX_AGE = 600
"""The seconds for which a browser may remember a preflight."""
