"""The cluster by kind, where docker or podman runs: the same interface as dev/embedded/cluster.py.

The edge listens on ports 80 and 443 of 127.0.0.1. Where no registry answers, the node is an image of this machine's own making
(dev/node_image.py); else it is kind's. Needs root only where the engine does.
"""

import json
import pathlib
import shutil
import subprocess

from dev import binaries, contour, image_builders, layout, node_image, progress

NAME = "vllm-operator"
CONTROL_PLANE = f"{NAME}-control-plane"
ADDRESS = "127.0.0.1"
PORTS = (80, 443)
ENGINES = {"docker": {}, "podman": {"KIND_EXPERIMENTAL_PROVIDER": "podman"}}
"""Each engine's command, and what tells kind of it."""
LABEL = f"io.x-k8s.kind.cluster={NAME}"
"""What kind writes onto the containers of a cluster."""
ENGINE = layout.RUN / "engine"
IMPORTED = layout.RUN / "imported.json"
"""Image name -> the archive that it was loaded from."""
CAUSES = {  # what an engine's words mean -> cause, remedy
    "port is already allocated": ("port 80 or 443 of 127.0.0.1 is taken", "stop what listens there, then run it again"),
    "address already in use": ("port 80 or 443 of 127.0.0.1 is taken", "stop what listens there, then run it again"),
    "ip_unprivileged_port_start": (
        "this engine runs without root and may not listen on port 80",
        "sudo sysctl net.ipv4.ip_unprivileged_port_start=80, or run it with root's engine",
    ),
    "already exist for a cluster": (f"a cluster {NAME} is there already", "make demo-down, then run it again"),
    "no space left": ("the disk is full", "free some space where the container engine keeps its images"),
}


def prepare() -> None:
    """Build the programs that this way needs, once an engine answers: kubectl, helm and kind; of Contour only its manifest."""
    _engine()
    for group in ("kind", "helm"):
        binaries.directory(group)
    if not binaries.has("kubectl"):
        binaries.directory("kubectl")
    contour.manifest()


def up(audit: tuple[str, ...] = ()) -> None:
    """Make the cluster with its ingress controller, or find it; each step finds what an earlier run left."""
    if audit:
        raise progress.Failure("an audit log is for the embedded cluster", "set CLUSTER=embedded")
    prepare()
    if healthy():
        progress.say(f"the cluster is up: KUBECONFIG={layout.KUBECONFIG}")
    elif is_there() and not _recorded():
        raise progress.Failure(
            f"another user or cache directory has a cluster {NAME}", "make demo-down, then run it again"
        )
    else:
        down()
        _create()
    with progress.step("installing Contour"):
        _kubectl(
            "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=json.dumps(_list(contour.in_pods(ADDRESS)))
        )
        _kubectl("rollout", "status", "--namespace=projectcontour", "--timeout=300s", "daemonset/envoy")
    amount = {"nvidia.com/gpu": str(layout.ACCELERATORS)}
    patch = json.dumps({"status": {"capacity": amount, "allocatable": amount}})
    _kubectl("patch", "node", CONTROL_PLANE, "--subresource=status", "--type=merge", "-p", patch)


def down() -> None:
    """Delete the cluster from every engine that has it, whoever made it, and what is known of it."""
    if _recorded():
        _engine()
    for engine in filter(answers, ENGINES):
        _delete(engine)
    shutil.rmtree(layout.RUN, ignore_errors=True)


def is_there() -> bool:
    """Tell whether an engine has the cluster, whoever made it; also where the one that had it does not answer."""
    if _recorded() and not answers(_recorded()):
        return True
    return any(_nodes(engine) for engine in filter(answers, ENGINES))


def answers(engine: str) -> bool:
    """Tell whether a container engine answers whoever runs this: the command alone may be there without one."""
    return bool(shutil.which(engine)) and not _asked(engine).returncode


def healthy() -> bool:
    """Tell whether the cluster is this cache directory's and its API server answers."""
    return _listed() and _serves()


def status() -> str:
    """Say in one line how the cluster is."""
    if healthy():
        return f"up, by kind, KUBECONFIG={layout.KUBECONFIG}"
    return "stale: `up` replaces it, `down` cleans up" if _listed() else "down"


def address() -> str:
    """Return where the edge listens, on ports 80 and 443."""
    return ADDRESS


def logs() -> str:
    """Say where the logs are."""
    return f"{binaries.directory('kind')}/kind export logs --name={NAME}"


def load_image(archive: pathlib.Path, name: str) -> None:
    """Load an image archive onto the node, once."""
    imported: dict[str, str] = json.loads(IMPORTED.read_text()) if IMPORTED.exists() else {}
    if imported.get(name) == str(archive):
        return
    with progress.step(f"importing {name}"):
        _kind("load", "image-archive", str(archive), f"--name={NAME}")
    progress.write_whole(IMPORTED, json.dumps({**imported, name: str(archive)}))


def _create() -> None:
    layout.RUN.mkdir(parents=True, exist_ok=True)
    ENGINE.write_text(_engine())
    image = () if image_builders.registry_answers() else (f"--image={_own_image()}",)
    with progress.step(f"starting the cluster by kind, with {_engine()}"):
        _kind(
            "create", "cluster", f"--name={NAME}", f"--kubeconfig={layout.KUBECONFIG}", "--wait=180s", "--config=-", *image,
            stdin=json.dumps(_configuration()),
        )  # fmt: skip


def _own_image() -> str:
    archive, name = node_image.build()
    if not image_builders.Engine(_engine()).has(name):
        with progress.step(f"loading {name} into {_engine()}"):
            _run([_engine(), "load", "--input", str(archive)], {})
    return name


def _configuration() -> dict[str, object]:
    mappings = [{"containerPort": port, "hostPort": port, "listenAddress": ADDRESS} for port in PORTS]
    return {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane", "extraPortMappings": mappings}],
    }


def _delete(engine: str) -> None:
    """Delete the containers and volumes by the engine itself, as kind does: kind may have gone with the cache directory."""
    nodes = _nodes(engine)
    if not nodes:
        return
    with progress.step(f"deleting the cluster by kind, from {engine}"):
        listed = [_run([engine, "volume", "ls", "--quiet", f"--filter=label={node}"], {}) for node in nodes]
        _run([engine, "rm", "--force", "--volumes", *nodes], {})
        if volumes := "".join(listed).split():
            _run([engine, "volume", "rm", "--force", *volumes], {})


def _nodes(engine: str) -> list[str]:
    return _run([engine, "ps", "--all", f"--filter=label={LABEL}", "--format={{.Names}}"], {}).split()


def _listed() -> bool:
    return bool(_recorded()) and bool(_nodes(_engine()))


def _recorded() -> str:
    return ENGINE.read_text() if ENGINE.exists() else ""


def _asked(engine: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([engine, "info"], capture_output=True, text=True, check=False)


def _serves() -> bool:
    command = [
        binaries.find("kubectl"),
        f"--kubeconfig={layout.KUBECONFIG}",
        "get",
        "--raw=/readyz",
        "--request-timeout=5s",
    ]
    return not subprocess.run(command, env=binaries.environment(), capture_output=True, check=False).returncode


def _engine() -> str:
    """Return the engine that carries the cluster; where there is none yet, one that answers."""
    candidates = [_recorded()] if _recorded() else list(ENGINES)
    for name in candidates:
        if answers(name):
            return name
    for name in filter(shutil.which, candidates):
        if "permission denied" in _asked(name).stderr.lower():
            raise progress.Failure(
                f"{name} does not let this user in",
                f"run it with sudo, or join its group: sudo usermod -aG {name} $USER",
            )
    wanted = " or ".join(candidates)
    raise progress.Failure(
        f"{wanted} does not answer", f"start {wanted}, or set CLUSTER=embedded for a cluster without one"
    )


def _kind(*arguments: str, stdin: str | None = None) -> str:
    return _run([str(binaries.directory("kind") / "kind"), *arguments], ENGINES[_engine()], stdin)


def _kubectl(*arguments: str, stdin: str | None = None) -> str:
    return _run([binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *arguments], {}, stdin)


def _list(items: list[dict[str, object]]) -> dict[str, object]:
    return {"apiVersion": "v1", "kind": "List", "items": items}


def _run(command: list[str], settings: dict[str, str], stdin: str | None = None) -> str:
    env = {**binaries.environment(), **settings}
    result = subprocess.run(command, input=stdin, env=env, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return result.stdout
    for sign, (cause, remedy) in CAUSES.items():
        if sign in result.stderr:
            raise progress.Failure(cause, remedy)
    what = f"{pathlib.Path(command[0]).name} {command[1]}"
    raise progress.Failure(f"`{what}` failed ({result.stderr.strip()[-400:]})", "mend that, or set CLUSTER=embedded")
