"""What maintained asynchronous Kubernetes clients cost beside ours, on one real API server: list, watch and parallel creation.

Every client that the chosen Python can import takes part, each act in a process of its own, by turns. The project's own
environment holds the official client; for the others make an environment elsewhere, and name its Python:

    uv venv candidates
    uv pip install --python candidates/bin/python -r requirements/operator.txt
    uv pip install --python candidates/bin/python kubernetes kubernetes-asyncio lightkube kr8s kubesdk 'kubex[aiohttp,k8s-1-37]'
    make bench ONLY=clients CLIENTS_PYTHON=candidates/bin/python OBJECTS=8000

Prints the Markdown table of docs/architecture.md. The objects are suspended CronJobs, which hold a whole pod template and which
no controller touches.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from typing import Any

from dev import apiserver, paths, progress
from dev.embedded import control_plane
from tests.bench import figures
from tests.bench.clients import table

OBJECTS = int(os.environ.get("OBJECTS", "2000"))
RUNS = int(os.environ.get("RUNS", "3"))
PYTHON = os.environ.get("CLIENTS_PYTHON", sys.executable)
ADAPTERS = pathlib.Path(__file__).parent / "adapters"
ACTS = ("list", "watch", "create")
HELD, MADE = "held", "made"  # namespaces: of the objects that are read, and of those that are created
JOBS = "/apis/batch/v1/namespaces/{}/cronjobs"


def main() -> list[figures.Figure]:
    """Measure every client that can be imported; the figures are seconds of the wall and of its CPU."""
    names = clients()
    with tempfile.TemporaryDirectory() as directory, _cluster(pathlib.Path(directory)) as cluster:
        _fill(*cluster)
        rounds = [{name: _acts(name, *cluster) for name in names} for _ in range(RUNS)]
    progress.say(table.markdown(rounds, {name: about(name) for name in names}, OBJECTS))
    return [
        figures.Figure(f"{name}: {act} of {OBJECTS}, {what}", "s", tuple(one[name][act][what] for one in rounds))
        for name in names
        for act in ACTS
        for what in ("wall", "cpu")
    ]


def clients() -> list[str]:
    """Return the adapters whose library can be imported, ours first."""
    found = sorted(path.stem for path in ADAPTERS.glob("[a-z]*.py"))
    usable = [name for name in found if not _python("-c", f"import tests.bench.clients.adapters.{name}").returncode]
    return sorted(usable, key=lambda name: name != "ours")


def about(name: str) -> dict[str, str]:
    """Return an adapter's package, its version and licence, and what it lacks."""
    program = (
        f"import importlib.metadata as m, json, tests.bench.clients.adapters.{name} as a;"
        "said = m.metadata(a.PACKAGE) if a.PACKAGE else {};"
        "licence = said.get('License-Expression') or said.get('License', '');"
        "print(json.dumps({'lacks': a.LACKS, 'version': said.get('Version', ''), 'licence': licence}))"
    )
    found: dict[str, str] = json.loads(_python("-c", program).stdout)
    return found


@contextlib.contextmanager
def _cluster(directory: pathlib.Path) -> Iterator[tuple[pathlib.Path, pathlib.Path]]:
    """Run an API server with two namespaces; yield the admin's kubeconfig and the file with the objects."""
    with control_plane.cluster(directory) as kubeconfig:
        for name in (HELD, MADE):
            body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            apiserver.create(kubeconfig, "/api/v1/namespaces", body)
        bodies = directory / "bodies"
        bodies.write_text("".join(f"{json.dumps(_job(number))}\n" for number in range(OBJECTS)))
        yield kubeconfig, bodies


def _fill(kubeconfig: pathlib.Path, bodies: pathlib.Path) -> None:
    _act("ours", "create", HELD, kubeconfig, bodies)


def _acts(name: str, kubeconfig: pathlib.Path, bodies: pathlib.Path) -> dict[str, dict[str, float]]:
    found = {act: _act(name, act, MADE if act == "create" else HELD, kubeconfig, bodies) for act in ACTS}
    apiserver.request(kubeconfig, "DELETE", JOBS.format(MADE))
    return found


def _act(name: str, act: str, namespace: str, kubeconfig: pathlib.Path, bodies: pathlib.Path) -> dict[str, float]:
    module = "tests.bench.clients.worker"
    done = _python("-m", module, name, act, namespace, str(bodies), KUBECONFIG=str(kubeconfig))
    if done.returncode:
        raise progress.Failure(f"{name} failed to {act}", done.stderr[-2000:])
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    progress.say(f"  {name} {act}: {found['wall']:.2f} s, CPU {found['cpu']:.2f} s")
    return found


def _python(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": f"{paths.ROOT / 'operator'}:{paths.ROOT}", **environment}
    return subprocess.run([PYTHON, *arguments], env=own, cwd=paths.ROOT, capture_output=True, text=True, check=False)


def _job(number: int) -> dict[str, Any]:
    """Return a suspended CronJob of the size of a model's Deployment."""
    template = {"metadata": {"labels": {"app": f"one-{number}"}}, "spec": _pod()}
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": f"one-{number:05}", "labels": {"app": f"one-{number}"}},
        "spec": {"schedule": "0 0 1 1 *", "suspend": True, "jobTemplate": {"spec": {"template": template}}},
    }


def _pod() -> dict[str, Any]:
    container = {
        "name": "engine", "image": "registry.example/engine:1", "args": [f"--option-{one}=value" for one in range(12)],
        "env": [{"name": f"SETTING_{one}", "value": "x" * 24} for one in range(16)],
        "ports": [{"name": "http", "containerPort": 8000}],
        "resources": {"requests": {"cpu": "2", "memory": "8Gi"}, "limits": {"memory": "8Gi"}},
        "readinessProbe": {"httpGet": {"path": "/health", "port": 8000}, "periodSeconds": 5},
        "securityContext": {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": f"volume-{one}", "mountPath": f"/volumes/{one}"} for one in range(4)],
    }  # fmt: skip
    return {
        "restartPolicy": "OnFailure",
        "containers": [container, {**container, "name": "guard"}],
        "volumes": [{"name": f"volume-{one}", "emptyDir": {}} for one in range(4)],
    }
