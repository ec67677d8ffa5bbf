"""Headers that pass between a caller and vLLM, both ways, and those that the guard sets.

The script lets through what is listed here, and drops all else. A guard that an older operator started has an older script, so
the live part removes what is known to do harm. What vLLM sends is foreign to the host's other models: a browser is to run none
of it, and to remember nothing.
Must not: know a client or a key.
"""

from __future__ import annotations

CLIENT = "x-client-id"
"""The client's name, for vLLM."""

TO_ENGINE = (
    "accept",
    "authorization",  # which the route removes
    "content-length",
    "content-type",
    "expect",
    "transfer-encoding",
    "user-agent",
    "x-request-id",
)
"""What vLLM may get of a caller's headers."""

FROM_ENGINE = (
    "cache-control",
    "connection",
    "content-disposition",
    "content-encoding",
    "content-length",
    "content-security-policy",  # the guard's own, as are those below that begin with x-, and www-authenticate
    "content-type",
    "date",
    "retry-after",
    "server",
    "transfer-encoding",
    "www-authenticate",
    "x-accel-buffering",
    "x-content-type-options",
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "x-request-id",
)
"""What a caller may get of an answer's headers."""

NOT_TO_ENGINE = (
    *("authorization", CLIENT, "api-key", "cookie", "proxy-authorization", "x-api-key"),
    *("baggage", "endpoint-load-metrics-format", "traceparent", "tracestate"),
    *("x-b3-flags", "x-b3-parentspanid", "x-b3-sampled", "x-b3-spanid", "x-b3-traceid"),
    *("x-data-parallel-rank", "x-session-id", "x-vllm-priority"),
    *(
        "forwarded",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
    ),
)
"""Keys in any spelling, and what vLLM or its server obeys."""

NOT_FROM_ENGINE = (
    *("access-control-allow-credentials", "access-control-allow-origin", "access-control-expose-headers"),
    *("authentication-info", "proxy-authenticate", "www-authenticate"),
    *(
        "alt-svc",
        "clear-site-data",
        "nel",
        "report-to",
        "reporting-endpoints",
        "set-cookie",
        "strict-transport-security",
    ),
    *("content-location", "link", "location", "refresh", "service-worker-allowed", "sourcemap", "speculation-rules"),
    *("use-as-dictionary", "x-accel-redirect"),
    *("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "x-request-id"),
)
"""What browsers, or a proxy before the guard, would do for all of the host, such as remember it or ask for a password; and what
the guard itself says."""

SANDBOXED = (("content-security-policy", "sandbox"), ("x-content-type-options", "nosniff"))
"""A browser that shows an answer runs no script of it, and takes it for none of the host's pages."""
