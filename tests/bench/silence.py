"""An answer that is silent for 15 minutes: whether it arrives through Contour, by Ingress and by HTTPRoute, streamed or whole.

A scripted engine stands behind the operator's own guard, in the embedded cluster, whose Contour ends no silent stream. Takes 16
minutes, all of them waiting, and takes down the cluster that runs. tests/e2e/test_edges.py holds the time-outs without waiting.
"""

import contextlib
import http.client
import json
import pathlib
import tempfile
import time
from concurrent import futures
from typing import Any, NamedTuple

from dev import contour, demo, images, layout, provider
from tests import kubectl
from tests.bench import engine_image, figures

SECONDS = 900
PROGRAM = pathlib.Path(__file__).parent / "silent_engine.py"
NAMESPACE = "silence"
GATEWAY = {"name": contour.GATEWAY, "namespace": contour.GATEWAY_NAMESPACE, "sectionName": "http"}
EDGES: dict[str, dict[str, Any]] = {
    "ingress": {"ingress": {"className": contour.CLASS}},
    "route": {"gateway": {"parentRefs": [GATEWAY]}},
}
NEEDED = ("pause", "operator", "guard")
PATIENCE = 60


class Answer(NamedTuple):
    """What came of one request: its status and whether it was whole."""

    status: int
    whole: bool
    seconds: float


def main() -> list[figures.Figure]:
    """Ask for two silent answers of each of two models at once, and wait."""
    provider.down()
    provider.up()
    try:
        return _measured()
    finally:
        provider.down()


def _measured() -> list[figures.Figure]:
    serve()
    admin = kubectl.Admin(layout.KUBECONFIG, NAMESPACE)
    asked = [(edge, stream) for edge in EDGES for stream in (True, False)]
    with futures.ThreadPoolExecutor(len(asked)) as callers:
        answers = list(callers.map(lambda one: ask(admin.key(one[0]), *one, SECONDS), asked))
    return [_figure(*one, answer) for one, answer in zip(asked, answers, strict=True)]


def _figure(edge: str, stream: bool, answer: Answer) -> figures.Figure:
    arrived = answer.status == http.client.OK and answer.whole and answer.seconds >= SECONDS
    name = f"{edge}, {'stream' if stream else 'whole'}: {answer.seconds:.0f} s of silence, {answer.status}: lost"
    return figures.Figure(name, "answers", (float(not arrived),), 0.5)


def serve() -> None:
    """Bring the operator and the two models, each at a host of its own, and wait until the edge lets requests through."""
    for name in NEEDED:
        provider.current().load_image(images.build(name), images.reference(name))
    with tempfile.TemporaryDirectory() as directory:
        archive = pathlib.Path(directory, "scripted.tar")
        engine_image.write(PROGRAM, archive)
        provider.current().load_image(archive, engine_image.reference(PROGRAM))
    demo.install()
    demo.kubectl("create", "namespace", NAMESPACE)
    for edge, expose in EDGES.items():
        demo.kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=json.dumps(model(edge, expose)))
    for edge in EDGES:
        demo.await_ready(edge, NAMESPACE)
        _await(edge)


def model(edge: str, expose: dict[str, Any]) -> dict[str, Any]:
    """Return a model with the scripted engine."""
    engine = {"image": engine_image.reference(PROGRAM)}
    made = kubectl.model(edge, engine=engine, expose={"host": host(edge), **expose})
    return {**made, "metadata": {"name": edge, "namespace": NAMESPACE}}


def host(edge: str) -> str:
    """Return the host of a model."""
    return f"{edge}.silence.example"


def ask(key: str, edge: str, stream: bool, seconds: int) -> Answer:
    """Ask for an answer that comes after so many seconds of silence, and read it whole."""
    since = time.monotonic()
    body = json.dumps({"model": "facebook/opt-125m", "prompt": "a", "stream": stream, "seed": seconds})
    headers = {"Host": host(edge), "Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection = http.client.HTTPConnection(provider.current().address(), 80, timeout=seconds + PATIENCE)
    with contextlib.closing(connection):
        try:
            connection.request("POST", "/v1/completions", body, headers)
            reply = connection.getresponse()
            text = reply.read().decode()
        except (OSError, http.client.HTTPException) as error:
            return Answer(0, whole=False, seconds=_since(since, error))
    whole = text.endswith("data: [DONE]\n\n") if stream else " once" in text
    return Answer(reply.status, whole, time.monotonic() - since)


def _since(since: float, error: Exception) -> float:
    print(f"cut off: {type(error).__name__}: {error}")  # noqa: T201 - what cut it is what one wants to know
    return time.monotonic() - since


def _await(edge: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while ask("", edge, stream=False, seconds=0).status != http.client.UNAUTHORIZED:
        assert time.monotonic() < deadline, f"the edge does not serve {host(edge)}"
        time.sleep(0.5)
