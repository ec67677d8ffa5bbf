"""The cluster that every other test stands on: names, Services, the edge, and kubectl's ways into a pod."""

import json
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from dev import binaries, demo, images, layout
from tests import waiting

NAMESPACE = "cluster-test"
HARDENED = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}
SERVE = "hostname >/pages/index.html; echo serving; exec busybox httpd -f -p 8080 -h /pages"
GET = r"printf 'GET / HTTP/1.0\r\n\r\n' | busybox nc -w 30 {address} {port} | busybox tail -n 1"


def kubectl(*arguments: str, stdin: object = None) -> str:
    return demo.kubectl("-n", NAMESPACE, *arguments, stdin=None if stdin is None else json.dumps(stdin))


def deployment() -> dict[str, object]:
    """Two restricted pods with a native sidecar; each asks for an accelerator and serves its name."""
    pod = {
        "terminationGracePeriodSeconds": 0,
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}},
        "volumes": [{"name": "pages", "emptyDir": {}}],
        "initContainers": [
            {
                "name": "sidecar",
                "image": images.reference("pause"),
                "restartPolicy": "Always",
                "securityContext": HARDENED,
            }
        ],
        "containers": [
            {
                "name": "web",
                "image": images.reference("pause"),
                "command": ["sh", "-c", SERVE],
                "securityContext": HARDENED,
                "resources": {"limits": {"nvidia.com/gpu": 1}},
                "readinessProbe": {"httpGet": {"path": "/", "port": 8080}, "periodSeconds": 1},
                "volumeMounts": [{"name": "pages", "mountPath": "/pages"}],
            }
        ],
    }
    template = {"metadata": {"labels": {"app": "web"}}, "spec": pod}
    spec = {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


def service(name: str, **spec: object) -> dict[str, object]:
    ports = [{"port": 80, "targetPort": 8080}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": "web"}, "ports": ports, **spec},
    }


@pytest.fixture(scope="module")
def pods(admin: object) -> Iterator[list[str]]:  # noqa: ARG001 - the cluster must be there
    """The names of the two pods behind the Services `web` and `each`."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    kubectl(
        "apply",
        "-f",
        "-",
        stdin={"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE, "labels": labels}},
    )
    for manifest in (deployment(), service("web"), service("each", clusterIP="None")):
        kubectl("apply", "-f", "-", stdin=manifest)
    kubectl("rollout", "status", "deployment/web", "--timeout=300s")
    yield kubectl("get", "pods", "-o", "jsonpath={.items[*].metadata.name}").split()
    kubectl("delete", "namespace", NAMESPACE)


def inside(pod: str, script: str) -> str:
    return kubectl("exec", pod, "-c", "web", "--", "sh", "-c", script)


def test_logs_and_exec(pods: list[str]) -> None:
    for pod in pods:
        assert kubectl("logs", pod, "-c", "web").startswith("serving")
        assert inside(pod, "hostname").strip() == pod


def test_port_forward(pods: list[str]) -> None:
    command = [binaries.find("kubectl"), f"--kubeconfig={layout.KUBECONFIG}", "-n", NAMESPACE, "port-forward"]
    with subprocess.Popen([*command, f"pod/{pods[0]}", ":8080"], stdout=subprocess.PIPE, text=True) as forward:
        assert forward.stdout
        port = forward.stdout.readline().split()[2].rpartition(":")[2]
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=60) as answer:
                assert answer.read().decode().strip() == pods[0]
        finally:
            forward.kill()


def test_names(pods: list[str]) -> None:
    addresses = kubectl("get", "pods", "-o", "jsonpath={.items[*].status.podIP}").split()
    each = inside(pods[0], f"busybox nslookup each.{NAMESPACE}.svc.cluster.local")
    assert all(f"Address: {address}\n" in each for address in addresses)
    assert "Address: " in inside(pods[0], "busybox nslookup kubernetes.default.svc.cluster.local")


def test_a_name_of_the_world_outside_is_refused_and_not_waited_for(pods: list[str]) -> None:
    assert "NXDOMAIN" in inside(pods[0], "busybox nslookup registry.example.com 2>&1 || true")


def test_a_service_answers_pods_and_the_host_from_every_pod(pods: list[str]) -> None:
    address = kubectl("get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    ask = GET.format(address=address, port=80)
    script = f"for i in $(busybox seq 30); do {ask}; done; true"
    waiting.until("answers of every pod", lambda: set(inside(pods[0], script).split()) == set(pods), _services)
    with urllib.request.urlopen(f"http://{address}/", timeout=60) as answer:
        assert answer.read().decode().strip() in pods


def _services() -> str:
    return kubectl("get", "services,endpointslices,pods", "-o", "wide")


def test_the_api_server_is_within_reach_of_pods(pods: list[str]) -> None:
    address = kubectl("get", "service", "kubernetes", "--namespace=default", "-o", "jsonpath={.spec.clusterIP}")
    assert "HTTPS server" in inside(pods[0], GET.format(address=address, port=443))


@pytest.mark.usefixtures("admin")
def test_four_accelerators_are_pretended() -> None:
    assert kubectl("get", "nodes", "-o", r"jsonpath={.items[0].status.allocatable.nvidia\.com/gpu}") == "4"
