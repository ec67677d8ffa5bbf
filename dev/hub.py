"""A hub of models inside the demo's cluster: a stand-in that speaks the hub's API and holds the tiny model of the engine's image.

Knows how it is deployed; tests/fake_hub.py is the program.
"""

import json
from typing import Any

from dev import demo, images, paths

NAME = "hub"
PORT, FILES_PORT = 8080, 8081
HOST = f"{NAME}.{NAME}.svc"
URL = f"http://{HOST}:{PORT}"
PROGRAM = paths.ROOT / "tests" / "fake_hub.py"
LABELS = {"app": NAME}


def up() -> None:
    """Have it in the cluster, ready."""
    demo.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": _objects()}))
    demo.kubectl("wait", "-n", NAME, "--for=condition=Ready", "pod", NAME, "--timeout=120s")


def _objects() -> list[dict[str, Any]]:
    metadata = {"name": NAME, "namespace": NAME, "labels": LABELS}
    ports = [{"name": f"port-{port}", "port": port} for port in (PORT, FILES_PORT)]
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAME}},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"hub.py": PROGRAM.read_text()}},
        {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": LABELS, "ports": ports}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": _pod()},
    ]


def _pod() -> dict[str, Any]:
    words = [
        "python3",
        "/program/hub.py",
        "/image/models",
        "--port",
        str(PORT),
        "--cdn-port",
        str(FILES_PORT),
        "--host",
        HOST,
    ]
    container = {
        "name": NAME, "image": images.reference("operator"), "imagePullPolicy": "Never", "command": words,
        "readinessProbe": {"tcpSocket": {"port": FILES_PORT}, "periodSeconds": 1},
        "volumeMounts": [{"name": "program", "mountPath": "/program"}, {"name": "models", "mountPath": "/image"}],
    }  # fmt: skip
    return {
        "containers": [container],
        "terminationGracePeriodSeconds": 0,
        "volumes": [
            {"name": "program", "configMap": {"name": NAME}},
            {"name": "models", "image": {"reference": images.reference("vllm-cpu"), "pullPolicy": "Never"}},
        ],
    }
