"""How long a key that is replaced or revoked is still accepted anywhere: under load, with streams running, on open connections.

From the API server's answer (to the patch of keyVersion, to the deletion of the Secret) until every server accepts the new key
and refuses the old one, on connections that were opened before: one through the Ingress, one to each pod. Real vLLM, twice.
"""

import base64
import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures

from kubernetes import client, config

from dev import demo, layout
from tests import kubectl, waiting
from tests.bench import figures
from tests.e2e import wire

NAME, ROTATED, LOAD = "vllm11", "rotated", "load"
UNLIMITED = {"requests": 1_000_000}  # an answer of 429 is no refusal of a key: whoever is measured must never get one
TIMES = 50
AWAY_TIMES = 3
BELOW = 2.0
OPERATOR = ("vllm-operator", demo.OPERATOR_NAMESPACE)
STREAMS = 2
PAUSE = 0.5  # between two changes: the kubelet works off the first
DEADLINE = 60.0


def main() -> list[figures.Figure]:
    """Measure rotations, then deletions."""
    with _served() as admin:
        api = config.new_client_from_config(str(admin.kubeconfig))
        objects, core = client.CustomObjectsApi(api), client.CoreV1Api(api)
        pods, key = _uids(admin), admin.key(NAME, LOAD)
        with contextlib.ExitStack() as running:
            held = running.enter_context(wire.lines(admin.pod_address(NAME).split()))
            load = running.enter_context(wire.Load(key))
            streams = [running.enter_context(wire.Streams(key)) for _ in range(STREAMS)]
            rotated = _repeat(core, held, lambda number: _raise(objects, number + 2))
            deleted = _repeat(core, held, lambda _: _delete(core))
            missed = tuple(_missed(client.AppsV1Api(api), core, held) for _ in range(AWAY_TIMES))
        changed = float(_uids(admin) != pods)
    whole, broken = sum(one.whole for one in streams), sum(one.broken for one in streams)
    return [
        *_figures("raised keyVersion, no overlap", rotated),
        *_figures("deleted Secret", deleted),
        figures.Figure("deleted while the operator was away: from its readiness", "s", missed, BELOW),
        figures.Figure(f"failed requests of {load.requests}", "", (load.failed,), 0.5),
        figures.Figure("dropped connections", "", (load.dropped,), 0.5),
        figures.Figure(f"broken streams of {whole + broken}", "", (broken,), 0.5),
        figures.Figure("pods replaced", "", (changed,), 0.5),
    ]


def _figures(name: str, seconds: list[float]) -> list[figures.Figure]:
    p99 = statistics.quantiles(seconds, n=100, method="inclusive")[98]
    return [
        figures.Figure(f"{name}: until it holds on every server", "s", tuple(seconds)),
        figures.Figure(f"{name}: p99", "s", (p99,), BELOW),
    ]


@contextlib.contextmanager
def _served() -> Iterator[kubectl.Admin]:
    """Let two servers of the demo's model serve a client that makes the load, and one whose key changes."""
    with demo.afresh():
        admin = kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE)
        spec = {"replicas": 2, "access": {"clients": _clients(1), "rotationOverlap": "0s"}}
        admin.patch("vllm", NAME, {"spec": spec})
        waiting.until("two servers", lambda: admin.get("vllm", NAME)["status"]["readyReplicas"] == 2, admin.world, 300)
        waiting.until("its keys", lambda: _applied(admin) == {2}, admin.world)
        yield admin


def _clients(version: int) -> list[dict[str, object]]:
    rotated = {"name": ROTATED, "keyVersion": version, "rateLimit": UNLIMITED}
    return [{"name": LOAD, "rateLimit": UNLIMITED}, rotated]


def _applied(admin: kubectl.Admin) -> set[int]:
    return {one["appliedOn"] for one in admin.get("vllm", NAME)["status"]["clients"]}


def _uids(admin: kubectl.Admin) -> str:
    selected = ("-l", f"serving.byteshop.in/model={NAME}", "-o", "jsonpath={.items[*].metadata.uid}")
    return admin.kubectl("get", "pods", *selected)


def _repeat(core: client.CoreV1Api, held: list[wire.Line], change: Callable[[int], None]) -> list[float]:
    """Change the key again and again; return how long each took to hold."""
    found = []
    with futures.ThreadPoolExecutor(len(held)) as pool:
        for number in range(TIMES):
            old = _key(core)
            change(number)
            since = time.monotonic()
            new = waiting.until("a new key", lambda old=old: (key := _key(core)) not in ("", old) and key)
            took = pool.map(lambda line, old=old, new=new: _settled(line, old, new), held)
            found.append(max(took) - since)
            threading.Event().wait(PAUSE)
    return found


def _ready(apps: client.AppsV1Api) -> int:
    return apps.read_namespaced_deployment(*OPERATOR).status.ready_replicas or 0


def _missed(apps: client.AppsV1Api, core: client.CoreV1Api, held: list[wire.Line]) -> float:
    """Delete the Secret while no operator runs; return how long after the next one is ready the old key was accepted."""
    old = _key(core)
    before = _scale(apps, 0)
    waiting.until("the operator's end", lambda: not core.list_namespaced_pod(demo.OPERATOR_NAMESPACE).items)
    _delete(core)
    _scale(apps, before)
    waiting.until("a ready operator", lambda: _ready(apps), seconds=DEADLINE)
    since = time.monotonic()
    new = waiting.until("a new key", lambda: (key := _key(core)) not in ("", old) and key)
    return max(_settled(line, old, new) for line in held) - since


def _scale(apps: client.AppsV1Api, replicas: int) -> int:
    """Set how many operators run; return how many there were to be."""
    before = apps.read_namespaced_deployment(*OPERATOR).spec.replicas
    apps.patch_namespaced_deployment_scale(*OPERATOR, {"spec": {"replicas": replicas}})
    return int(before)


def _settled(line: wire.Line, old: str, new: str) -> float:
    """Return when `line` accepts `new` and refuses `old`; through the Ingress both servers have to, one after the other."""
    deadline = time.monotonic() + DEADLINE
    while not all((line.status(new), line.status(old)) == (200, 401) for _ in range(2)):
        if time.monotonic() > deadline:
            raise AssertionError(f"a key that was revoked is accepted after {DEADLINE:.0f} s")
    return time.monotonic()


def _raise(objects: client.CustomObjectsApi, version: int) -> None:
    patch = {"spec": {"access": {"clients": _clients(version)}}}
    objects.patch_namespaced_custom_object(kubectl.GROUP, kubectl.VERSION, demo.NAMESPACE, kubectl.PLURAL, NAME, patch)


def _delete(core: client.CoreV1Api) -> None:
    core.delete_namespaced_secret(f"{NAME}.key.{ROTATED}", demo.NAMESPACE)


def _key(core: client.CoreV1Api) -> str:
    try:
        secret = core.read_namespaced_secret(f"{NAME}.key.{ROTATED}", demo.NAMESPACE)
    except client.ApiException:
        return ""
    return base64.b64decode(secret.data["OPENAI_API_KEY"]).decode()
