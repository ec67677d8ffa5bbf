"""The inside of the embedded cluster: the first process of namespaces of its own, and what it starts.

Run by `unshare`; when it ends, the kernel ends every process of the cluster and takes back its mounts, interfaces and rules.
"""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from dev import binaries, components, layout, paths

DATA = pathlib.Path("/run/vllm-operator")
"""A file system in memory that only the cluster sees: etcd, sandboxes, pods' volumes."""
DEADLINE_SECONDS = 60.0


def main(pause: str, audit: str) -> int:
    """Start everything and wait; a component that ends, ends the cluster."""
    _mounts()
    _network()
    for path, text in components.files(layout.RUN, layout.STORE, DATA, pause).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    _edge_bootstrap(layout.RUN / "envoy.json")
    processes = _start(components.commands(layout.RUN, DATA, tuple(json.loads(audit))))
    layout.READY_FILE.touch()
    return _wait(processes)


def _mounts() -> None:
    _run("mount", "--make-rshared", "/")
    for path, size in ((DATA, "4g"), (pathlib.Path("/run/cni"), "16m")):
        path.mkdir(parents=True, exist_ok=True)
        _run("mount", "-t", "tmpfs", "-o", f"mode=0755,size={size}", "vllm-operator", str(path))
    _run("mount", "--make-rshared", str(DATA))
    for root in _cgroup_roots():
        (root / layout.CGROUP).mkdir(exist_ok=True)


def _cgroup_roots() -> list[pathlib.Path]:
    top = pathlib.Path("/sys/fs/cgroup")
    if (top / "cgroup.controllers").exists():
        return [top]
    return [path for path in top.iterdir() if path.is_dir() and not path.is_symlink()]


def _network() -> None:
    """The outside brings the link; here it gets its address. Forwarding is this namespace's own setting."""
    _until("the link into the cluster", lambda: _link_exists("node0"))
    for command in (
        ("ip", "link", "set", "lo", "up"),
        ("ip", "address", "add", f"{layout.NODE_ADDRESS}/24", "dev", "node0"),
        ("ip", "link", "set", "node0", "up"),
        ("ip", "route", "add", "default", "via", layout.HOST_ADDRESS),
    ):
        _run(*command)
    for setting in ("net/ipv4/ip_forward", "net/bridge/bridge-nf-call-iptables", "net/ipv4/conf/all/route_localnet"):
        with contextlib.suppress(OSError):
            pathlib.Path("/proc/sys", setting).write_text("1")


def _link_exists(name: str) -> bool:
    return subprocess.run(["ip", "link", "show", name], capture_output=True, check=False).returncode == 0


def _edge_bootstrap(path: pathlib.Path) -> None:
    """Have Contour write its Envoy's configuration; the admin socket lies in the cluster's own memory."""
    _run(binaries.find("contour"), "bootstrap", "--xds-address=127.0.0.1", str(path))
    path.write_text(path.read_text().replace("/admin/admin.sock", f"{DATA}/envoy-admin.sock"))


def _start(commands: Mapping[str, list[str]]) -> dict[str, subprocess.Popen[bytes]]:
    started: dict[str, subprocess.Popen[bytes]] = {}
    for name, command in commands.items():
        if name == "kube-controller-manager":
            _until("the API server", lambda: _api_answers() or _gone(started))
        if name == "contour":
            _contour_resources()
        with layout.log(name).open("ab") as log:
            started[name] = subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL)
    return started


def _gone(processes: Mapping[str, subprocess.Popen[bytes]]) -> bool:
    """Raise where a component has ended: waiting on would be in vain."""
    for name, process in processes.items():
        if process.poll() is not None:
            raise ChildProcessError(f"{name} ended with {process.returncode}: see {layout.log(name)}")
    return False


def _api_answers() -> bool:
    result = subprocess.run(
        [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", "get", "--raw=/readyz"], capture_output=True, check=False
    )
    return result.returncode == 0


def _contour_resources() -> None:
    """Contour's own CRDs lie in its module; the IngressClass is ours to make."""
    found = (paths.CACHE / "go/mod/github.com/projectcontour").glob("contour@*/examples/contour/01-crds.yaml")
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "contour"},
        "spec": {"controller": "projectcontour.io/ingress-controller"},
    }  # fmt: skip
    kubectl = [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}"]
    subprocess.run([*kubectl, "apply", "--server-side", "-f", "-"], input=json.dumps(ingress_class).encode(), check=True, capture_output=True)
    for path in found:
        subprocess.run([*kubectl, "apply", "--server-side", "-f", str(path)], check=True, capture_output=True)


def _wait(processes: dict[str, subprocess.Popen[bytes]]) -> int:
    """Reap whatever ends, orphans of containers too, until told to stop or a component ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names = {process.pid: name for name, process in processes.items()}
    while True:
        pid, status = os.wait()
        if pid in names:
            print(f"{names[pid]} ended with {os.waitstatus_to_exitcode(status)}: see {layout.log(names[pid])}", flush=True)
            return 1


def _until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not there after {DEADLINE_SECONDS:.0f} s")
        time.sleep(0.1)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
