"""The embedded cluster from outside: up, down, status, load_image. What runs inside is node.py's.

All of it hangs on one process with pid, mount and network namespaces of its own: ending that process ends the cluster. What
remains outside is in traces.py.
"""

import contextlib
import fcntl
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Callable, Iterator

from dev import apiserver, binaries, images, layout, paths, progress
from dev.embedded import cleanup, components, image_store

READY_SECONDS = 90.0
NODE_PATH = f"/api/v1/nodes/{layout.NODE}"
ACCOUNT_PATH = "/api/v1/namespaces/default/serviceaccounts/default"

LAUNCHED: list[subprocess.Popen[bytes]] = []
"""What this process started itself, and has to reap after the end."""


def prepare() -> None:
    """Build what takes long: every program of the cluster, and the image of a pod's sandbox."""
    for group in binaries.EMBEDDED:
        binaries.directory(group)
    images.build("pause")


def up(audit: tuple[str, ...] = ()) -> None:
    """Bring the cluster up, or find it healthy; a stale one is replaced. `audit`: more flags of the API server."""
    with _alone():
        if healthy():
            progress.say(f"the cluster is up: KUBECONFIG={layout.KUBECONFIG}")
            return
        prepare()
        pause = images.build("pause")
        cleanup.remove()
        binaries.prune()
        cleanup.check_addresses()
        with progress.step("starting the cluster"):
            _bring_up(pause, images.reference("pause"), audit)


def down() -> None:
    """End the cluster and remove what it left outside of its namespaces; imported images stay in the cache."""
    if os.geteuid() != 0:
        raise progress.Failure("namespaces and mounts need root", "run it as root: sudo make demo-down")
    with _alone():
        cleanup.remove()
        for outer in LAUNCHED:
            outer.wait()


def is_there() -> bool:
    """Tell whether the cluster's process lives."""
    return cleanup.process() is not None


def healthy() -> bool:
    """Tell whether the cluster's process lives and its node is Ready."""
    return cleanup.process() is not None and layout.READY_FILE.exists() and _node_ready()


def status() -> str:
    """Say in one line how the cluster is."""
    pid = cleanup.process()
    if pid is None:
        return "down" if not layout.RUN.exists() else "stale: its process is gone; `up` replaces it, `down` cleans up"
    if healthy():
        return f"up (process {pid}), KUBECONFIG={layout.KUBECONFIG}"
    return f"starting or ill (process {pid}), logs in {layout.LOGS}"


def address() -> str:
    """Return where the edge listens, on ports 80 and 443."""
    return layout.NODE_ADDRESS


def logs() -> str:
    """Say where the logs are."""
    return f"see the logs in {layout.LOGS}"


def load_image(archive: pathlib.Path, name: str) -> None:
    """Make the image `name` of an archive known to the node."""
    image_store.load(archive, name)


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the one lock of starting and ending: two at once would take each other's cluster away."""
    layout.RUN.parent.mkdir(parents=True, exist_ok=True)
    with (layout.RUN.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _bring_up(pause: pathlib.Path, name: str, audit: tuple[str, ...]) -> None:
    """Start it and wait until it is of use; one that does not get there is ended, and its logs stay."""
    _prepare()
    try:
        _start(pause, name, audit)
    except BaseException:
        cleanup.end()
        raise


def _start(pause: pathlib.Path, name: str, audit: tuple[str, ...]) -> None:
    _launch(name, audit)
    _await("the container runtime", layout.CONTAINERD_SOCKET.exists)
    load_image(pause, name)
    _await("a Ready node", _node_ready)
    _pretend_accelerators()
    _await("the ingress controller", layout.READY_FILE.exists)
    _await("the first service account", lambda: bool(apiserver.get(layout.KUBECONFIG, ACCOUNT_PATH)))


def _prepare() -> None:
    for directory in (layout.RUN, layout.LOGS, layout.STORE):
        directory.mkdir(parents=True, exist_ok=True)
    layout.RUN.chmod(0o755)
    cleanup.make_cgroups()
    components.keys(layout.PKI, layout.NODE_ADDRESS)
    server = f"https://{layout.NODE_ADDRESS}:{layout.API_PORT}"
    for name in components.CONTROL_PLANE_USERS:
        layout.kubeconfig(name).touch(mode=0o600)
        layout.kubeconfig(name).write_text(components.kubeconfig(layout.PKI, name, server))


def _launch(pause: str, audit: tuple[str, ...]) -> None:
    """Start the first process in its namespaces, note its id, and bring it the link and the routes to pods and Services."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--mount-proc"]
    inside = [sys.executable, "-m", "dev.embedded.node", pause, json.dumps(audit)]
    with layout.log("node").open("ab") as log:
        outer = subprocess.Popen(  # outlives this process, unless it is a test's
            [*unshare, *inside],
            cwd=paths.ROOT,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    LAUNCHED.append(outer)
    cleanup.note(outer.pid)
    children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    _await("the cluster's first process", lambda: bool(children.read_text().strip()))
    inner = children.read_text().split()[0]
    _ip("link", "add", layout.INTERFACE, "type", "veth", "peer", "name", "node0", "netns", inner)
    _ip("address", "add", f"{layout.HOST_ADDRESS}/24", "dev", layout.INTERFACE)
    _ip("link", "set", layout.INTERFACE, "up")
    for network in (layout.POD_NETWORK, layout.SERVICE_NETWORK):
        _ip("route", "add", network, "via", layout.NODE_ADDRESS, "dev", layout.INTERFACE)


def _ip(*arguments: str) -> None:
    result = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    if result.returncode:
        raise progress.Failure(
            f"`ip {' '.join(arguments)}` failed ({result.stderr.strip()})", "run `make down`, then try again"
        )


def _node_ready() -> bool:
    node = apiserver.get(layout.KUBECONFIG, NODE_PATH) or {"status": {}}
    return any(found["type"] == "Ready" and found["status"] == "True" for found in node["status"].get("conditions", ()))


def _pretend_accelerators() -> None:
    """Kubernetes' documented way of advertising an extended resource: pods that ask for GPUs are scheduled."""
    amount = {"nvidia.com/gpu": str(layout.ACCELERATORS)}
    patch = {"status": {"capacity": amount, "allocatable": amount}}
    apiserver.request(layout.KUBECONFIG, "PATCH", f"{NODE_PATH}/status", patch, "application/merge-patch+json")


def _await(what: str, holds: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if layout.PID_FILE.exists() and cleanup.process() is None:
            last = layout.log("node").read_text().strip().splitlines()[-1:]
            raise progress.Failure(
                f"the cluster ended while {what} was awaited ({''.join(last)})", f"see {layout.LOGS}"
            )
        if time.monotonic() > deadline:
            raise progress.Failure(f"{what} was not there after {seconds:.0f} s", f"see the logs in {layout.LOGS}")
        time.sleep(0.05)
