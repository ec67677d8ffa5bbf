"""A light cluster for integration tests: etcd, API server and controller manager on loopback, gone with the block that asked.

Ports are free ones, data lies in memory, and every process ends with its parent, however that ends.
"""

import contextlib
import ctypes
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator

from dev import binaries, components, steps

READY_SECONDS = 60.0
PR_SET_PDEATHSIG = 1


@contextlib.contextmanager
def cluster(directory: pathlib.Path, flags: tuple[str, ...] = ()) -> Iterator[pathlib.Path]:
    """Run a light cluster; yield the path of its admin kubeconfig. Keys and logs lie in `directory`, data in memory."""
    for group in binaries.LIGHT:
        binaries.directory(group)
    memory = pathlib.Path("/dev/shm")  # noqa: S108 - the file system in memory
    data = pathlib.Path(tempfile.mkdtemp(prefix="vllm-operator-light-", dir=memory))
    processes: list[subprocess.Popen[bytes]] = []
    try:
        yield _start(directory, data, processes, flags)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            _ended(process)
        shutil.rmtree(data)


def _start(
    directory: pathlib.Path, data: pathlib.Path, processes: list[subprocess.Popen[bytes]], flags: tuple[str, ...]
) -> pathlib.Path:
    client, peer, api = (_free_port() for _ in range(3))
    etcd_url, server = f"http://127.0.0.1:{client}", f"https://127.0.0.1:{api}"
    components.keys(directory, "127.0.0.1")
    for name in ("admin", "controller-manager"):
        (directory / f"{name}.kubeconfig").write_text(components.kubeconfig(directory, name, server))
    admin = directory / "admin.kubeconfig"
    processes.append(_run("etcd", components.etcd(data / "etcd", etcd_url, f"http://127.0.0.1:{peer}"), directory))
    processes.append(
        _run(
            "kube-apiserver",
            components.api_server(directory, etcd_url, "127.0.0.1", api, ("--endpoint-reconciler-type=none", *flags)),
            directory,
        )
    )
    _await(directory, processes, admin, "get", "--raw=/readyz")
    manager = components.controller_manager(directory, directory / "controller-manager.kubeconfig")
    processes.append(_run("kube-controller-manager", [*manager, f"--secure-port={_free_port()}"], directory))
    _await(directory, processes, admin, "get", "serviceaccount", "default")
    return admin


def _run(name: str, command: list[str], directory: pathlib.Path) -> subprocess.Popen[bytes]:
    with (directory / f"{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, preexec_fn=_end_with_parent)  # noqa: PLW1509 - no threads yet


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _await(
    directory: pathlib.Path, processes: list[subprocess.Popen[bytes]], kubeconfig: pathlib.Path, *query: str
) -> None:
    command = [binaries.find("kubectl"), f"--kubeconfig={kubeconfig}", *query]
    deadline = time.monotonic() + READY_SECONDS
    while subprocess.run(command, capture_output=True, check=False).returncode:
        if time.monotonic() > deadline or any(process.poll() is not None for process in processes):
            raise steps.Failure("the light cluster did not start", f"see the logs in {directory}")
        time.sleep(0.05)


def _ended(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
