"""The embedded cluster from outside: up, down, status, load_image. What runs inside is node.py's.

All of it hangs on one process with pid, mount and network namespaces of its own: ending that process ends the cluster. What
remains outside, one network link, some cgroups and the run directory, `down` removes and names.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable

from dev import binaries, components, images, layout, paths, steps

READY_SECONDS = 90.0


def up(audit: tuple[str, ...] = ()) -> None:
    """Bring the cluster up, or find it healthy; a stale one is replaced. `audit`: more flags of the API server."""
    if healthy():
        steps.say(f"the cluster is up: KUBECONFIG={layout.KUBECONFIG}")
        return
    for group in binaries.EMBEDDED:
        binaries.directory(group)
    pause = images.build("pause")
    down()
    with steps.step("starting the cluster"):
        _prepare()
        _launch(images.reference("pause"), audit)
        _await("the container runtime", layout.CONTAINERD_SOCKET.exists)
        load_image(pause, images.reference("pause"))
        _await("a Ready node", _node_ready)
        _await("the first service account", lambda: not kubectl("get", "serviceaccount", "default").returncode)
        _pretend_accelerators()


def down() -> None:
    """End the cluster and remove what it left outside of its namespaces."""
    pid = _pid()
    if pid is not None:
        _end(pid)
        steps.say(f"ended the cluster (process {pid})")
    if subprocess.run(["ip", "link", "delete", layout.INTERFACE], capture_output=True, check=False).returncode == 0:
        steps.say(f"removed the link {layout.INTERFACE}")
    removed = sum(_remove_cgroups(root) for root in pathlib.Path("/sys/fs/cgroup").rglob(layout.CGROUP) if root.is_dir())
    if removed:
        steps.say(f"removed {removed} cgroups named {layout.CGROUP}")
    if layout.RUN.exists():
        shutil.rmtree(layout.RUN)
        steps.say(f"removed {layout.RUN}")


def healthy() -> bool:
    """Tell whether the cluster's process lives and its node is Ready."""
    return _pid() is not None and layout.READY_FILE.exists() and _node_ready()


def status() -> str:
    """Say in one line how the cluster is."""
    pid = _pid()
    if pid is None:
        return "down" if not layout.RUN.exists() else "stale: its process is gone; `down` cleans up"
    return f"up (process {pid}), KUBECONFIG={layout.KUBECONFIG}" if healthy() else f"starting or ill (process {pid}), logs in {layout.LOGS}"


def load_image(archive: pathlib.Path, name: str) -> None:
    """Import a docker or OCI archive as `name`; what the store already holds is not imported again."""
    imported = json.loads(layout.IMPORTED.read_text()) if layout.IMPORTED.exists() else {}
    if imported.get(name) == archive.name and name in _ctr("images", "list", "--quiet").split():
        return
    with steps.step(f"importing {name}"):
        _ctr("images", "import", "--local", str(archive))
    layout.IMPORTED.write_text(json.dumps({**imported, name: archive.name}))


def _ctr(*arguments: str) -> str:
    command = [binaries.find("ctr"), "--address", str(layout.CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = result.stderr.strip().splitlines()[-1:]
        raise steps.Failure(f"containerd refused `ctr {arguments[0]} {arguments[1]}` ({''.join(last)})", f"see {layout.log('containerd')}")
    return result.stdout


def kubectl(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run kubectl against the cluster."""
    command = [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)


def _prepare() -> None:
    for directory in (layout.RUN, layout.LOGS, layout.STORE):
        directory.mkdir(parents=True, exist_ok=True)
    layout.RUN.chmod(0o755)
    components.keys(layout.PKI, layout.NODE_ADDRESS)
    server = f"https://{layout.NODE_ADDRESS}:{layout.API_PORT}"
    for name in components.CONTROL_PLANE_USERS:
        layout.kubeconfig(name).touch(mode=0o600)
        layout.kubeconfig(name).write_text(components.kubeconfig(layout.PKI, name, server))


def _launch(pause: str, audit: tuple[str, ...]) -> None:
    """Start the first process in its namespaces, note its id, and bring it the link."""
    unshare = ["unshare", "--pid", "--fork", "--kill-child", "--mount", "--net", "--mount-proc"]
    inside = [sys.executable, "-m", "dev.node", pause, json.dumps(audit)]
    with layout.log("node").open("ab") as log:
        outer = subprocess.Popen([*unshare, *inside], cwd=paths.ROOT, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True)
    children = pathlib.Path(f"/proc/{outer.pid}/task/{outer.pid}/children")
    _await("the cluster's first process", lambda: bool(children.read_text().strip()))
    layout.PID_FILE.write_text(f"{outer.pid} {_started(outer.pid)}")
    inner = children.read_text().split()[0]
    link = ["ip", "link", "add", layout.INTERFACE, "type", "veth", "peer", "name", "node0", "netns", inner]
    _tool(*link)
    _tool("ip", "address", "add", f"{layout.HOST_ADDRESS}/24", "dev", layout.INTERFACE)
    _tool("ip", "link", "set", layout.INTERFACE, "up")


def _tool(*command: str) -> None:
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise steps.Failure(f"`{' '.join(command)}` failed ({result.stderr.strip()})", "run `make demo-down`, then try again")


def _pid() -> int | None:
    """Return the id of the cluster's outer process where it is still the one that was noted."""
    if not layout.PID_FILE.exists():
        return None
    pid, started = layout.PID_FILE.read_text().split()
    return int(pid) if _started(int(pid)) == started else None


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot: ids are used again, starts are not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return "gone"


def _end(pid: int) -> None:
    """End the outer process; the kernel ends the inside with it."""
    inner = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    layout.PID_FILE.unlink()
    _await("the cluster's end", lambda: all(_started(int(child)) == "gone" for child in inner), 30)


def _remove_cgroups(root: pathlib.Path) -> int:
    """Remove a tree of cgroups from its leaves up; a kernel that is still at it is given a moment."""
    found = sorted((path for path in [root, *root.rglob("*")] if path.is_dir()), key=lambda path: -len(path.parts))
    for path in found:
        deadline = time.monotonic() + 10
        while path.exists() and time.monotonic() < deadline:
            with contextlib.suppress(OSError):
                path.rmdir()
                break
            time.sleep(0.05)
    return 1 if found else 0


def _node_ready() -> bool:
    query = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}'
    return kubectl("get", "node", layout.NODE, "--request-timeout=2s", "-o", query).stdout == "True"


def _pretend_accelerators() -> None:
    """Kubernetes' documented way of advertising an extended resource: pods that ask for GPUs are scheduled."""
    amount = {"nvidia.com/gpu": str(layout.ACCELERATORS)}
    patch = json.dumps({"status": {"capacity": amount, "allocatable": amount}})
    kubectl("patch", "node", layout.NODE, "--subresource=status", "--type=merge", "-p", patch)


def _await(what: str, holds: Callable[[], bool], seconds: float = READY_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        if layout.PID_FILE.exists() and _pid() is None:
            last = layout.log("node").read_text().strip().splitlines()[-1:]
            raise steps.Failure(f"the cluster ended while {what} was awaited ({''.join(last)})", f"see the logs in {layout.LOGS}")
        if time.monotonic() > deadline:
            raise steps.Failure(f"{what} was not there after {seconds:.0f} s", f"see the logs in {layout.LOGS}")
        time.sleep(0.1)
