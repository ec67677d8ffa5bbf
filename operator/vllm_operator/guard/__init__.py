"""The guard: who may call a model, as configuration of the Envoy that stands before vLLM. The only package that knows Envoy.

```
access.py      clients, keys and limits: what the configuration is made from
site.py        addresses, ports and directories
routes.py      live: keys, limits, expiry and the page, taken up from a file without a restart
cors.py        what browsers are told of pages of other origins
bootstrap.py   static: two listeners, their clusters and bounds; holds no secret
filters.py     static: what a request passes, and the log
replies.py     static: what Envoy answers by itself, and its script
metrics.py     static: what is counted of each request, by client and code
state.py       which configuration a guard says it has
```

Two files make a guard. `bootstrap.yaml` is read once. `routes.yaml` is watched, and a change of it is one step: keys and limits
hold for open connections too, and no bucket is refilled, since the limiter stands in the static part and learns a client's limit
as the cost of a request (see `routes`). All functions are pure: the same access makes the same bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vllm_operator.guard import bootstrap, metrics, routes
from vllm_operator.guard.access import KEY_PATTERN, UNITS, Access, Client, Credential, Endpoint, Page, RateLimit, is_key
from vllm_operator.guard.site import DIRECTORY, PRIVATE_PORT, PUBLIC_PORT, RUN_DIRECTORY, Site
from vllm_operator.guard.state import State, state

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ARGUMENTS",
    "DIRECTORY",
    "FILES",
    "KEY_PATTERN",
    "LIVE_PATH",
    "METRICS_PATH",
    "OLDEST",
    "PRIVATE_PORT",
    "PUBLIC_PORT",
    "READY_PATH",
    "RUN_DIRECTORY",
    "STATS_PATH",
    "UNITS",
    "Access",
    "Client",
    "Credential",
    "Endpoint",
    "Page",
    "RateLimit",
    "Rendered",
    "Site",
    "State",
    "is_key",
    "rendered",
    "state",
    "version_of",
]

BOOTSTRAP, ROUTES = FILES = ("bootstrap.yaml", "routes.yaml")
ARGUMENTS = (
    "-c",
    f"{DIRECTORY}/{BOOTSTRAP}",
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--reject-unknown-dynamic-fields",  # a rule that an older Envoy passed over in silence would be no rule
    "--log-level",
    "warning",
    "--component-log-level",
    "config:error",  # its warnings quote what is refused: a key, or the whole file
    "--file-flush-interval-msec",
    "1000",
)
LIVE_PATH, READY_PATH, METRICS_PATH, STATS_PATH = bootstrap.LIVE, bootstrap.READY, bootstrap.METRICS, bootstrap.STATS
OLDEST = (1, 38)
"""The oldest Envoy that takes what is rendered here: two versions back from the default. The tests ask each."""


class Rendered(NamedTuple):
    """The content of `FILES`, and the version of the live part, which `state` reads back from a guard that has taken it up."""

    files: dict[str, str]
    version: str


def rendered(
    access: Access,
    endpoints: Sequence[Endpoint],
    envoy: tuple[int, int],
    site: Site = Site(),  # noqa: B008 - immutable
) -> Rendered:
    """Return the configuration for the oldest Envoy version (such as (1, 40)) that the running pods have.

    An Envoy older than `OLDEST` gets what `OLDEST` takes: it reports itself what it rejects, and the status says so.
    """
    live = routes.rendered(access, endpoints)
    static = bootstrap.text(site, access.peers, f"{site.directory}/{ROUTES}", metrics.loggers(access.model, envoy))
    return Rendered({BOOTSTRAP: static, ROUTES: live.text}, live.version)


def version_of(image: str) -> tuple[int, int]:
    """Return the Envoy version that an image's tag names; a tag that names none stands for `OLDEST`, which all take."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.search(r"(?<![\d.])1\.(\d+)", tag)
    return (1, int(found[1])) if found else OLDEST
