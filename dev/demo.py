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
import tempfile
import time
from collections.abc import Iterator, Mapping

from dev import binaries, images, layout, paths, pki, progress, provider

HOST = layout.HOST
NAMESPACE = "models"
OPERATOR_NAMESPACE = "vllm-operator"
MODEL = paths.ROOT / "examples" / "vllm11.yaml"
CHART = paths.ROOT / "charts" / "vllm-operator"
AUTHORITY = layout.RUN / "demo"
IMAGES = ("operator", "guard", "vllm-cpu")
READY_SECONDS, EDGE_SECONDS = 600.0, 60.0
TOOLS = pathlib.Path(sys.executable).parent
HOSTS_FILE = pathlib.Path("/etc/hosts")
BUNDLE = pathlib.Path("/etc/ssl/certs/ca-certificates.crt")

CALLS = (
    f"curl https://{HOST}/health",
    f'curl https://{HOST}/v1/models \\\n  -H "Authorization: Bearer $KEY"',
    f"""curl https://{HOST}/v1/completions \\
  -H "Content-Type: application/json" \\
  -H "Authorization: Bearer $KEY" \\
  -d '{{
    "model": "facebook/opt-125m",
    "prompt": "The future of artificial intelligence is",
    "max_tokens": 100,
    "temperature": 0.7,
    "top_p": 0.9
  }}'""",
)


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


def down() -> None:
    """Remove all traces."""
    provider.down()


@contextlib.contextmanager
def afresh(audit: tuple[str, ...] = ()) -> Iterator[None]:
    """Have a new cluster with the operator and its model until the block ends; `audit`: more flags of the API server."""
    prepare()
    down()
    provider.up(audit)
    try:
        _fill()
        yield
    finally:
        down()


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
    while (asked := run(ask, capture=True)).returncode:
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
    found = kubectl("-n", namespace, "get", "secret", f"{name}.key.{client}", "-o", "jsonpath={.data.OPENAI_API_KEY}")
    return base64.b64decode(found).decode()


def kubectl(*arguments: str, stdin: str | None = None) -> str:
    """Run kubectl against the cluster and return what it prints."""
    return _run(binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *arguments, stdin=stdin)


def run(
    command: list[str], environment: Mapping[str, str] | None = None, *, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a command in a mount namespace where the demo's host resolves and its authority is trusted: nothing else changes.

    By kind, which needs no root, curl alone is told of both. Where there is no demo, the command is run as it is.
    """
    if provider.is_kind() or not (AUTHORITY / "ca.crt").exists():
        plain = {**os.environ, **_curl(), **(environment or {})}
        return subprocess.run(command, capture_output=capture, text=True, check=False, env=plain)
    with tempfile.TemporaryDirectory(prefix="vllm-operator-") as directory:
        hosts, bundle = pathlib.Path(directory, "hosts"), pathlib.Path(directory, "bundle")
        hosts.write_text(f"{HOSTS_FILE.read_text()}\n{provider.current().address()} {HOST}\n")
        bundle.write_text(BUNDLE.read_text() + (AUTHORITY / "ca.crt").read_text())
        mounts = f"mount --bind {hosts} {HOSTS_FILE} && mount --bind {bundle} {BUNDLE}"
        trust = {name: str(BUNDLE) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")}
        script = ["unshare", "--mount", "sh", "-c", f'{mounts} && exec "$@"', "sh"]
        settings = {**os.environ, **trust, **(environment or {})}
        return subprocess.run([*script, *command], capture_output=capture, text=True, check=False, env=settings)


def _curl() -> dict[str, str]:
    """Return the variable by which curl knows the demo's host and its authority, where there is a demo by kind."""
    if not (provider.is_kind() and (AUTHORITY / "ca.crt").exists()):
        return {}
    words = f'resolve = "{HOST}:443:{provider.current().address()}"\ncacert = "{AUTHORITY}/ca.crt"\n'
    (AUTHORITY / ".curlrc").write_text(words)
    return {"CURL_HOME": str(AUTHORITY)}


def _spoken(call: str) -> str:
    """Return a documented call as it works in any shell of this machine; the embedded cluster's works in `make shell`."""
    if not provider.is_kind():
        return call
    told = f"--resolve {HOST}:443:{provider.current().address()} --cacert {AUTHORITY}/ca.crt"
    return call.replace("curl ", f"curl {told} ", 1)


def shell() -> None:
    """Open a shell in which kubectl, the documented commands and $KEY work as they are."""
    if not provider.current().healthy():
        raise progress.Failure("no demo runs", "make demo")
    progress.say(f"kubectl, $KEY and https://{HOST}/ work here; `exit` leaves.")
    settings = {"KUBECONFIG": str(layout.KUBECONFIG), "PATH": f"{TOOLS}:{os.environ['PATH']}", "KEY": key()}
    run([os.environ.get("SHELL", "sh")], settings)


def _fill() -> None:
    """Bring images, operator and model into the cluster."""
    for name in IMAGES:
        provider.current().load_image(images.build(name), images.reference(name))
    install()
    serve()


def _show() -> None:
    """Call the API as its documentation says; only the key is put in."""
    for call in CALLS:
        progress.say(f"\n$ {_spoken(call)}")
        answer = run(
            [
                "sh",
                "-c",
                _spoken(call).replace("curl ", "curl --silent --show-error --write-out '\nHTTP %{http_code}' ", 1),
            ],
            {"KEY": key()},
            capture=True,
        )
        progress.say(_pretty(answer.stdout) + answer.stderr)
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


def _pretty(text: str) -> str:
    body, _, code = text.rpartition("\n")
    try:
        return f"{json.dumps(json.loads(body), indent=2)}\n{code}"
    except ValueError:
        return f"{body}{code}"


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
