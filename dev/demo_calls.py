"""The documented calls of the demo's model, and where they work: its host resolves and its certificate's authority is trusted.

Knows of the cluster only the edge's address and the Secret of the key.
"""

import json
import os
import pathlib
import shlex
import subprocess
import tempfile
from collections.abc import Mapping

from dev import binaries, layout, progress, provider

HOST = layout.HOST
AUTHORITY = layout.AUTHORITY
NAMESPACE = "models"
KEY_SECRET = "vllm11.key.default"  # noqa: S105 - its name
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


def show(key: str) -> None:
    """Make each documented call with the key, and print it with its answer, as it works in another shell."""
    if provider.is_kind():
        progress.say(f"\n$ {key_line()}")
    for call in CALLS:
        progress.say(f"\n$ {spoken(call)}")
        quiet = spoken(call).replace("curl ", "curl --silent --show-error --write-out '\nHTTP %{http_code}' ", 1)
        answer = run(["sh", "-c", quiet], {"KEY": key}, capture=True)
        progress.say(_pretty(answer.stdout) + answer.stderr)


def key_line() -> str:
    """Return the line that sets $KEY in any shell of this machine, by the kubectl that was prepared."""
    ask = [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", *key_in_base64()]
    return f"KEY=$({shlex.join(ask)} | base64 -d)"


def key_in_base64(secret: str = KEY_SECRET, namespace: str = NAMESPACE) -> list[str]:
    """Return the words by which kubectl prints the key in a Secret, in base64."""
    return ["-n", namespace, "get", "secret", secret, "-o", "jsonpath={.data.OPENAI_API_KEY}"]


def spoken(call: str) -> str:
    """Return a documented call as it works in any shell of this machine; the embedded cluster's works in `make shell`."""
    if not provider.is_kind():
        return call
    told = f"--resolve {HOST}:443:{provider.current().address()} --cacert {shlex.quote(f'{AUTHORITY}/ca.crt')}"
    return call.replace("curl ", f"curl {told} ", 1)


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


def _pretty(text: str) -> str:
    body, _, code = text.rpartition("\n")
    try:
        return f"{json.dumps(json.loads(body), indent=2)}\n{code}"
    except ValueError:
        return f"{body}{code}"
