"""The cluster by kind, where a container engine runs: the same interface as dev/embedded/cluster.py.

Not yet run: the embedded cluster is what every test runs on. It pulls
kind's node image and Contour's images from their registries, which the embedded cluster never does.
"""

import json
import pathlib
import shutil
import subprocess

from dev import binaries, contour, layout, progress

NAME = "vllm-operator"
CONTROL_PLANE = f"{NAME}-control-plane"


def up(audit: tuple[str, ...] = ()) -> None:
    """Make the cluster with its ingress controller, or find it."""
    if audit:
        raise progress.Failure("an audit log is for the embedded cluster", "set CLUSTER=embedded")
    if healthy():
        progress.say(f"the cluster is up: KUBECONFIG={layout.KUBECONFIG}")
        return
    binaries.directory("kubernetes")
    with progress.step("starting the cluster by kind"):
        layout.RUN.mkdir(parents=True, exist_ok=True)
        _kind("create", "cluster", f"--name={NAME}", f"--kubeconfig={layout.KUBECONFIG}", "--wait=120s")
    with progress.step("installing Contour"):
        _kubectl("apply", "--server-side", "-f", str(contour.module() / "examples/render/contour.yaml"))
        _kubectl("apply", "--server-side", "-f", "-", stdin=json.dumps(contour.INGRESS_CLASS))
        _kubectl("rollout", "status", "--namespace=projectcontour", "--timeout=300s", "daemonset/envoy")
    amount = {"nvidia.com/gpu": str(layout.ACCELERATORS)}
    patch = json.dumps({"status": {"capacity": amount, "allocatable": amount}})
    _kubectl("patch", "node", CONTROL_PLANE, "--subresource=status", "--type=merge", "-p", patch)


def down() -> None:
    """Delete the cluster."""
    if healthy():
        _kind("delete", "cluster", f"--name={NAME}", f"--kubeconfig={layout.KUBECONFIG}")
        progress.say("deleted the cluster")
    shutil.rmtree(layout.RUN, ignore_errors=True)


def healthy() -> bool:
    """Tell whether kind knows the cluster."""
    return NAME in _kind("get", "clusters").split()


def status() -> str:
    """Say in one line how the cluster is."""
    return f"up, by kind, KUBECONFIG={layout.KUBECONFIG}" if healthy() else "down"


def address() -> str:
    """Return where the edge listens: Contour's Envoy has ports 80 and 443 of the node, which is a container of this host."""
    return _kubectl("get", "node", CONTROL_PLANE, "-o", 'jsonpath={.status.addresses[?(@.type=="InternalIP")].address}')


def load_image(archive: pathlib.Path, name: str) -> None:
    """Load an image archive onto the node."""
    with progress.step(f"importing {name}"):
        _kind("load", "image-archive", str(archive), f"--name={NAME}")


def _kind(*arguments: str) -> str:
    docker = subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0
    provider = {} if docker else {"KIND_EXPERIMENTAL_PROVIDER": "podman"}
    return _run([str(binaries.directory("kind") / "kind"), *arguments], provider)


def _kubectl(*arguments: str, stdin: str | None = None) -> str:
    return _run([binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *arguments], {}, stdin)


def _run(command: list[str], settings: dict[str, str], stdin: str | None = None) -> str:
    env = {**binaries.environment(), **settings}
    result = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=False)
    if result.returncode:
        what = f"{pathlib.Path(command[0]).name} {command[1]}"
        raise progress.Failure(
            f"`{what}` failed ({result.stderr.strip()[-200:]})", "mend that, or set CLUSTER=embedded"
        )
    return result.stdout
