"""Where a key could have leaked to, searched as bytes: etcd, logs, events, metrics, descriptions, process lists.

Knows the forms that a key may hide in; must not print what it finds, only where.
"""

import base64
import json
import pathlib
import subprocess
import threading
import urllib.parse
import urllib.request
from collections.abc import Iterator
from typing import Self

from dev import demo, layout
from dev.embedded import cleanup
from tests import kubectl

KINDS = (
    "vllm,deployment,replicaset,pod,service,secret,ingress,networkpolicy,poddisruptionbudget,controllerrevision,event,lease,"
    "configmap"
)
ALL_KEYS = {"key": "AA==", "range_end": "AA=="}  # etcd's way to say: from the first to the last


def forms(key: str) -> tuple[bytes, ...]:
    """Return the bytes that give `key` away: plain, URL-encoded, hexadecimal, base64 at each of its three alignments."""
    plain = key.encode()
    percent = "".join(f"%{byte:02X}" for byte in plain)
    dashes = urllib.parse.quote(key, safe="").replace("-", "%2D")
    return (plain, percent.encode(), dashes.encode(), plain.hex().encode(), *(_inside(plain, at) for at in range(3)))


def _inside(plain: bytes, offset: int) -> bytes:
    """Return what base64 of any text holds where `plain` stands at `offset` of three bytes; its ragged ends are cut off."""
    encoded = base64.b64encode(b"\0" * offset + plain)
    return encoded[4 * bool(offset) : len(encoded) // 4 * 4 - 4]


def hits(places: Iterator[tuple[str, bytes]], keys: dict[str, str]) -> list[str]:
    """Return where which key was found; `keys`: what a key is called -> the key."""
    wanted = {name: forms(key) for name, key in keys.items()}
    return [
        f"{name} in {place}"
        for place, content in places
        for name, found in wanted.items()
        if any(form in content for form in found)
    ]


def places(admin: kubectl.Admin, model: str, kept: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield every place of the cluster with its content; `kept`: the Secrets that are meant to hold keys."""
    yield from etcd(kept)
    yield from _logs(admin)
    yield "kubectl describe", admin.kubectl("describe", KINDS, check=False).encode()
    yield "events", admin.kubectl("get", "events.events.k8s.io", "-A", "-o", "json").encode()
    yield "the model", json.dumps(admin.get("vllm", model)).encode()
    yield from _metrics(admin, model)


def etcd(kept: set[str]) -> Iterator[tuple[str, bytes]]:
    """Yield every entry of etcd but the Secrets `kept`, as `namespace/name`."""
    command = ["nsenter", f"--target={_inner()}", "--net", "curl", "-sS", "http://127.0.0.1:2379/v3/kv/range", "-d"]
    answer = subprocess.run([*command, json.dumps(ALL_KEYS)], capture_output=True, check=True).stdout
    for entry in json.loads(answer)["kvs"]:
        name = base64.b64decode(entry["key"]).decode()
        if name.removeprefix("/registry/secrets/") not in kept:
            yield f"etcd {name}", base64.b64decode(entry.get("value", ""))


def _logs(admin: kubectl.Admin) -> Iterator[tuple[str, bytes]]:
    for path in layout.LOGS.glob("*.log"):
        yield f"the log {path.name}", path.read_bytes()
    for namespace in (admin.namespace, demo.OPERATOR_NAMESPACE):
        inside = kubectl.Admin(admin.kubeconfig, namespace)
        for pod in inside.kubectl("get", "pods", "-o", "name").split():
            said = inside.kubectl("logs", pod, "--all-containers", "--ignore-errors", check=False)
            yield f"the logs of {pod}", said.encode()


def _metrics(admin: kubectl.Admin, model: str) -> Iterator[tuple[str, bytes]]:
    operator = kubectl.Admin(admin.kubeconfig, demo.OPERATOR_NAMESPACE)
    with operator.forwarded("deployment/vllm-operator", 8080) as address:
        yield "the operator's metrics", _read(f"{address}/metrics")
    address = admin.pod_address(model)
    for path in ("metrics", "stats/prometheus"):
        yield f"the model's /{path}", _read(f"http://{address}:8002/{path}")


def _read(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as answer:
        content: bytes = answer.read()
    return content


def _inner() -> str:
    """Return the id of the cluster's first process, as the machine sees it."""
    outer = cleanup.process()
    return pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split()[0]


class Processes:
    """Reads the command lines of the cluster's processes for as long as it is entered; what the tests start does not count."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._end = threading.Event()
        self._reading = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Self:
        self._reading.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._reading.join()

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Yield each command line that was seen."""
        return ((f"the command line of {line.split(bytes(1))[0].decode()}", line) for line in self.seen)

    def _read(self) -> None:
        ours = pathlib.Path("/proc/self/ns/pid").readlink()
        while not self._end.wait(0.2):
            for process in pathlib.Path("/proc").glob("[0-9]*"):
                try:
                    if (process / "ns/pid").readlink() != ours:
                        self.seen.add((process / "cmdline").read_bytes())
                except OSError:
                    continue  # it has ended meanwhile
