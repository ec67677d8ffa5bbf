"""Where a key could have leaked to while everything else was tried."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dev import demo
from tests.attack import attack, site
from tests.e2e import leaks

if TYPE_CHECKING:
    from collections.abc import Iterator


EDGE = "the log envoy.log"
"""That of the Envoy before the guards, which logs each path and query that it is asked."""


def key_in_places(where: site.Site) -> attack.Seen:
    """Use the key as a path, a query, a request's id and a wrong header, then search all there is."""
    with leaks.Processes() as processes:
        for path in (f"/v1/models?key={where.key}", f"/v1/{where.key}", f"/%{where.key[:2].encode().hex()}{where.key}"):
            where.ask("GET", path, where.key)
        where.ask("GET", "/v1/models", where.key, x_request_id=where.key, x_api_key=where.key)
        kept = {f"{demo.NAMESPACE}/{site.MODEL}.{name}" for name in ("guard", "key.default")}
        looked = _Counted(leaks.places(where.admin, site.MODEL, kept))
        hits = leaks.hits(looked, {"the key": where.key})
    hits += leaks.hits(processes.places(), {"the key": where.key})
    ours = [one for one in hits if EDGE not in one]
    told = f"{', '.join(ours) or 'none'}{'' if ours == hits else '; with it the log of the edge, as the page says'}"
    return attack.Seen(
        not ours, f"{looked.count:,} entries and {len(processes.seen):,} command lines, with the key: {told}"
    )


class _Counted:
    """Counts what goes by."""

    def __init__(self, found: Iterator[tuple[str, bytes]]) -> None:
        self._found, self.count = found, 0

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return self

    def __next__(self) -> tuple[str, bytes]:
        self.count += 1
        return next(self._found)
