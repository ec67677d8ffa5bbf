"""A fresh light cluster with the CRD and an audit log, and the operator as a process on it.

The floor and the operator write with the same account, so that both cost the API server the same. No Deployment becomes pods,
unless PODS=1 is said: what follows of a pod's life is a status for each of its states, and no cost of the models' number.
"""

import contextlib
import json
import os
import pathlib
import re
import signal
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import NamedTuple

import yaml

from dev import apiserver, paths
from dev.embedded import control_plane
from tests import waiting
from tests.bench.scale import audit, processes
from tests.integration import conftest

CONTROLLERS = "*" if os.environ.get("PODS") else "*,-deployment-controller"
RUN = """
import runpy, sys
sys.modules["kubernetes"] = None
sys.argv[1:] = ["run"]
runpy.run_module("vllm_operator", run_name="__main__", alter_sys=True)
"""
RBAC = "rbac.authorization.k8s.io"


class Cluster(NamedTuple):
    """The kubeconfigs of who makes the load and of who writes the children; `servers` are process ids by component.

    The operator is one of the components while it runs.
    """

    directory: pathlib.Path
    admin: pathlib.Path
    account: pathlib.Path
    log: audit.Log
    servers: dict[str, int]

    def cpu(self) -> dict[str, float]:
        """Return the CPU seconds of each component so far."""
        return {name: processes.cpu(pid) for name, pid in self.servers.items()}


@contextlib.contextmanager
def fresh(controllers: str = CONTROLLERS) -> Iterator[Cluster]:
    """Run an empty cluster with these controllers; its data lies in memory and is gone with the block."""
    with tempfile.TemporaryDirectory() as temporary:
        directory = pathlib.Path(temporary)
        log = audit.Log(directory)
        with control_plane.cluster(directory, log.flags(), controllers) as admin:
            _install(admin)
            yield Cluster(directory, admin, _account(admin, directory), log, processes.servers())


class Operator(conftest.Operator):
    """The real operator process, in all namespaces, as it runs in its image.

    The tests' own client of Kubernetes, which kopf imports where it finds it, is not there; what was compiled is used; and the
    environment is the image's.
    """

    ARGUMENTS = ("-c", RUN)

    def __init__(self, cluster: Cluster) -> None:
        image = {"PYTHONDONTWRITEBYTECODE": "", **_environment()}
        log = cluster.directory / "operator.log"
        super().__init__(cluster.account, log, VLLM_OPERATOR_WATCH_NAMESPACES="[]", **image)

    def start(self) -> None:
        """Start a new process and do not wait for it."""
        self.process = self._start()

    def end(self) -> None:
        """Stop it as a rolling upgrade does."""
        if self.process.poll() is None:
            self.stop(signal.SIGTERM)

    def metrics(self) -> dict[str, float]:
        """Return each metric, summed over its series; empty while the process does not answer."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                text = answer.read().decode()
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return {}
        found: dict[str, float] = {}
        for name, value in re.findall(r"^([a-z_]+)(?:\{.*\})? (\S+)$", text, re.MULTILINE):
            found[name] = found.get(name, 0.0) + float(value)
        return found


@contextlib.contextmanager
def operator(cluster: Cluster) -> Iterator[Operator]:
    """Run the operator until the block ends."""
    one = Operator(cluster)
    try:
        one.await_leader()
        cluster.servers["operator"] = one.process.pid
        yield one
    finally:
        one.end()


def _environment() -> dict[str, str]:
    """Return what the image says about memory."""
    return dict(re.findall(r"\b(MALLOC_\w+)=(\d+)", (paths.ROOT / "images/operator/Containerfile").read_text()))


def _install(admin: pathlib.Path) -> None:
    """Install the CRD and an IngressClass, and wait until ModelDeployments can be listed."""
    for path in sorted((paths.ROOT / "crds").glob("*.yaml")):
        crd = yaml.safe_load(path.read_text())
        apiserver.create(admin, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions", crd)
    ingress_class = {
        "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "contour"},
        "spec": {"controller": "example/none"},
    }  # fmt: skip
    apiserver.create(admin, "/apis/networking.k8s.io/v1/ingressclasses", ingress_class)
    waiting.until("the CRD", lambda: apiserver.get(admin, "/apis/serving.byteshop.in/v1alpha1/modeldeployments"))


def _account(admin: pathlib.Path, directory: pathlib.Path) -> pathlib.Path:
    """Make the operator's account, which may do everything here: what it may do elsewhere is for other tests."""
    accounts = "/api/v1/namespaces/default/serviceaccounts"
    subject = {"kind": "ServiceAccount", "name": "vllm-operator", "namespace": "default"}
    apiserver.create(
        admin, accounts, {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": subject["name"]}}
    )
    binding = {
        "apiVersion": f"{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {"name": "vllm-operator"},
        "subjects": [subject], "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": "cluster-admin"},
    }  # fmt: skip
    apiserver.create(admin, f"/apis/{RBAC}/v1/clusterrolebindings", binding)
    asked = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 86400}}
    token = apiserver.request(admin, "POST", f"{accounts}/{subject['name']}/token", asked)["status"]["token"]
    config = json.loads(admin.read_text())
    own = directory / "operator.kubeconfig"
    own.write_text(json.dumps({**config, "users": [{"name": config["users"][0]["name"], "user": {"token": token}}]}))
    return own
