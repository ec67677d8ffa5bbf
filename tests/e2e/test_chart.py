"""The chart on a whole cluster: its test, and what an uninstall does to a model under load: nothing."""

import json
import threading
from collections.abc import Iterator
from typing import Self

import pytest

from dev import demo
from tests import chart, kubectl, waiting
from tests.e2e import conftest


@pytest.fixture
def ops(admin: kubectl.Admin) -> kubectl.Admin:
    return kubectl.Admin(admin.kubeconfig, demo.OPERATOR_NAMESPACE)


def helm(admin: kubectl.Admin, group: str, *arguments: str) -> str:
    where = (f"--kubeconfig={admin.kubeconfig}", "--namespace", demo.OPERATOR_NAMESPACE)
    done = chart.run(*arguments, "vllm-operator", *where, group=group)
    assert done.returncode == 0, done.stdout + done.stderr + admin.world()
    return done.stdout


class Load:
    """A user who asks all the time; `answers` holds every status."""

    def __init__(self, client: conftest.Client) -> None:
        self._client, self._over = client, threading.Event()
        self.answers: list[int] = []
        self._thread = threading.Thread(target=self._ask)

    def _ask(self) -> None:
        while not self._over.is_set():
            self.answers.append(self._client.complete(max_tokens=1).status)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def await_more(self, count: int) -> None:
        wanted = len(self.answers) + count
        waiting.until(f"{count} more answers", lambda: len(self.answers) >= wanted, lambda: self.answers)


@pytest.fixture
def load(client: conftest.Client) -> Iterator[Load]:
    with Load(client) as load:
        yield load


def await_one(ops: kubectl.Admin) -> None:
    waiting.until("one operator", lambda: len(ops.kubectl("get", "pods", "-o", "name").split()) == 1, ops.world)


def servers(admin: kubectl.Admin) -> list[tuple[str, int]]:
    """Return each pod of vllm11 with its restarts."""
    pods = json.loads(admin.kubectl("get", "pods", "-l", "serving.byteshop.in/model=vllm11", "-o", "json"))["items"]
    return [
        (pod["metadata"]["uid"], sum(one["restartCount"] for one in pod["status"]["containerStatuses"])) for pod in pods
    ]


@pytest.mark.parametrize("group", ["helm", "helm3"])
def test_helm_test_says_that_the_operator_is_ready_and_leaves_nothing(ops: kubectl.Admin, group: str) -> None:
    assert "Succeeded" in helm(ops, group, "test")
    assert not ops.get("pod", "vllm-operator-test")


def test_in_a_closed_network_the_operator_works_and_no_model_restarts(admin: kubectl.Admin, ops: kubectl.Admin) -> None:
    before = servers(admin)
    ops.kubectl("create", "configmap", "private-ca", "--from-literal=ca.crt=none")
    demo.install(
        {"proxy.https": "http://127.0.0.1:1", "caBundle.configMap": "private-ca"}
    )  # a proxy that does not answer
    await_one(ops)
    said = ops.kubectl(
        "exec", "deployment/vllm-operator", "--", "python3", "-c",
        "import os, json; print(json.dumps([dict(os.environ), open(os.environ['SSL_CERT_FILE']).read()]))",
    )  # fmt: skip
    variables, authorities = json.loads(said)
    assert authorities == "none"
    assert variables["HTTPS_PROXY"] == "http://127.0.0.1:1"
    assert variables["NO_PROXY"].startswith(f"{variables['KUBERNETES_SERVICE_HOST']},localhost,")
    admin.kubectl("delete", "networkpolicy", "vllm11")
    waiting.until("repair", lambda: admin.get("networkpolicy", "vllm11"), admin.world)
    assert servers(admin) == before
    demo.install()
    ops.kubectl("delete", "configmap", "private-ca")


def test_two_operators_stand_by_each_other_and_one_leads(ops: kubectl.Admin) -> None:
    demo.install({"replicas": "2"})
    ready = ops.get("deployment", "vllm-operator")["status"]["readyReplicas"]
    budget = ops.get("poddisruptionbudget", "vllm-operator")["spec"]["maxUnavailable"]
    assert (ready, budget) == (2, 1)

    def holder() -> str:
        return str(ops.get("lease", "vllm-operator")["spec"].get("holderIdentity", "")).rpartition("_")[0]

    first = waiting.until("a leader", holder)
    ops.kubectl("delete", "pod", first, "--wait=false")
    waiting.until("the other to lead", lambda: holder() not in ("", first), ops.world)
    demo.install()
    await_one(ops)


def test_an_uninstall_and_an_install_touch_no_model_and_no_request(
    admin: kubectl.Admin, ops: kubectl.Admin, client: conftest.Client, load: Load
) -> None:
    before = servers(admin)
    load.await_more(5)
    helm(ops, "helm", "uninstall", "--wait")
    waiting.until("the operator's end", lambda: ops.kubectl("get", "pods", "-o", "name") == "", ops.world)
    load.await_more(20)
    assert admin.key("vllm11") == client.key
    assert client.get("/v1/models").status == 200
    demo.install()
    load.await_more(20)
    assert set(load.answers) == {200}
    assert servers(admin) == before
    assert admin.key("vllm11") == client.key
