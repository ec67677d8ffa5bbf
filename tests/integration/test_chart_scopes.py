"""The operator with the rights of its own ServiceAccount and the settings of its own Deployment, as the chart made both.

Once for the whole cluster, once for named namespaces: what it can do there, and that no call of its was denied.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev.embedded import control_plane
from tests import chart, kubectl, waiting
from tests.integration import account, conftest, test_reconcile

VALUES = (
    'engine.images={"cpu":"registry.example/vllm-cpu:0.32.0"}',
    'caBundle.configMap="private-ca"',
    'proxy.https="http://127.0.0.1:1"',  # nobody listens there: an operator that asked it for the API server would not work
)
EVERYWHERE = pytest.mark.parametrize("operator", ["watchNamespaces=[]"], indirect=True)
INSIDE = pytest.mark.parametrize("operator", ['watchNamespaces=["inside"]'], indirect=True)
INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1", "kind": "IngressClass", "metadata": {"name": "contour"}, "spec": {"controller": "a/b"},
}  # fmt: skip


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubectl.Admin]:
    """An admin of a cluster with two namespaces for models."""
    with control_plane.cluster(tmp_path_factory.mktemp("light")) as kubeconfig:
        one = kubectl.Admin(kubeconfig)
        for name in ("inside", "outside", "ops"):
            one.kubectl("create", "namespace", name)
        one.kubectl("label", "namespace", "ops", "pod-security.kubernetes.io/enforce=restricted")
        one.apply(INGRESS_CLASS)
        one.kubectl("create", "configmap", "private-ca", "--namespace=inside", "--from-literal=ca.crt=x")
        yield one


def credentials(admin: kubectl.Admin) -> str:
    """Return a kubeconfig with nothing but a token of the operator's ServiceAccount."""
    config = yaml.safe_load(admin.kubeconfig.read_text())
    token = admin.kubectl("create", "token", "vllm-operator", "--namespace=ops").strip()
    config["users"][0]["user"] = {"token": token}
    return json.dumps(config)


def settings(admin: kubectl.Admin) -> dict[str, str]:
    """Return the variables of the operator's Deployment, as it would find them in its pod."""
    pod = json.loads(admin.kubectl("get", "deployment", "vllm-operator", "--namespace=ops", "-o", "json"))["spec"]
    fields = {"metadata.namespace": "ops", "metadata.name": "vllm-operator-0"}
    return {
        entry["name"]: entry.get("value", "")
        if "valueFrom" not in entry
        else fields[entry["valueFrom"]["fieldRef"]["fieldPath"]]
        for entry in pod["template"]["spec"]["containers"][0]["env"]
    }


@pytest.fixture(scope="module")
def operator(
    admin: kubectl.Admin, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[conftest.Operator]:
    """An operator that runs as the chart would run it; the parameter holds more of the chart's values."""
    release = chart.Release(admin.kubeconfig)
    release.install(chart.DIRECTORY, *(part for value in (*VALUES, request.param) for part in ("--set-json", value)))
    account.await_crds(admin.kubeconfig)
    directory = tmp_path_factory.mktemp("operator")
    own = directory / "kubeconfig"
    own.write_text(credentials(admin))
    one = conftest.Operator(own, directory / "log", **settings(admin))
    one.await_leader()
    yield one
    one.stop()
    for namespace in ("inside", "outside"):
        kubectl.Admin(admin.kubeconfig, namespace).kubectl("delete", "vllm", "--all")
    release.uninstall()


def serve(admin: kubectl.Admin, namespace: str, name: str) -> kubectl.Admin:
    """Apply a model, of another name in each test: what a deleted one of this name left may still be collected."""
    expose = {"host": f"{name}.{namespace}.example", "ingress": {"className": "contour"}}
    body: dict[str, Any] = kubectl.model(name, expose=expose)
    body["metadata"]["namespace"] = namespace
    there = kubectl.Admin(admin.kubeconfig, namespace)
    there.apply(body)
    return there


def is_made(there: kubectl.Admin, name: str) -> bool:
    expected = {(kind, child.format(name)) for kind, child in test_reconcile.CHILDREN}
    return set(there.children(name)) == expected and bool(there.condition(name))


def live_a_little(there: kubectl.Admin, name: str) -> None:
    """Use each right once: what was edited, deleted or scaled is as it should be again."""
    key = there.key(name)
    there.kubectl("delete", "secret", f"{name}.key.default")
    waiting.until("a new key", lambda: there.key(name) not in ("", key), there.world)
    there.kubectl("delete", "service,networkpolicy,ingress,deployment", name)
    waiting.until("repair", lambda: is_made(there, name), there.world)
    there.patch("service", name, {"spec": {"type": "NodePort"}})
    waiting.until("the edit's end", lambda: there.get("service", name)["spec"]["type"] == "ClusterIP", there.world)
    there.kubectl("scale", "vllm", name, "--replicas=3")
    waiting.until("three replicas", lambda: there.get("deployment", name)["spec"]["replicas"] == 3, there.world)
    there.patch("vllm", name, {"spec": {"expose": None}})
    waiting.until("no Ingress", lambda: not there.get("ingress", name), there.world)


def denied(operator: conftest.Operator) -> float:
    return operator.metric("vllm_operator_api_calls_total", code="403")


@EVERYWHERE
def test_its_pods_are_let_into_a_restricted_namespace(admin: kubectl.Admin, operator: conftest.Operator) -> None:
    del operator
    ops = kubectl.Admin(admin.kubeconfig, "ops")
    waiting.until("the operator's pod", lambda: ops.kubectl("get", "pods", "-o", "name"), ops.world)
    hooks = chart.Release(admin.kubeconfig).run("get hooks").stdout
    assert "pod/vllm-operator-test created" in ops.kubectl("create", "--dry-run=server", "-f", "-", stdin=hooks)


@EVERYWHERE
def test_cluster_wide_every_namespace_is_served(admin: kubectl.Admin, operator: conftest.Operator) -> None:
    for namespace in ("inside", "outside"):
        there = serve(admin, namespace, "wide")
        waiting.until(f"all children {namespace}", lambda there=there: is_made(there, "wide"), there.world)
    assert there.condition("wide")["reason"] == "ConfigMapNotFound"
    assert kubectl.Admin(admin.kubeconfig, "inside").condition("wide")["reason"] != "ConfigMapNotFound"
    live_a_little(there, "wide")
    assert denied(operator) == 0


@INSIDE
def test_with_roles_alone_the_named_namespace_is_served_and_others_are_left_alone(
    admin: kubectl.Admin, operator: conftest.Operator
) -> None:
    release = ("-l", "app.kubernetes.io/instance=vllm-operator", "-o", "name")
    assert admin.kubectl("get", "clusterroles,clusterrolebindings", *release) == ""
    elsewhere = serve(admin, "outside", "narrow")
    there = serve(admin, "inside", "narrow")
    waiting.until("all children inside", lambda: is_made(there, "narrow"), there.world)
    live_a_little(there, "narrow")
    assert elsewhere.children("narrow") == {}
    assert "status" not in elsewhere.get("vllm", "narrow")
    assert denied(operator) == 0
    account = "--as=system:serviceaccount:ops:vllm-operator"
    for what in ("list secrets", "create deployments", "patch pods", "list modeldeployments"):
        assert there.kubectl("auth", "can-i", *what.split(), account, check=False) == "yes\n", what
        assert elsewhere.kubectl("auth", "can-i", *what.split(), account, check=False) == "no\n", what


@EVERYWHERE
def test_people_with_the_built_in_roles_may_use_the_new_kind_and_view_reads_no_key(
    admin: kubectl.Admin, operator: conftest.Operator
) -> None:
    del operator
    there = kubectl.Admin(admin.kubeconfig, "inside")
    for role in ("view", "edit", "admin"):
        there.kubectl("create", "rolebinding", role, f"--clusterrole={role}", f"--user={role}")

    def may(who: str, *what: str) -> bool:
        return there.kubectl("auth", "can-i", *what, f"--as={who}", check=False) == "yes\n"

    for who in ("view", "edit", "admin"):
        waiting.until("aggregation", lambda who=who: all(may(who, verb, "vllm") for verb in ("get", "list", "watch")))
    for verb in ("create", "update", "patch", "delete"):
        waiting.until("aggregation", lambda verb=verb: may("edit", verb, "vllm") and may("admin", verb, "vllm"))
        assert not may("view", verb, "vllm")
    assert may("edit", "patch", "vllm", "--subresource=scale")
    assert not may("view", "patch", "vllm", "--subresource=scale")
    assert not may("view", "get", "secrets")
