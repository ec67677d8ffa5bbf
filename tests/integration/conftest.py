"""A real API server with the CRD, and a real operator process on it: one of each for all integration tests."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml

from dev import contour, paths
from dev.embedded import control_plane
from tests import audit, kubectl, waiting
from tests.golden import render
from tests.integration import account, api_server, leaf_models

PAIR = "pair"  # the namespace of two operators that take each other's place
RATIONED = "rationed"  # a namespace that a test gives a quota
MODELS = "models"  # the namespace that the documentation speaks of
SHOPS = "shops"  # a namespace of somebody else


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[pathlib.Path]:
    """The admin kubeconfig of an API server that knows ModelDeployments."""
    users = (account.USER, audit.account(PAIR, account.NAME))
    flags = audit.of_run("integration", request.session, *users)
    with control_plane.cluster(tmp_path_factory.mktemp("light"), flags) as kubeconfig:
        account.kubectl(kubeconfig, "apply", "--server-side", "-f", str(paths.ROOT / "crds"))
        account.kubectl(
            kubeconfig, "apply", "--server-side", "-f", "-", stdin=yaml.safe_dump_all(contour.gateway_api())
        )
        account.await_crds(kubeconfig)
        ingress_class = {
            "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "contour"},
            "spec": {"controller": "example/none"},
        }  # fmt: skip
        account.kubectl(kubeconfig, "apply", "-f", "-", stdin=yaml.safe_dump(ingress_class))
        account.install(kubeconfig)
        yield kubeconfig


class Operator:
    """An operator process; `port` serves /metrics. `settings` are environment variables of its own."""

    ARGUMENTS = ("-m", "vllm_operator", "run")

    def __init__(self, kubeconfig: pathlib.Path, log: pathlib.Path, **settings: str) -> None:
        self.settings = settings
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self.kubeconfig, self.log = kubeconfig, log
        self.process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        settings = {
            "KUBECONFIG": str(self.kubeconfig),
            "PYTHONPATH": str(paths.ROOT / "operator"),
            "VLLM_OPERATOR_NAMESPACE": "default",
            "VLLM_OPERATOR_WATCH_NAMESPACES": json.dumps(
                ["default", RATIONED, MODELS, SHOPS]
            ),  # other tests write as the operator elsewhere
            "VLLM_OPERATOR_ENGINE_IMAGES": json.dumps(render.ENGINES),
            "VLLM_OPERATOR_HTTP_PORT": str(self.port),
            **self.settings,
        }
        with self.log.open("ab") as log:
            command = [sys.executable, *self.ARGUMENTS]
            return subprocess.Popen(command, env={**os.environ, **settings}, stdout=log, stderr=log)

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over all its series that carry `labels`; no number where it cannot be read."""
        return waiting.metric(f"http://127.0.0.1:{self.port}/metrics", name, labels)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.process.wait(30)

    def restart(self) -> None:
        self.process = self._start()
        self.await_leader()

    def set(self, name: str, value: str) -> None:
        """Change a setting, as `helm upgrade` does: by a new process."""
        self.settings[f"VLLM_OPERATOR_{name}"] = value
        self.stop()
        self.restart()

    def unset(self, name: str) -> None:
        """Take a setting back to that of all tests."""
        del self.settings[f"VLLM_OPERATOR_{name}"]
        self.stop()
        self.restart()

    def await_leader(self) -> None:
        waiting.until("the operator to lead", lambda: self.metric("vllm_operator_leader") == 1, self.log.read_text)


@pytest.fixture(scope="session")
def operator(served: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """A running operator, with the account and the rights that the chart gives it."""
    directory = tmp_path_factory.mktemp("operator")
    one = Operator(account.kubeconfig(served, directory / "kubeconfig"), directory / "log")
    one.await_leader()
    yield one
    one.stop()


@pytest.fixture(scope="session")
def server(served: pathlib.Path) -> api_server.ApiServer:
    """An API server with a namespace under the Pod Security standard `restricted`, which refuses and warns."""
    admin = kubectl.Admin(served)
    admin.kubectl("create", "namespace", leaf_models.NAMESPACE)
    levels = [f"pod-security.kubernetes.io/{mode}=restricted" for mode in ("enforce", "warn")]
    admin.kubectl("label", "namespace", leaf_models.NAMESPACE, *levels)
    return api_server.ApiServer(served)
