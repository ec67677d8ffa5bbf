"""A light cluster for integration tests: etcd, API server and controller manager on loopback, gone with the block that asked.

Ports are free ones, data lies in memory, several may run, and every process ends with its parent, however that ends.
"""

import contextlib
import ctypes
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from dev import apiserver, binaries, progress
from dev.embedded import components

READY_SECONDS = 60.0
PR_SET_PDEATHSIG = 1
MEMORY = pathlib.Path("/dev/shm")  # noqa: S108 - the file system in memory
PREFIX = "vllm-operator-light-"
LIBC = ctypes.CDLL(None)


@contextlib.contextmanager
def cluster(directory: pathlib.Path, flags: tuple[str, ...] = (), controllers: str = "*") -> Iterator[pathlib.Path]:
    """Run a light cluster; yield the path of its admin kubeconfig. Keys and logs lie in `directory`, data in memory.

    `flags` are more flags of the API server, `controllers` is the flag of that name of the controller manager. Raises
    `progress.Failure` where it does not start.
    """
    for group in binaries.LIGHT:
        binaries.directory(group)
    _remove_orphans()
    with contextlib.ExitStack() as stack:
        data = pathlib.Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-", dir=MEMORY))
        )
        yield _start(directory, data, stack, flags, controllers)


def _start(
    directory: pathlib.Path, data: pathlib.Path, stack: contextlib.ExitStack, flags: tuple[str, ...], controllers: str
) -> pathlib.Path:
    client, peer, api, manager = _free_ports(4)
    etcd_url, server = f"http://127.0.0.1:{client}", f"https://127.0.0.1:{api}"
    components.keys(directory, "127.0.0.1")
    admin, user = (directory / f"{name}.kubeconfig" for name in ("admin", "controller-manager"))
    for path in (admin, user):
        path.write_text(components.kubeconfig(directory, path.stem, server))
    alone = ("--endpoint-reconciler-type=none", *flags)  # an address on loopback is none for others
    commands = {
        "etcd": components.etcd(data / "etcd", etcd_url, f"http://127.0.0.1:{peer}"),
        "kube-apiserver": components.api_server(directory, etcd_url, "127.0.0.1", api, alone),
        "kube-controller-manager": [
            *components.controller_manager(directory, user),
            f"--secure-port={manager}",
            f"--controllers={controllers}",
        ],
    }
    processes = {name: _run(name, command, directory, stack) for name, command in commands.items()}
    _await(directory, processes, admin, "/readyz")
    _await(directory, processes, admin, "/api/v1/namespaces/default/serviceaccounts/default")
    return admin


def _run(
    name: str, command: list[str], directory: pathlib.Path, stack: contextlib.ExitStack
) -> subprocess.Popen[bytes]:
    """Start a component; what it knows is thrown away with it, so it is ended the short way."""
    with (directory / f"{name}.log").open("ab") as log:
        process = subprocess.Popen(
            command,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            preexec_fn=_end_with_parent,  # noqa: PLW1509 - prctl alone is safe between fork and exec
        )
    stack.callback(process.wait)
    stack.callback(process.kill)
    return process


def _end_with_parent() -> None:
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _await(
    directory: pathlib.Path, processes: dict[str, subprocess.Popen[bytes]], kubeconfig: pathlib.Path, path: str
) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while not apiserver.get(kubeconfig, path):
        ended = [name for name, process in processes.items() if process.poll() is not None]
        if ended:
            raise progress.Failure(f"{ended[0]} of the light cluster ended", f"see {directory}/{ended[0]}.log")
        if time.monotonic() > deadline:
            raise progress.Failure(
                f"the light cluster did not start in {READY_SECONDS:.0f} s", f"see the logs in {directory}"
            )
        time.sleep(0.05)


def _remove_orphans() -> None:
    """Remove the data of clusters whose parent was killed: the parent's id is part of the name."""
    for orphan in MEMORY.glob(f"{PREFIX}*"):
        parent = orphan.name.removeprefix(PREFIX).partition("-")[0]
        if not pathlib.Path("/proc", parent).exists():
            shutil.rmtree(orphan, ignore_errors=True)


def _free_ports(count: int) -> list[int]:
    """Return ports that are free now; all are held until all are known, so that they differ."""
    with contextlib.ExitStack() as stack:
        probes = [stack.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]
