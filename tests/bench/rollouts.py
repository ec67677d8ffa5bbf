"""What callers notice of a rollout: real vLLM behind the Ingress, under requests and streams that never pause, TIMES rollouts.

Arguments, weights (from the engine's image, then from a hub), adapters, the engine's image and the guard change by turns. Every
request and every stream is counted: none may fail, and none may be cut, since each is shorter than spec.engine.drainTimeout.
"""

import io
import itertools
import json
import pathlib
import tarfile
import tempfile
import time
from collections.abc import Iterator
from typing import Any

from dev import demo, hub, images, layout, paths, progress, provider
from tests import kubectl, lora, waiting
from tests.bench import figures
from tests.e2e import wire

NAME = "vllm11"
TIMES = 20
STREAMS = 2
SECONDS = 300.0
OTHER = "vllm-operator.local/vllm-cpu:again"
"""Another name of the engine's image, which is another image to everybody."""


def main() -> list[figures.Figure]:
    """Roll out again and again."""
    with demo.afresh():
        admin = kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE)
        hub.up(repositories={"acme/tone": lora.files()})
        demo.install({"weights.hub": hub.URL})
        with tempfile.TemporaryDirectory(dir=paths.CACHE) as directory:
            provider.current().load_image(_renamed(pathlib.Path(directory) / "again.tar"), OTHER)
        waiting.until("a verified model", lambda: _is_served(admin), admin.world, SECONDS)
        key = admin.key(NAME, "default")
        with wire.Load(key) as load, wire.Streams(key) as one, wire.Streams(key) as other:
            took = [_rolled(admin, change) for change in itertools.islice(_changes(), TIMES)]
        whole, broken = one.whole + other.whole, one.broken + other.broken
    return [
        figures.Figure("a rollout: from the change until Ready and Verified", "s", tuple(took)),
        figures.Figure(f"{TIMES} rollouts: failed requests of {load.requests}", "", (load.failed,), 0.5),
        figures.Figure(f"{TIMES} rollouts: dropped connections", "", (load.dropped,), 0.5),
        figures.Figure(f"{TIMES} rollouts: broken streams of {whole + broken}", "", (broken,), 0.5),
    ]


def _renamed(archive: pathlib.Path) -> pathlib.Path:
    """Write the archive of the engine's image with its other name; return where."""
    with tarfile.open(images.build("vllm-cpu")) as base, tarfile.open(archive, "w") as made:
        for member in base:
            content = base.extractfile(member)
            if member.name == "manifest.json" and content:
                (manifest,) = json.load(content)
                text = json.dumps([{**manifest, "RepoTags": [OTHER]}]).encode()
                member.size, content = len(text), io.BytesIO(text)
            made.addfile(member, content)
    return archive


def _changes() -> Iterator[dict[str, Any]]:
    """Yield one changed field of the spec after the other, for ever."""
    for number in itertools.count(1):
        is_odd = bool(number % 2)
        yield {"engine": {"args": ["--enforce-eager", "--dtype=bfloat16", f"--max-num-seqs={4 + number}"]}}
        yield {"model": {"source": f"{'hf://' if is_odd else 'file:///models/'}facebook/opt-125m"}}
        yield {"model": {"adapters": [{"name": "tone", "source": "hf://acme/tone"}] if is_odd else None}}
        yield {"engine": {"image": OTHER if is_odd else images.reference("vllm-cpu")}}
        yield {"guard": {"resources": {"requests": {"memory": f"{64 + number}Mi"}}}}


def _rolled(admin: kubectl.Admin, change: dict[str, Any]) -> float:
    """Change the spec; return how long it took until servers of it were verified, in seconds."""
    since, what = time.monotonic(), f"rollout of {json.dumps(change)}"
    with progress.step(what):
        admin.patch("vllm", NAME, {"spec": change})
        waiting.until(what, lambda: _is_served(admin), admin.world, SECONDS)
    return time.monotonic() - since


def _is_served(admin: kubectl.Admin) -> bool:
    """Tell whether Ready and Verified are True of the newest generation, and servers of an earlier one are gone."""
    generation = admin.get("vllm", NAME)["metadata"]["generation"]
    found = [admin.condition(NAME, kind) for kind in ("Ready", "Verified")]
    pods = json.loads(admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={NAME}", "-o", "json"))["items"]
    return len(pods) == 1 and all(
        one.get("status") == "True" and one["observedGeneration"] == generation for one in found
    )
