"""The operator's own account on the light cluster: what the chart gives it, and nothing else.

Knows how the chart is rendered and which of its objects say what the account may do; starts no operator.
"""

import json
import pathlib
import subprocess
from typing import Any

import yaml

from dev import binaries
from tests import audit, chart, waiting

NAMESPACE, NAME = "default", "vllm-operator"  # the operator process of these tests says that it runs there
USER = audit.account(NAMESPACE, NAME)
ALLOW = {"serviceAccounts": ["models-*", "reader"]}
"""What the running operator's models may ask for."""
KINDS = {
    "ServiceAccount", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding",
    "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding",
}  # fmt: skip


def rights(namespace: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the objects of a release in `namespace` that say what its account, and all who write models, may do."""
    return [one for one in release(namespace, values) if one["kind"] in KINDS]


def release(namespace: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    """Return all objects of a release in `namespace`."""
    done = chart.template({"image": {"repository": "registry.example/operator"}, **values}, "--namespace", namespace)
    assert done.returncode == 0, done.stderr
    return [one for one in yaml.safe_load_all(done.stdout) if one]


def install(admin: pathlib.Path) -> None:
    """Make the account. Its models may name what they like: what is refused at apply, other tests say."""
    wanted = [one for one in rights(NAMESPACE, {"allow": ALLOW}) if not _is_for_models(one)]
    apply(admin, wanted)


def apply(admin: pathlib.Path, objects: list[dict[str, Any]]) -> None:
    """Create or change objects as an admin."""
    kubectl(admin, "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(objects))


def kubeconfig(admin: pathlib.Path, into: pathlib.Path, namespace: str = NAMESPACE) -> pathlib.Path:
    """Write the kubeconfig of the account, with a token that the API server issues, and return its path."""
    config = json.loads(admin.read_text())
    token = kubectl(admin, "create", "token", NAME, f"--namespace={namespace}", "--duration=2h").strip()
    user = config["users"][0]["name"]
    into.write_text(json.dumps({**config, "users": [{"name": user, "user": {"token": token}}]}))
    into.chmod(0o600)
    return into


def install_in(admin: pathlib.Path, namespace: str) -> None:
    """Make a namespace, and in it the account of a release that watches nothing else."""
    kubectl(admin, "create", "namespace", namespace)
    apply(admin, [one for one in rights(namespace, {"watchNamespaces": [namespace]}) if not _is_for_models(one)])


def kubectl(admin: pathlib.Path, *arguments: str, stdin: str | None = None) -> str:
    """Run kubectl as an admin."""
    command = [binaries.find("kubectl"), f"--kubeconfig={admin}", *arguments]
    done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def await_crds(admin: pathlib.Path) -> None:
    """Wait until all CRDs are served; `kubectl wait` fails on one that is so new that it has no conditions."""
    waiting.until("the CRDs", lambda: all(map(_is_established, _crds(admin))))


def _crds(admin: pathlib.Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(kubectl(admin, "get", "crd", "-o", "json"))["items"]
    return found


def _is_established(crd: dict[str, Any]) -> bool:
    told = crd.get("status", {}).get("conditions") or []
    return ("Established", "True") in {(one["type"], one["status"]) for one in told}


def _is_for_models(one: dict[str, Any]) -> bool:
    return bool(one["metadata"]["name"].endswith(".allow"))
