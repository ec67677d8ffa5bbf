"""How long real vLLM takes to start on the CPU: the first time, and again with the compiled code that the first one left.

A new cluster, the stand-in hub, and a model with model.cache whose weights a Job has fetched. What is timed is the engine alone,
from the start of its container to the moment at which its pod answers, as the kubelet notes both, in whole seconds: no download
is in it. Each round has a volume of its own, so that nothing is left of the one before. Without a cache a server starts as the
first one does, each time.
"""

import contextlib
import json
import os
import pathlib
import tempfile
from collections.abc import Iterator
from typing import Any, NamedTuple

from dev import demo, hub, layout
from tests import kubectl, waiting
from tests.bench import figures
from vllm_operator import api

RUNS = int(os.environ.get("RUNS", "2"))
NAME, CLASS = "started", "by-hand"
ARGUMENTS = ["--dtype=bfloat16", "--max-num-seqs=4"]
START_SECONDS = 600
SECOND_BELOW = 1.0


class Started(NamedTuple):
    """A server that answers: its pod's uid, and the seconds from its engine's start."""

    uid: str
    seconds: float


def main() -> list[figures.Figure]:
    """Measure round by round."""
    with demo.afresh():
        admin = kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE)
        admin.kubectl("scale", "vllm", "vllm11", "--replicas=0")
        hub.up()
        demo.install({"weights.hub": hub.URL})
        rounds = [_round(admin) for _ in range(RUNS)]
    first, second = zip(*rounds, strict=True)
    return [
        figures.Figure("first start of a model, compiled", "s", first),
        figures.Figure("second start, from the compiled code on the claim", "s", second),
        figures.Figure("second / first", "x", tuple(b / a for a, b in rounds), SECOND_BELOW),
    ]


def _round(admin: kubectl.Admin) -> tuple[float, float]:
    with _volume(admin), admin.having(_model()):
        first = _started(admin)
        admin.kubectl("delete", "pod", "-l", f"serving.byteshop.in/model={NAME}")
        return first.seconds, _started(admin, first.uid).seconds


def _model() -> dict[str, Any]:
    body = kubectl.model(NAME, engine={"args": ARGUMENTS})
    body["spec"]["model"] = {
        "source": "hf://facebook/opt-125m",
        "cache": {"size": "1Gi", "storageClassName": CLASS},
    }
    return body


def _started(admin: kubectl.Admin, before: str = "") -> Started:
    """Wait for a server of another uid that answers."""
    return waiting.until("a server", lambda: _answering(admin, before), admin.world, START_SECONDS)


def _answering(admin: kubectl.Admin, before: str) -> Started | None:
    listed = admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={NAME}", "-o", "json")
    for pod in json.loads(listed)["items"]:
        ready = next((one for one in pod["status"].get("conditions", []) if one["type"] == "Ready"), {})
        if pod["metadata"]["uid"] != before and ready.get("status") == "True":
            [engine] = [one for one in pod["status"]["containerStatuses"] if one["name"] == "vllm"]
            since = api.unix(engine["state"]["running"]["startedAt"])
            return Started(pod["metadata"]["uid"], float(api.unix(ready["lastTransitionTime"]) - since))
    return None


@contextlib.contextmanager
def _volume(admin: kubectl.Admin) -> Iterator[None]:
    """Have a volume that the servers' user may write to, for one claim of the class."""
    with tempfile.TemporaryDirectory(prefix="started-", suffix="-x", ignore_cleanup_errors=True) as directory:
        pathlib.Path(directory).chmod(0o777)
        spec = {"accessModes": ["ReadWriteOnce"], "storageClassName": CLASS, "capacity": {"storage": "1Gi"},
                "hostPath": {"path": directory}}  # fmt: skip
        name = pathlib.Path(directory).name.replace("_", "-").lower()
        volume = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name}, "spec": spec}
        admin.kubectl("apply", "-f", "-", stdin=json.dumps(volume))
        try:
            yield
        finally:
            admin.kubectl("delete", "persistentvolume", name, "--wait=false")
