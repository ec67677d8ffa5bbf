"""The cluster by kind, where a container engine runs: the same interface as dev/embedded.py.

Not run where the project was made, for want of a container engine: the embedded cluster is what every test runs on.
"""

import pathlib
import subprocess

from dev import binaries, layout, steps

NAME = "vllm-operator"


def up(audit: tuple[str, ...] = ()) -> None:
    """Make the cluster, or find it."""
    if audit:
        raise steps.Failure("an audit log is for the embedded cluster", "set CLUSTER=embedded")
    if not healthy():
        with steps.step("starting the cluster by kind"):
            layout.RUN.mkdir(parents=True, exist_ok=True)
            _kind("create", "cluster", f"--name={NAME}", f"--kubeconfig={layout.KUBECONFIG}", "--wait=120s")


def down() -> None:
    """Delete the cluster."""
    if healthy():
        _kind("delete", "cluster", f"--name={NAME}", f"--kubeconfig={layout.KUBECONFIG}")
        steps.say("deleted the cluster")


def healthy() -> bool:
    """Tell whether kind knows the cluster."""
    return NAME in _kind("get", "clusters").split()


def status() -> str:
    """Say in one line how the cluster is."""
    return f"up, by kind, KUBECONFIG={layout.KUBECONFIG}" if healthy() else "down"


def load_image(archive: pathlib.Path, name: str) -> None:
    """Load an image archive onto the node."""
    with steps.step(f"importing {name}"):
        _kind("load", "image-archive", str(archive), f"--name={NAME}")


def _kind(*arguments: str) -> str:
    command = [str(binaries.directory("kind") / "kind"), *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        raise steps.Failure(
            f"`kind {' '.join(arguments[:2])}` failed ({result.stderr.strip()[-200:]})",
            "see its message, or set CLUSTER=embedded",
        )
    return result.stdout
