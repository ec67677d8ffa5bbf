"""The demo: cluster, operator, one model, and the documented calls over HTTPS through the Ingress, printed with their answers.

Knows the order of the steps and what is printed; each step's work is another file's.
"""

import base64
import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping

from dev import binaries, demo_calls, images, layout, paths, pki, progress, provider

HOST = layout.HOST
NAMESPACE = demo_calls.NAMESPACE
OPERATOR_NAMESPACE = "vllm-operator"
MODEL = paths.ROOT / "examples" / "vllm11.yaml"
CHART = paths.ROOT / "charts" / "vllm-operator"
AUTHORITY = layout.AUTHORITY
IMAGES = ("operator", "guard", "vllm-cpu")
READY_SECONDS, EDGE_SECONDS = 600.0, 60.0
TOOLS = pathlib.Path(sys.executable).parent


def prepare() -> None:
    """Build all that takes long: binaries and images."""
    provider.current().prepare()
    for name in IMAGES:
        images.build(name)
    for tool in ("kubectl", "helm"):
        link = TOOLS / tool
        link.unlink(missing_ok=True)
        link.symlink_to(binaries.find(tool))


def up() -> None:
    """Run the whole demo; each step finds what an earlier run left."""
    started = time.monotonic()
    prepare()
    provider.up()
    _fill()
    _show()
    progress.say(f"\nThe demo took {time.monotonic() - started:.0f} s. `make demo-down` removes all of it.")


@contextlib.contextmanager
def afresh(audit: tuple[str, ...] = ()) -> Iterator[None]:
    """Have a new cluster with the operator and its model until the block ends; `audit`: more flags of the API server."""
    prepare()
    provider.down()
    provider.up(audit)
    try:
        _fill()
        yield
    finally:
        provider.down()


def install(values: Mapping[str, str] | None = None) -> None:
    """Install or upgrade the operator by its chart, with the local images."""
    repository, _, tag = images.reference("operator").rpartition(":")
    settings = {
        "image.repository": repository,
        "image.tag": tag,
        "image.pullPolicy": "Never",
        "engine.images.cpu": images.reference("vllm-cpu"),
        "guard.image": images.reference("guard"),
        "expose.ingressClass": "contour",
        "pods.scratch.reserved": "64Mi",  # the node's disk is memory (embedded/node.py), and holds four of the default
        **(values or {}),
    }
    chosen = [part for name, value in settings.items() for part in ("--set", f"{name}={value}")]
    with progress.step("helm upgrade --install vllm-operator charts/vllm-operator"):
        _run(
            binaries.find("helm"), "upgrade", "--install", "vllm-operator", str(CHART), f"--kubeconfig={layout.KUBECONFIG}",
            "--namespace", OPERATOR_NAMESPACE, "--create-namespace", "--wait", "--timeout=300s", *chosen,
        )  # fmt: skip


def serve() -> None:
    """Apply the model with a certificate of the demo's own authority, and wait until it is Ready."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": {
        "pod-security.kubernetes.io/enforce": "restricted"}}}  # fmt: skip
    kubectl("apply", "-f", "-", stdin=json.dumps(namespace))
    kubectl("apply", "-f", "-", stdin=json.dumps(_certificate()))
    progress.say(f"\n$ kubectl apply -n {NAMESPACE} -f {MODEL.relative_to(paths.ROOT)}\n{MODEL.read_text()}")
    kubectl("apply", "-n", NAMESPACE, "-f", str(MODEL))
    with progress.step("waiting until vllm11 is Ready", status):
        await_ready("vllm11")
    await_edge()


def await_edge(seconds: float = EDGE_SECONDS) -> None:
    """Wait until the ingress controller, which hears of a Ready pod a moment later, lets requests through to it."""
    deadline = time.monotonic() + seconds
    ask = ["curl", "--silent", "--show-error", "--fail", f"https://{HOST}/health"]
    while (asked := demo_calls.run(ask, capture=True)).returncode:
        if time.monotonic() > deadline:
            raise progress.Failure(
                f"https://{HOST}/ does not answer ({asked.stderr.strip()})", provider.current().logs()
            )


def await_ready(name: str, namespace: str = NAMESPACE, seconds: float = READY_SECONDS) -> None:
    """Wait until the model is Ready at its newest generation."""
    result = subprocess.run(
        [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", "-n", namespace, "wait", f"vllm/{name}",
         "--for=condition=Ready", f"--timeout={seconds:.0f}s"],
        capture_output=True, text=True, check=False, env=binaries.environment(),
    )  # fmt: skip
    if result.returncode:
        said = status(name, namespace)
        raise progress.Failure(f"{name} is not Ready: {said}", f"kubectl -n {namespace} describe vllm {name}")


def key(name: str = "vllm11", client: str = "default", namespace: str = NAMESPACE) -> str:
    """Return a client's key from its Secret."""
    return base64.b64decode(kubectl(*demo_calls.key_in_base64(f"{name}.key.{client}", namespace))).decode()


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl against the cluster and return what it prints."""
    return _run(binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *arguments, stdin=stdin)


def shell() -> None:
    """Open a shell in which kubectl, the documented commands and $KEY work as they are."""
    if not provider.current().healthy():
        raise progress.Failure("no demo runs", "make demo")
    progress.say(f"kubectl, $KEY and https://{HOST}/ work here; `exit` leaves.")
    settings = {"KUBECONFIG": str(layout.KUBECONFIG), "PATH": f"{TOOLS}:{os.environ['PATH']}", "KEY": key()}
    demo_calls.run([os.environ.get("SHELL", "sh")], settings)


def _fill() -> None:
    """Bring images, operator and model into the cluster."""
    for name in IMAGES:
        provider.current().load_image(images.build(name), images.reference(name))
    install()
    serve()


def _show() -> None:
    """Call the API as its documentation says, and say what else there is to try."""
    demo_calls.show(key())
    progress.say(
        f"\n$ kubectl get vllm -n {NAMESPACE} -o wide\n{kubectl('get', 'vllm', '-n', NAMESPACE, '-o', 'wide')}"
    )
    progress.say(f"""The weights are a tiny OPT with random numbers: the answers are real vLLM's, their words mean nothing.

The key lies in the Secret {NAMESPACE}/vllm11.key.default, ready for `envFrom`. Try next, in `make shell`:
  curl https://{HOST}/v1/models -H "Authorization: Bearer $KEY"
  kubectl -n {NAMESPACE} get secret vllm11.key.default -o jsonpath={{.data.OPENAI_API_KEY}} | base64 -d
  kubectl -n {NAMESPACE} describe vllm vllm11
  kubectl -n {NAMESPACE} scale vllm vllm11 --replicas=0      # STATUS says ScaledToZero; key and URL stay
  kubectl -n {NAMESPACE} delete secret vllm11.key.default    # revokes the key and makes a new one
  kubectl explain vllm.spec""")


def _certificate() -> dict[str, object]:
    authority = pki.authority(AUTHORITY)
    certificate, private = pki.issue(authority, AUTHORITY, HOST, user=HOST, hosts=(HOST,))
    data = {"tls.crt": certificate.read_text(), "tls.key": private.read_text()}
    return {
        "apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls",
        "metadata": {"name": "vllm11-tls", "namespace": NAMESPACE}, "stringData": data,
    }  # fmt: skip


def status(name: str = "vllm11", namespace: str = NAMESPACE) -> str:
    """Say how the model is: the reason and message of Ready. Never raises: it is asked while something else fails."""
    query = 'jsonpath={.status.conditions[?(@.type=="Ready")].reason}: {.status.conditions[?(@.type=="Ready")].message}'
    command = [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", "-n", namespace, "get", "vllm", name]
    asked = subprocess.run(
        [*command, "-o", query], capture_output=True, text=True, check=False, env=binaries.environment()
    )
    return asked.stdout.strip()


def _run(*command: str, stdin: str | None = None) -> str:
    env = binaries.environment()
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=env)
    if result.returncode:
        name = pathlib.Path(command[0]).name
        raise progress.Failure(f"{name} {command[1]} failed: {result.stderr.strip()[-400:]}", provider.current().logs())
    return result.stdout
