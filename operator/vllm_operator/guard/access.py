"""Clients, keys and limits: the values that the guard's configuration is made from.

Knows: which characters keys and names may have, so that none of them has a meaning in a configuration.
Must not: know Envoy, or put a key into the text of an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable

KEY_PATTERN = r"sk-[A-Za-z0-9_-]{32,128}"
"""A key: ``sk-`` and at least 32 characters of the URL-safe alphabet, as ``secrets.token_urlsafe(32)`` (43) makes."""

NAME_PATTERN = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
"""A client's name: a DNS label, which has no meaning in headers, metadata and logs."""

ORIGIN_PATTERN = r"[*]|https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
"""A page's origin, as browsers send it: scheme, host and perhaps port, in lower case, without a path; or any, as `*`."""

PATH_PATTERN = r"(/[A-Za-z0-9][-A-Za-z0-9._]*)*"
"""A path below which a model answers too, without a slash at its end."""

MAX_REQUESTS = 1_000_000
MAX_BYTES = 32 * 2**20
"""The bytes that a request's body may have by default."""
UNITS = {"Second": 1, "Minute": 60, "Hour": 3600}
"""The units of a limit, in seconds."""


class Endpoint(Protocol):
    """One method and path of vLLM that clients may call, both exact. The table of them is in `engine.endpoints`."""

    @property
    def method(self) -> str:
        """Such as POST."""

    @property
    def path(self) -> str:
        """Such as /v1/completions: plain, without a query."""

    @property
    def keyed(self) -> bool:
        """Whether a client's key is needed."""


@dataclasses.dataclass(frozen=True, slots=True)
class RateLimit:
    """`requests` per `unit` (Second, Minute or Hour), over all replicas together. A burst may have as many."""

    requests: int
    unit: str

    def __post_init__(self) -> None:
        if self.unit not in UNITS:
            raise ValueError(f"the unit of a rate limit is one of {', '.join(UNITS)}, not {self.unit!r}")
        if not 1 <= self.requests <= MAX_REQUESTS:
            raise ValueError(f"a rate limit is 1 to {MAX_REQUESTS} requests, not {self.requests}")


@dataclasses.dataclass(frozen=True, slots=True)
class Credential:
    """One key, valid until `expires_at` (unix seconds; None: no end). `repr` does not show the key."""

    key: str = dataclasses.field(repr=False)
    expires_at: int | None = None

    def __post_init__(self) -> None:
        if not is_key(self.key):
            raise ValueError(
                "a key is 'sk-' and 32 to 128 of the characters A-Z a-z 0-9 _ - "
                f"(this one has {len(self.key)} characters in all)"
            )


@dataclasses.dataclass(frozen=True, slots=True)
class Client:
    """A client. It has several credentials while a rotation overlaps, and none once all are revoked."""

    name: str
    limit: RateLimit
    credentials: tuple[Credential, ...]

    def __post_init__(self) -> None:
        if re.fullmatch(NAME_PATTERN, self.name) is None:
            raise ValueError(f"a client's name is a DNS label, not {self.name!r}")


@dataclasses.dataclass(frozen=True, slots=True)
class Page:
    """A document at one exact path, for callers without a key too. The guard serves it itself, also while the model loads."""

    path: str
    body: str
    headers: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True, slots=True)
class Access:
    """All clients of one model.

    `peers`: the DNS name of the headless Service, whose members share each limit. `origins`: the origins of the pages that may
    call from a browser, such as `https://app.example.com`, or `*`. `model`: the model's name in metrics. `path`: such as /opt,
    below which the model answers too; vLLM is asked without it. `max_request_bytes`: of a request's body.
    """

    clients: tuple[Client, ...]
    peers: str
    origins: tuple[str, ...] = ()
    model: str = "model"
    page: Page | None = None
    path: str = ""
    max_request_bytes: int = MAX_BYTES

    def __post_init__(self) -> None:
        if re.fullmatch(PATH_PATTERN, self.path) is None:
            raise ValueError(f"a path is such as /opt, without a slash at its end, not {self.path!r}")
        for origin in self.origins:
            if re.fullmatch(ORIGIN_PATTERN, origin) is None:
                raise ValueError(f"an origin is such as https://app.example.com or *, not {origin!r}")
        for name in _twice(client.name for client in self.clients):
            raise ValueError(f"two clients are named {name!r}")
        holders: dict[str, str] = {}
        for client in self.clients:
            for credential in client.credentials:
                if credential.key in holders:
                    raise ValueError(
                        f"one key stands twice: at client {holders[credential.key]!r} and at {client.name!r}"
                    )
                holders[credential.key] = client.name


def is_key(key: str) -> bool:
    """Tell whether a key is of the alphabet that the guard accepts."""
    return re.fullmatch(KEY_PATTERN, key) is not None


def _twice(values: Iterable[str]) -> list[str]:
    return [value for value, count in Counter(values).items() if count > 1]
