"""A guard of two versions back, under an operator of today: it is served, and what it refuses is said at once.

The API server, two operators and Envoy are real. There is no kubelet: the test says that the pod's guard runs, at an address of
loopback, and brings the guard's Secret to it.
"""

import base64
import contextlib
import json
import pathlib
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests import kubectl, waiting
from tests.guard import envoys, secret_volume
from tests.integration import conftest
from vllm_operator import guard

NAMESPACE, NAME, ADDRESS = "elders", "elder", "127.0.0.71"
OWN = {"VLLM_OPERATOR_WATCH_NAMESPACES": '["elders"]', "VLLM_OPERATOR_LEASE_NAME": "elders"}
SECONDS = 10.0


class Elder:
    """The guard of the model's one pod."""

    def __init__(self, admin: kubectl.Admin, root: pathlib.Path) -> None:
        self.admin, self.root = admin, root
        self.mount = secret_volume.Mount(root / "etc")
        (root / "run").mkdir()

    def held(self) -> dict[str, str]:
        """Return the files that the guard's Secret holds."""
        data = self.admin.get("secret", f"{NAME}.guard")["data"]
        return {name: base64.b64decode(data[name]).decode() for name in guard.FILES}

    def bring(self, *, broken: bool = False) -> None:
        """Bring the Secret as it stands; `broken`: with a field that this Envoy does not know."""
        files = {name: self._here(text) for name, text in self.held().items()}
        if broken:
            routes = json.loads(files["routes.yaml"])
            routes["resources"][0]["field_of_a_newer_envoy"] = True
            files["routes.yaml"] = json.dumps(routes)
        self.mount.swap(files)

    def _here(self, text: str) -> str:
        places = {
            "0.0.0.0": ADDRESS,
            guard.RUN_DIRECTORY: str(self.root / "run"),
            guard.DIRECTORY: str(self.mount.directory),
        }
        for there, here in places.items():
            text = text.replace(there, here)
        return text

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Run Envoy, and say of the pod what its kubelet would."""
        arguments = ["-c", f"{self.mount.directory}/bootstrap.yaml", *guard.ARGUMENTS[2:]]
        executable = envoys.find(guard.OLDEST).executable
        with subprocess.Popen([executable, *arguments], stdout=subprocess.DEVNULL) as process:
            try:
                waiting.until("the guard", lambda: process.poll() is not None or self.ask("") == 401)
                assert process.poll() is None, "Envoy does not take its bootstrap"
                self._tell()
                yield
            finally:
                process.terminate()

    def _tell(self) -> None:
        (pod,) = self.admin.kubectl("get", "pods", "-l", f"serving.byteshop.in/model={NAME}", "-o", "name").split()
        status = {"name": "guard", "ready": True, "started": True, "restartCount": 0, "image": "i", "imageID": "i"}
        status["state"] = {"running": {"startedAt": "2026-01-01T00:00:00Z"}}
        body = {"status": {"podIP": ADDRESS, "podIPs": [{"ip": ADDRESS}], "initContainerStatuses": [status]}}
        self.admin.kubectl("patch", pod, "--subresource=status", "-p", json.dumps(body))

    def ask(self, key: str) -> int:
        """Return the answer of the public port, 0 where there is none; no engine stands behind it."""
        given = f'header = "Authorization: Bearer {key}"\n' if key else ""
        command = ["curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", "-K", "-", f"http://{ADDRESS}:8000/v1/models"]
        return int(subprocess.run(command, input=given, capture_output=True, text=True, check=False).stdout)

    def said(self) -> tuple[str, str]:
        """Return status and reason of GuardConfigured."""
        condition = self.admin.condition(NAME, "GuardConfigured")
        return condition.get("status", ""), condition.get("reason", "")


@pytest.fixture
def elder(served: pathlib.Path, tmp_path: pathlib.Path) -> Iterator[Elder]:
    """The guard of a model that an operator of two versions back has made, and that one of today has taken over."""
    admin = kubectl.Admin(served, NAMESPACE)
    admin.kubectl("create", "namespace", NAMESPACE)
    with _operator(served, tmp_path, VLLM_OPERATOR_GUARD_IMAGE="envoyproxy/envoy:distroless-v1.38.3"):
        admin.apply({**kubectl.model(NAME), "metadata": {"name": NAME}})
        waiting.until("a pod", lambda: NAME in admin.kubectl("get", "pods", "-o", "name"), admin.world)
    one = Elder(admin, tmp_path)
    with _operator(served, tmp_path):
        admin.patch("vllm", NAME, {"spec": {"access": {"defaultRateLimit": {"requests": 60}}}})
        waiting.until("the new limit", lambda: '"limit":60,' in one.held()["routes.yaml"], admin.world)
        one.bring()
        with one.running():
            yield one
    admin.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


@contextlib.contextmanager
def _operator(kubeconfig: pathlib.Path, root: pathlib.Path, **settings: str) -> Iterator[None]:
    one = conftest.Operator(kubeconfig, root / "operator.log", **OWN, **settings)
    try:
        one.await_leader()
        yield
    finally:
        one.stop()


def test_what_an_older_guard_refuses_is_said_at_once_and_revocation_never_stops_in_silence(elder: Elder) -> None:
    def says(*what: str) -> None:
        waiting.until(" ".join(what), lambda: elder.said() == what, elder.admin.world, 5 * SECONDS)

    says("True", "Configured")
    old = elder.admin.key(NAME)
    elder.admin.kubectl("delete", "secret", f"{NAME}.key.default")
    waiting.until("a new key", lambda: elder.admin.key(NAME) not in ("", old), elder.admin.world)
    says("False", "Applying")
    elder.bring(broken=True)
    since = time.monotonic()
    says("False", "Rejected")
    assert time.monotonic() - since < SECONDS
    assert "a revoked key may still be accepted" in elder.admin.condition(NAME, "GuardConfigured")["message"]
    assert [elder.ask(key) for key in (old, elder.admin.key(NAME))] == [503, 401]
    elder.bring()
    says("True", "Configured")
    assert [elder.ask(key) for key in (old, elder.admin.key(NAME))] == [401, 503]
