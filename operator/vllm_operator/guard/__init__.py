"""The guard: the Envoy sidecar of each vLLM, and its configuration, which decides who may call a model.

```
access.py      clients, keys and limits: what the configuration is made from
site.py        addresses, ports and directories
routes.py      live: keys, limits, expiry and the page, taken up from a file without a restart
cors.py        live: what browsers are told of pages of other origins
bootstrap.py   static: the whole, which holds no secret
listeners.py   static: the public and the private port
bounds.py      static: how many connections and how much memory a guard takes, whoever sends what
clusters.py    static: vLLM, Envoy's administration and the other guards of the model
filters.py     static: what a request passes, and the access log
script.py      static: the Lua of the public port, script.lua, and of both ports, health.lua
watch.py       static: the Lua of the private port, watch.lua, which finds that the engine stands still
replies.py     static: what Envoy answers by itself
metrics.py     static: what is counted of each request, by client and code
proto.py       how Envoy's messages are written
state.py       which configuration a guard reports
```

Two files configure a guard. Envoy reads `bootstrap.yaml` once. It watches `routes.yaml`, and takes up a change in one step: keys
and limits apply to open connections too, and no bucket is refilled, since the limiter is static and learns a client's limit as
the cost of a request (see `routes`). All functions are pure: the same access gives the same bytes. Only this package knows Envoy.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from vllm_operator.guard import bootstrap, bounds, filters, listeners, metrics, routes, watch
from vllm_operator.guard.access import KEY_PATTERN, UNITS, Access, Client, Credential, Endpoint, Page, RateLimit, is_key
from vllm_operator.guard.site import BOTH, DIRECTORY, IPV4, PRIVATE_PORT, PUBLIC_PORT, RUN_DIRECTORY, Site
from vllm_operator.guard.state import State, state
from vllm_operator.guard.watch import Stalls

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "ALIVE_HEADER",
    "ALIVE_PATH",
    "ARGUMENTS",
    "BOTH",
    "DIRECTORY",
    "FILES",
    "IPV4",
    "KEY_PATTERN",
    "LIVE_PATH",
    "MEMORY",
    "METRICS_PATH",
    "OLDEST",
    "PRIVATE_PORT",
    "PUBLIC_PORT",
    "READY_PATH",
    "RUN_DIRECTORY",
    "STALLS_HEADER",
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
    "Stalls",
    "State",
    "is_key",
    "rendered",
    "state",
    "version_of",
    "watch_variables",
]

BOOTSTRAP, ROUTES = FILES = ("bootstrap.yaml", "routes.yaml")
ARGUMENTS = (
    "-c",
    f"{DIRECTORY}/{BOOTSTRAP}",
    "--concurrency",
    "1",
    "--disable-hot-restart",
    "--reject-unknown-dynamic-fields",  # an older Envoy would else ignore a rule that it does not know
    "--log-level",
    "warning",
    "--component-log-level",
    "config:error",  # its warnings quote what is rejected, such as a key or the whole file
    "--file-flush-interval-msec",
    "1000",
)
LIVE_PATH, READY_PATH, ALIVE_PATH, ALIVE_HEADER = (
    listeners.LIVE,
    listeners.READY,
    listeners.ALIVE,
    listeners.ALIVE_HEADER,
)
METRICS_PATH, STATS_PATH, STALLS_HEADER = listeners.METRICS, listeners.STATS, watch.STALLS
watch_variables = watch.variables
MEMORY = bounds.MEMORY
OLDEST = (1, 38)
"""The oldest supported Envoy, two versions before the default. The tests run each version."""


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
    counters, passed = metrics.loggers(access.model, envoy), filters.public(envoy, access.max_request_bytes)
    static = bootstrap.text(site, access.peers, f"{site.directory}/{ROUTES}", counters, passed)
    return Rendered({BOOTSTRAP: static, ROUTES: live.text}, live.version)


def version_of(image: str) -> tuple[int, int]:
    """Return the Envoy version in an image's tag, or `OLDEST`, whose configuration all versions take, where there is none."""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    found = re.search(r"(?<![\d.])1\.(\d+)", tag)
    return (1, int(found[1])) if found else OLDEST
