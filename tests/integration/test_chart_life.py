"""A release's life on a real API server, by Helm 4 and Helm 3: what was served stays, whatever becomes of the chart.

The operator is not run here: this is about what Helm does to the CRD, to the models, and to its own objects.
"""

import contextlib
import json
import pathlib
from collections.abc import Iterator

import pytest
import yaml
from kubernetes.client import exceptions

from dev.embedded import control_plane
from tests import chart, kubectl, waiting

HELMS = ("helm", "helm3")
CRD = "modeldeployments.serving.byteshop.in"
KINDS = (
    "deployments,services,serviceaccounts,roles,rolebindings,clusterroles,clusterrolebindings,"
    "validatingadmissionpolicies,validatingadmissionpolicybindings"
)


@pytest.fixture(scope="module")
def admin(tmp_path_factory: pytest.TempPathFactory) -> Iterator[kubectl.Admin]:
    """An admin of a cluster that knows no ModelDeployments."""
    with control_plane.cluster(tmp_path_factory.mktemp("light")) as kubeconfig:
        yield kubectl.Admin(kubeconfig)


@pytest.fixture(scope="module")
def older(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The chart as an older version would be: its CRD lacks spec.access.maxQueuedRequests."""
    directory = chart.copied(tmp_path_factory.mktemp("older"))
    template, about = directory / "templates" / "crd.yaml", directory / "Chart.yaml"
    first, *lines, last = template.read_text().splitlines()
    crd = yaml.load("\n".join(line for line in lines if "{{" not in line), yaml.CSafeLoader)
    crd["metadata"]["annotations"] = {"helm.sh/resource-policy": "keep"}
    schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    del schema["properties"]["spec"]["properties"]["access"]["properties"]["maxQueuedRequests"]
    template.write_text("\n".join([first, json.dumps(crd), last]))
    about.write_text(about.read_text().replace(f"version: {chart.VERSION}", "version: 0.0.9"))
    return directory


@pytest.fixture
def cluster(admin: kubectl.Admin) -> Iterator[kubectl.Admin]:
    """The cluster, as empty before as after."""
    yield admin
    for name in ("vllm-operator", "other"):
        chart.Release(admin.kubeconfig, name).uninstall(check=False)
    admin.kubectl("delete", "crd", CRD, "--ignore-not-found")


def is_taken(admin: kubectl.Admin, **access: object) -> bool:
    with contextlib.suppress(exceptions.ApiException):
        return bool(kubectl.create(admin.kubeconfig, kubectl.model("probe", access=access), dry_run=True))
    return False


def await_field(admin: kubectl.Admin, *, known: bool) -> None:
    """A changed CRD is in force a moment after Helm has returned."""
    waiting.until(f"the field known={known}", lambda: is_taken(admin) and is_taken(admin, maxQueuedRequests=9) == known)


def uids(admin: kubectl.Admin) -> dict[str, str]:
    """Return the uid of the CRD and of each model."""
    listed = json.loads(admin.kubectl("get", "crd,vllm", "-o", "json"))["items"]
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in listed}


def make(admin: kubectl.Admin, name: str, **access: object) -> None:
    kubectl.create(admin.kubeconfig, kubectl.model(name, access=access))


@pytest.mark.parametrize("group", HELMS)
def test_an_upgrade_brings_the_new_crd_a_rollback_the_old_one_and_every_model_stays(
    cluster: kubectl.Admin, older: pathlib.Path, group: str
) -> None:
    release = chart.Release(cluster.kubeconfig, group=group)
    release.install(older)
    await_field(cluster, known=False)
    make(cluster, "old")
    before = uids(cluster)
    release.upgrade(chart.DIRECTORY)
    await_field(cluster, known=True)
    make(cluster, "new", maxQueuedRequests=9)
    both = uids(cluster)
    assert both.items() > before.items()
    release.rollback()
    await_field(cluster, known=False)
    assert uids(cluster) == both
    assert "maxQueuedRequests" not in cluster.get("vllm", "new")["spec"]["access"]
    release.upgrade(chart.DIRECTORY)
    await_field(cluster, known=True)
    assert uids(cluster) == both
    assert cluster.get("vllm", "new")["spec"]["access"]["maxQueuedRequests"] == 9


@pytest.mark.parametrize("group", HELMS)
def test_an_uninstall_takes_all_but_the_crd_and_the_models_and_an_install_adopts_them(
    cluster: kubectl.Admin, group: str
) -> None:
    release = chart.Release(cluster.kubeconfig, group=group)
    release.install(chart.DIRECTORY)
    await_field(cluster, known=True)
    make(cluster, "kept")
    before = uids(cluster)
    release.uninstall()
    assert uids(cluster) == before
    ours = ("--all-namespaces", "-l", "app.kubernetes.io/instance=vllm-operator", "-o", "name")
    waiting.until("the operator's end", lambda: cluster.kubectl("get", KINDS, *ours) == "")
    release.install(chart.DIRECTORY)
    assert uids(cluster) == before
    assert cluster.kubectl("get", "deployments", *ours) == "deployment.apps/vllm-operator\n"


@pytest.mark.parametrize("group", HELMS)
def test_the_strategy_of_a_running_operator_can_be_changed(cluster: kubectl.Admin, group: str) -> None:
    release = chart.Release(cluster.kubeconfig, group=group)
    release.install(chart.DIRECTORY)
    release.upgrade(chart.DIRECTORY, "--set", "strategy.type=Recreate")
    ops = kubectl.Admin(cluster.kubeconfig, "ops")
    assert ops.get("deployment", "vllm-operator")["spec"]["strategy"] == {"type": "Recreate"}
    release.upgrade(chart.DIRECTORY, "--set", "strategy.type=RollingUpdate")
    assert ops.get("deployment", "vllm-operator")["spec"]["strategy"]["type"] == "RollingUpdate"


def test_with_crds_keep_false_an_uninstall_takes_the_models_too(cluster: kubectl.Admin) -> None:
    release = chart.Release(cluster.kubeconfig)
    release.install(chart.DIRECTORY, "--set", "crds.keep=false")
    await_field(cluster, known=True)
    make(cluster, "lost")
    release.uninstall()
    waiting.until("the CRD's end", lambda: not cluster.kubectl("get", "crd", CRD, "--ignore-not-found"))


@pytest.mark.parametrize("group", HELMS)
def test_a_release_of_another_name_takes_the_crd_only_when_told_to(cluster: kubectl.Admin, group: str) -> None:
    chart.Release(cluster.kubeconfig, group=group).install(chart.DIRECTORY)
    await_field(cluster, known=True)
    make(cluster, "kept")
    before = uids(cluster)
    other = chart.Release(cluster.kubeconfig, "other", group=group)
    refused = other.run("install", str(chart.DIRECTORY))
    assert refused.returncode != 0
    assert "invalid ownership metadata" in refused.stderr
    other.install(chart.DIRECTORY, "--set", "crds.install=false")
    other.uninstall()
    chart.Release(cluster.kubeconfig, group=group).uninstall()
    other.install(chart.DIRECTORY, "--take-ownership")
    assert uids(cluster) == before


def test_the_notes_tell_the_next_commands_and_their_model_is_taken(cluster: kubectl.Admin) -> None:
    release = chart.Release(cluster.kubeconfig)
    notes = release.install(
        chart.DIRECTORY, "--set-json", 'watchNamespaces=["default"]', "--set", "expose.domain=x.example"
    )
    await_field(cluster, known=True)
    assert "\n  helm test vllm-operator --namespace ops\n" in notes
    assert "my-model.x.example" in notes
    manifest = notes.partition("<<YAML\n")[2].partition("\n  YAML\n")[0]
    cluster.kubectl("create", "--dry-run=server", "--validate=strict", "-f", "-", stdin=manifest)


def test_helm_4_takes_over_a_release_of_helm_3(cluster: kubectl.Admin, older: pathlib.Path) -> None:
    chart.Release(cluster.kubeconfig, group="helm3").install(older)
    make(cluster, "old")
    before = uids(cluster)
    release = chart.Release(cluster.kubeconfig, group="helm")
    release.upgrade(chart.DIRECTORY)
    await_field(cluster, known=True)
    release.rollback()
    await_field(cluster, known=False)
    assert uids(cluster) == before
