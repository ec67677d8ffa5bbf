"""The demo under attack: what an admin sees of it, a client's key, and where its guard listens."""

from __future__ import annotations

import contextlib
import functools
import http.client
import pathlib
import time
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from tests import waiting
from tests.guard import rig
from vllm_operator import guard as vllm_guard

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests import kubectl

T = TypeVar("T")

MODEL, NAME = "vllm11", "facebook/opt-125m"
PUBLIC, PRIVATE = 8000, 8002
PAUSE = 0.01


class Pace(NamedTuple):
    """How a client with a key fared: requests, how many of them got 200, and the seconds of the slowest of a hundred."""

    asked: int
    answered: int
    p99: float


class Site:
    """The demo, as it is when this is made: a test before may have changed the key and the pod."""

    def __init__(self, admin: kubectl.Admin) -> None:
        self.admin = admin
        self.key = admin.key(MODEL)
        self.pod = admin.pod_address(MODEL)

    @property
    def guard(self) -> tuple[str, int]:
        """The guard's public address, which the machine reaches as pods do."""
        return self.pod, PUBLIC

    @functools.cached_property
    def guard_process(self) -> int:
        """The id of the guard's process, as the machine sees it."""
        (uid,) = self.admin.pods(MODEL).split()
        found = [one for one in pathlib.Path("/proc").glob("[0-9]*") if _is_envoy_of(one, uid)]
        assert len(found) == 1, found
        return int(found[0].name)

    def forget_peak(self) -> None:
        """Let the guard's peak of memory begin anew."""
        pathlib.Path(f"/proc/{self.guard_process}/clear_refs").write_text("5")

    def connection(self, port: int = PUBLIC) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(self.pod, port, timeout=rig.DEADLINE)

    def ask(self, method: str, path: str, key: str = "", body: bytes | None = None, **headers: str) -> rig.Reply:
        """Ask the guard's public port."""
        with contextlib.closing(self.connection()) as connection:
            return rig.ask(connection, method, path, key, body, **headers)

    def private(self, path: str) -> rig.Reply:
        """Ask the guard's private port."""
        with contextlib.closing(self.connection(PRIVATE)) as connection:
            return rig.ask(connection, "GET", path)

    def connections(self) -> int:
        """Return how many connections the guard's public port holds, as the guard counts them."""
        series = f'envoy_listener_downstream_cx_active{{envoy_listener_address="0.0.0.0_{PUBLIC}"}} '
        text = self.private(vllm_guard.STATS_PATH).body.decode()
        return int(text.split(series)[1].split()[0])

    def restarts(self) -> list[int]:
        """Return how often each container of the model was started anew."""
        path = "{.items[*].status['initContainerStatuses','containerStatuses'][*].restartCount}"
        label = f"serving.byteshop.in/model={MODEL}"
        return [int(one) for one in self.admin.kubectl("get", "pods", "-l", label, "-o", f"jsonpath={path}").split()]

    def pace(self, seconds: float) -> Pace:
        """Ask with the key for so long, each time over a new connection, as the least patient client does."""
        taken, answered = [], 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            begun = time.monotonic()
            answered += self._is_answered()
            taken.append(time.monotonic() - begun)
            time.sleep(PAUSE)
        return Pace(len(taken), answered, sorted(taken)[int(len(taken) * 0.99)])

    def until(self, what: str, holds: Callable[[], T | None], seconds: float = 60.0) -> T:
        """Wait for a condition and return its value; print the cluster where it does not come."""
        return waiting.until(what, holds, self.admin.world, seconds)

    def _is_answered(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.ask("GET", "/v1/models", self.key).status == 200
        return False


def _is_envoy_of(process: pathlib.Path, pod: str) -> bool:
    with contextlib.suppress(OSError):
        is_envoy = (process / "comm").read_text().strip() == "envoy"
        return is_envoy and pod in (process / "cgroup").read_text()
    return False
