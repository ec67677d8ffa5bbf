"""A hub of models inside the demo's cluster: a stand-in that speaks the hub's API and holds the tiny model of the engine's image.

`make demo MODEL=hub` serves a second model from it. Knows how it is deployed; tests/fake_hub.py is the program.
"""

import base64
import json
import time
from collections.abc import Mapping
from typing import Any

from dev import demo, images, paths, progress

NAME = "hub"
PORT, FILES_PORT = 8080, 8081
HOST = f"{NAME}.{NAME}.svc"
URL = f"http://{HOST}:{PORT}"
PROGRAM = paths.ROOT / "tests" / "fake_hub.py"
LABELS = {"app": NAME}
ROOT = "/repositories"
Repositories = Mapping[str, Mapping[str, bytes]]
"""The files of small repositories, by org/name and by the file's name."""
SLOWLY = 40_000
MODEL = paths.ROOT / "examples" / "hub11.yaml"


def show() -> None:
    """Serve a model of the hub, which sends it slowly, and print what its status says until it is Ready."""
    with progress.step(f"starting a stand-in for the hub at {URL}"):
        up(SLOWLY)
    demo.install({"weights.hub": URL})
    progress.say(f"\n$ kubectl apply -n {demo.NAMESPACE} -f {MODEL.relative_to(paths.ROOT)}\n{MODEL.read_text()}")
    demo.kubectl("apply", "-n", demo.NAMESPACE, "-f", str(MODEL))
    deadline, before = time.monotonic() + demo.READY_SECONDS, ""
    while not before.startswith("Serving"):
        if time.monotonic() > deadline:
            raise progress.Failure(f"hub11 is not Ready: {before}", f"kubectl -n {demo.NAMESPACE} describe vllm hub11")
        time.sleep(1)
        words = demo.status("hub11")
        if words != before:
            progress.say(words)
        before = words


def up(pace: int = 0, repositories: Repositories | None = None) -> None:
    """Have it in the cluster, ready, with these repositories beside that of the tiny model.

    `pace`: bytes a second of a large file, 0 for as fast as it goes.
    """
    items = _objects(pace, repositories or {})
    demo.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    demo.kubectl("wait", "-n", NAME, "--for=condition=Ready", "pod", NAME, "--timeout=120s")


def _objects(pace: int, repositories: Repositories) -> list[dict[str, Any]]:
    metadata = {"name": NAME, "namespace": NAME, "labels": LABELS}
    ports = [{"name": f"port-{port}", "port": port} for port in (PORT, FILES_PORT)]
    files = {key: base64.b64encode(content).decode() for key, (_, content) in _files(repositories).items()}
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"hub.py": PROGRAM.read_text()},
         "binaryData": files},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": LABELS, "ports": ports}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _pod(pace, repositories)},
    ]  # fmt: skip


def _files(repositories: Repositories) -> dict[str, tuple[str, bytes]]:
    """Return the path and the content of each file, by its key in the ConfigMap."""
    return {
        f"{repository}/{name}".replace("/", "."): (f"{ROOT}/{repository}/{name}", content)
        for repository, files in repositories.items()
        for name, content in files.items()
    }


def _pod(pace: int, repositories: Repositories) -> dict[str, Any]:
    words = [
        "python3",
        "/program/hub.py",
        ROOT,
        "--port",
        str(PORT),
        "--cdn-port",
        str(FILES_PORT),
        "--host",
        HOST,
        "--pace",
        str(pace),
    ]
    mounts = [
        {"name": "program", "mountPath": "/program"},
        {"name": "models", "mountPath": f"{ROOT}/facebook", "subPath": "models/facebook"},
        *({"name": "program", "mountPath": path, "subPath": key} for key, (path, _) in _files(repositories).items()),
    ]
    container = {
        "name": NAME, "image": images.reference("operator"), "imagePullPolicy": "Never", "command": words,
        "readinessProbe": {"tcpSocket": {"port": FILES_PORT}, "periodSeconds": 1},
        "volumeMounts": mounts,
    }  # fmt: skip
    return {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "volumes": [
            {"name": "program", "configMap": {"name": NAME}},
            {"name": "models", "image": {"reference": images.reference("vllm-cpu"), "pullPolicy": "Never"}},
        ],
    }
