"""kopf runs the process: it logs in, takes the signals, starts the manager and stops it before anything else ends.

kopf watches nothing here; kube/informer.py does. With two watches of one kind, events were lost between them and came late, and
kopf's ended the process after a minute of refusals. It is asked for no resource, so after its first look at the API server's
versions it sends nothing: no patch, no finalizer, no event.

    SIGTERM, SIGINT    the manager is stopped, status 0
    a part that fails  the manager sets `ended`, kopf's stop flag: it is stopped as well, status 1
"""

import asyncio
import dataclasses
import datetime as dt
import logging
import os
import time
from collections.abc import Iterator
from typing import Any, Protocol

import kopf
import yaml

from vllm_operator.kube import backoff, errors

LOG = logging.getLogger(__name__)
PAUSE = backoff.Backoff(first=0.5, longest=5.0)
KILL_SECONDS = 25.0  # after a signal; the manager stops in less
DAY = dt.timedelta(days=1)


class Manager(Protocol):
    """What is started and stopped: manager.Manager."""

    failed: bool

    @property
    def ended(self) -> asyncio.Event:
        """Set by the end of `stop`, and where a part ended by itself: then `failed` is true."""

    def start(self) -> None:
        """Begin, and return."""

    async def stop(self) -> None:
        """End within KILL_SECONDS."""


class Endless:
    """The pauses between the tries of kopf's calls: the API server may be away for as long as it likes."""

    def __iter__(self) -> Iterator[float]:
        """Yield pauses that grow with the time that has passed since the first of them was asked for."""
        begun = time.monotonic()
        while True:
            yield PAUSE.pause(time.monotonic() - begun)


def login() -> kopf.ConnectionInfo:
    """Return who we are now: $KUBECONFIG, else the pod's service account, else ~/.kube/config; Denied without any of them."""
    known: dict[str, Any] = {"settings": kopf.OperatorSettings(), "logger": LOG}
    try:
        pod = None if os.environ.get("KUBECONFIG") else kopf.login_with_service_account(**known)
        found = _by_address(pod) if pod else kopf.login_with_kubeconfig(**known)
    except (OSError, LookupError, ValueError, AttributeError, TypeError, yaml.YAMLError, kopf.LoginError) as error:
        raise errors.Denied(0, "LoginFailed", f"the credentials cannot be read: {type(error).__name__}") from None
    if found is None:
        raise errors.Denied(0, "LoginFailed", "there is neither a service account nor a kubeconfig file")
    if found.server.startswith("https:") and not _is_somebody(found):
        raise errors.Denied(
            0, "LoginFailed", "there is neither a token nor a client certificate; no program is run for one"
        )
    return found


async def run(manager: Manager) -> int:
    """Run `manager` until a signal or until a part of it fails; return the exit status."""
    try:
        await kopf.operator(
            registry=_registry(manager),
            settings=_settings(),
            standalone=True,
            clusterwide=True,
            stop_flag=manager.ended,
        )
    except Exception:
        LOG.exception("The process ends")
        return 1
    return 1 if manager.failed else 0


def _is_somebody(who: kopf.ConnectionInfo) -> bool:
    return bool(who.as_http_headers() or who.certificate_path or who.certificate_data)


def _by_address(pod: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
    """Return `pod` with the API server's address, as every pod's environment has it: its name needs a DNS that works."""
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        return pod
    return dataclasses.replace(pod, server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}")


def _registry(manager: Manager) -> kopf.OperatorRegistry:
    registry, pauses = kopf.OperatorRegistry(), iter(Endless())

    @kopf.on.login(registry=registry, errors=kopf.ErrorsMode.TEMPORARY, backoff=PAUSE.longest)
    async def log_in(**_: Any) -> Any:
        """Log kopf in. An API server that begins refuses good tokens for a moment, and kopf tries none that is like another."""
        await asyncio.sleep(next(pauses))
        return dataclasses.replace(login(), expiration=dt.datetime.now(dt.UTC) + DAY)

    @kopf.on.startup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def begin(**_: Any) -> None:
        manager.start()

    @kopf.on.cleanup(registry=registry, errors=kopf.ErrorsMode.PERMANENT)
    async def end(**_: Any) -> None:
        await manager.stop()

    return registry


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.networking.error_backoffs = Endless()
    settings.networking.connect_timeout = 5
    settings.networking.request_timeout = 30
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.process.ultimate_exiting_timeout = KILL_SECONDS
    return settings
