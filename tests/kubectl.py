"""ModelDeployments and their children through kubectl and the independent `kubernetes` client, as an admin sees them."""

import base64
import contextlib
import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

from kubernetes import client, config

from dev import binaries
from tests import waiting

GROUP, VERSION, PLURAL = "serving.byteshop.in", "v1alpha1", "modeldeployments"
KINDS = "deployment,service,secret,ingress,networkpolicy,poddisruptionbudget,controllerrevision"


def model(name: str, **spec: Any) -> dict[str, Any]:
    """Return a small ModelDeployment."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"model": {"source": "file:///models/facebook/opt-125m"}, **spec},
    }


def create(kubeconfig: pathlib.Path, body: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Create a model and return it as the API server keeps it; unknown fields are errors."""
    api = client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))
    extra = {"dry_run": "All"} if dry_run else {}
    created: dict[str, Any] = api.create_namespaced_custom_object(
        GROUP, VERSION, body["metadata"]["namespace"], PLURAL, body, field_validation="Strict", **extra
    )
    return created


class Admin:
    """kubectl in the hands of an admin."""

    def __init__(self, kubeconfig: pathlib.Path, namespace: str = "default") -> None:
        self.kubeconfig, self.namespace = kubeconfig, namespace

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        result = self._run(*arguments, stdin=stdin)
        assert not check or result.returncode == 0, result.stderr
        return result.stdout

    def refusal(self, *arguments: str, stdin: str | None = None) -> str:
        """Return what a command that is refused says."""
        result = self._run(*arguments, stdin=stdin)
        assert result.returncode != 0, result.stdout
        return result.stderr

    def _run(self, *arguments: str, stdin: str | None) -> subprocess.CompletedProcess[str]:
        command = [binaries.find("kubectl"), f"--kubeconfig={self.kubeconfig}", f"--namespace={self.namespace}"]
        return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, check=False)

    def make_namespace(self) -> None:
        """Make the namespace, which other tests may have made."""
        self.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace}})

    def apply(self, body: dict[str, Any]) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps(body))

    def get(self, kind: str, name: str) -> dict[str, Any]:
        """Return the object, empty where there is none."""
        found = self.kubectl("get", kind, name, "-o", "json", "--ignore-not-found")
        return json.loads(found) if found else {}

    def children(self, name: str) -> dict[tuple[str, str], dict[str, Any]]:
        """Return all that is controlled by the model, by kind and name."""
        listed = json.loads(self.kubectl("get", KINDS, "-o", "json"))["items"]
        return {
            (one["kind"], one["metadata"]["name"]): one
            for one in listed
            if any(
                ref["name"] == name and ref["kind"] == "ModelDeployment"
                for ref in one["metadata"].get("ownerReferences", [])
            )
        }

    def patch(self, kind: str, name: str, patch: object, how: str = "merge") -> None:
        self.kubectl("patch", kind, name, f"--type={how}", "-p", json.dumps(patch))

    def condition(self, name: str, kind: str = "Ready") -> dict[str, Any]:
        """Return the model's condition, empty where there is none yet."""
        found = self.get("vllm", name).get("status", {}).get("conditions", [])
        return next((one for one in found if one["type"] == kind), {})

    def key(self, name: str, client_name: str = "default") -> str:
        data = self.get("secret", f"{name}.key.{client_name}").get("data", {})
        return base64.b64decode(data.get("OPENAI_API_KEY", "")).decode()

    def pod_address(self, name: str) -> str:
        """Return the address of the model's pod, empty where there is none yet."""
        return self.kubectl(
            "get", "pods", "-l", f"serving.byteshop.in/model={name}", "-o", "jsonpath={.items[*].status.podIP}"
        )

    @contextlib.contextmanager
    def forwarded(self, target: str, port: int) -> Iterator[str]:
        """Forward a free local port to the target; yield its base URL."""
        command = [
            binaries.find("kubectl"),
            f"--kubeconfig={self.kubeconfig}",
            f"--namespace={self.namespace}",
            "port-forward",
        ]
        with subprocess.Popen([*command, target, f":{port}"], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout
                local = process.stdout.readline().split()[2]
                yield f"http://{local}"
            finally:
                process.terminate()

    @contextlib.contextmanager
    def having(self, body: dict[str, Any]) -> Iterator[str]:
        """Apply the model for as long as the block lasts, then await the end of its pods; yield its name."""
        name: str = body["metadata"]["name"]
        self.apply({**body, "metadata": {**body["metadata"], "namespace": self.namespace}})
        try:
            yield name
        finally:
            self.kubectl("delete", "vllm", name)
            waiting.until(f"the end of {name}", lambda: not self.pods(name), self.world, 600)

    def pods(self, name: str) -> str:
        """Return the uids of the model's pods, those that are ending too."""
        return self.kubectl(
            "get", "pods", "-l", f"serving.byteshop.in/model={name}", "-o", "jsonpath={.items[*].metadata.uid}"
        )

    def world(self) -> str:
        """Return what an admin would look at when something does not happen."""
        shown = self.kubectl("get", f"vllm,{KINDS},pods,events", "-o", "wide", check=False)
        which = ("-l", "serving.byteshop.in/model", "--all-containers", "--prefix", "--tail=25")
        return f"{shown}\n{self.kubectl('logs', *which, check=False)}"
