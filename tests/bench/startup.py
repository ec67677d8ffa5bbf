"""How long the cluster takes to start: the embedded one to a Ready node, the light one to its API server; and what images weigh.

Everything is built before anything is timed. Must be alone on the machine: it takes down the cluster that runs.
"""

import functools
import pathlib
import shutil
import tempfile
import time
from collections.abc import Callable

from dev import demo, images, layout
from dev.embedded import cluster, control_plane, image_store
from tests.bench import figures

RUNS = 5
IMPORTS = 3
READY_BELOW, LIGHT_BELOW, IMPORT_BELOW, OPERATOR_BELOW = 25.0, 6.0, 90.0, 150.0


def main() -> list[figures.Figure]:
    """Measure starts, imports and sizes."""
    demo.prepare()
    return [
        figures.Figure(
            "embedded cluster, from cached binaries to its last part", "s", _repeat(RUNS, _embedded), READY_BELOW
        ),
        figures.Figure(
            "light cluster, from cached binaries to its controllers", "s", _repeat(RUNS, _light), LIGHT_BELOW
        ),
        *_imports(),
        *_sizes(),
    ]


def timed(act: Callable[[], object]) -> float:
    """Return how many seconds `act` takes."""
    started = time.monotonic()
    act()
    return time.monotonic() - started


def _repeat(runs: int, once: Callable[[], float]) -> tuple[float, ...]:
    return tuple(once() for _ in range(runs))


def _embedded() -> float:
    """Up is more than a Ready node: the ingress controller and the first service account as well."""
    cluster.down()
    try:
        return timed(cluster.up)
    finally:
        cluster.down()


def _light() -> float:
    with tempfile.TemporaryDirectory() as directory:
        light = control_plane.cluster(pathlib.Path(directory))
        try:
            return timed(light.__enter__)
        finally:
            light.__exit__(None, None, None)


def _imports() -> list[figures.Figure]:
    """Import each image into an empty store, as the first demo does."""
    seconds: dict[str, list[float]] = {name: [] for name in demo.IMAGES}
    for _ in range(IMPORTS):
        cluster.down()
        shutil.rmtree(layout.STORE, ignore_errors=True)
        cluster.up()
        for name in demo.IMAGES:
            load = functools.partial(image_store.load, images.build(name), images.reference(name))
            seconds[name].append(timed(load))
    cluster.down()
    promised = {"vllm-cpu": IMPORT_BELOW}
    return [figures.Figure(f"import of {name}", "s", tuple(runs), promised.get(name)) for name, runs in seconds.items()]


def _sizes() -> list[figures.Figure]:
    promised = {"operator": OPERATOR_BELOW}
    return [
        figure
        for image in images.listing()
        for figure in (
            figures.Figure(
                f"{image.name}, compressed", "MB", (image.sizes.compressed / 1e6,), promised.get(image.name)
            ),
            figures.Figure(f"{image.name}, on disk", "MB", (image.sizes.uncompressed / 1e6,)),
        )
    ]
