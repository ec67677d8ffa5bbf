"""The inside of the embedded cluster: the first process of namespaces of its own, and what it starts.

Run by `unshare`; when it ends, the kernel ends every process of the cluster and takes back its mounts, interfaces and rules.
Of the machine's files it may write only those in the cache directory.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping

from dev import apiserver, contour, layout, paths, progress
from dev.embedded import components

PRIVATE = {"/run": "4g", "/var/log": "1g", "/var/lib": "64m"}
"""Directories that lie in the cluster's own memory instead: sockets, etcd, pods' volumes; pods' logs; what plugins leave."""
DATA = pathlib.Path("/run/vllm-operator")
TUNED = {"vm/overcommit_memory": 1, "vm/panic_on_oom": 0, "kernel/panic": 10, "kernel/panic_on_oops": 1,
         "kernel/keys/root_maxkeys": 1000000, "kernel/keys/root_maxbytes": 25000000}  # fmt: skip
"""What the kubelet wants of the kernel. It reads these values and so leaves the machine's own settings alone."""
DEADLINE_SECONDS = 60.0


def main(pause: str, audit: str) -> int:
    """Start everything and wait; a component that ends, ends the cluster."""
    _mounts()
    _network()
    for path, text in components.files(layout.RUN, layout.STORE, DATA, pause).items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    processes = _start(components.commands(layout.RUN, DATA, tuple(json.loads(audit))))
    layout.READY_FILE.touch()
    return _wait(processes)


def _mounts() -> None:
    _run("mount", "--make-rshared", "/")
    for path, size in PRIVATE.items():
        if paths.CACHE.is_relative_to(path) or paths.ROOT.is_relative_to(path):
            continue
        _run("mount", "-t", "tmpfs", "-o", f"mode=0755,size={size}", "vllm-operator", path)
        _run("mount", "--make-rshared", path)
    DATA.mkdir(exist_ok=True)
    for name, value in TUNED.items():
        stand_in = DATA / name.replace("/", "-")
        stand_in.write_text(f"{value}\n")
        _run("mount", "--bind", str(stand_in), f"/proc/sys/{name}")


def _network() -> None:
    """The outside brings the link; here it gets its address. Forwarding is this namespace's own setting."""
    _until("the link into the cluster", lambda: _ip("link", "show", "node0") == 0)
    for command in (
        ("link", "set", "lo", "up"),
        ("address", "add", f"{layout.NODE_ADDRESS}/24", "dev", "node0"),
        ("link", "set", "node0", "up"),
        ("route", "add", "default", "via", layout.HOST_ADDRESS),
    ):
        _run("ip", *command)
    pathlib.Path("/proc/sys/net/ipv4/ip_forward").write_text("1")
    for port in (80, 443):
        to = str(port + contour.CONTAINER_PORTS)
        match = ("-d", layout.NODE_ADDRESS, "-p", "tcp", "--dport", str(port))
        _run("iptables", "-t", "nat", "-A", "PREROUTING", *match, "-j", "REDIRECT", "--to-ports", to)


def _ip(*arguments: str) -> int:
    return subprocess.run(["ip", *arguments], capture_output=True, check=False).returncode


def _start(commands: Mapping[str, list[str]]) -> dict[str, subprocess.Popen[bytes]]:
    """Start the components in their order; each waits for what it cannot start without, and for no more."""
    started: dict[str, subprocess.Popen[bytes]] = {}
    before: Mapping[str, Callable[[], None]] = {
        "kube-controller-manager": lambda: _until("the API server", lambda: _api_answers() or _gone(started)),
        "contour": _edge,
    }
    for name, command in commands.items():
        before.get(name, lambda: None)()
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
    return bool(apiserver.get(layout.KUBECONFIG, "/readyz") == "ok")


def _edge() -> None:
    contour.bootstrap(layout.RUN / "envoy.json", DATA)
    wanted = contour.definitions()
    contour.create(wanted)
    _until("Contour's resources", lambda: contour.served(wanted))
    contour.create_gateway()


def _wait(processes: dict[str, subprocess.Popen[bytes]]) -> int:
    """Reap whatever ends, orphans of containers too, until told to stop or a component ends."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    names = {process.pid: name for name, process in processes.items()}
    while True:
        pid, status = os.wait()
        if pid in names:
            progress.say(f"{names[pid]} ended with {os.waitstatus_to_exitcode(status)}: see {layout.log(names[pid])}")
            return 1


def _until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} was not there after {DEADLINE_SECONDS:.0f} s")
        time.sleep(0.05)


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
