"""A cluster of somebody's, with one scratch namespace in it that is ours for a while: what `make accept` acts on."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import time
from collections.abc import Iterator

from dev import binaries, progress

CRD = "modeldeployments.serving.byteshop.in"
READY_SECONDS = 1800
POLL_SECONDS = 2.0
MODEL = "accepted"
OPERATORS = ("app.kubernetes.io/part-of=vllm-operator", "app.kubernetes.io/name=vllm-operator")
"""Labels of operators' Deployments: charts that do not set the first set the second."""
_WATCHES = '{.spec.template.spec.containers[0].env[?(@.name=="VLLM_OPERATOR_WATCH_NAMESPACES")].value}'
WATCHED = f"{{range .items[*]}}{{.metadata.namespace}}={_WATCHES} {{end}}"


class Target:
    """A cluster of somebody's, and the one namespace of it that is ours for a while."""

    def __init__(self, context: str, name: str) -> None:
        self.context, self.name = context, name
        self._owns_crd = False

    def check(self, accelerator: str) -> None:
        """Say before anything is made what would be in the way. Raises `progress.Failure`."""
        self.kubectl("get", "--raw", "/readyz")
        self._owns_crd = not self.kubectl("get", "crd", CRD, "--ignore-not-found", "-o", "name")
        listed = json.loads(self.kubectl("get", "nodes", "-o", "json"))["items"]
        if accelerator and not any(int(node["status"]["allocatable"].get(accelerator, 0)) for node in listed):
            raise progress.Failure(
                f"no node of {self.context} offers {accelerator}", "name what it offers by ACCELERATOR=…, or none"
            )
        self._check_alone()

    def _check_alone(self) -> None:
        for label in OPERATORS:
            found = self.kubectl("get", "deployments", "-A", "-l", label, "-o", f"jsonpath={WATCHED}").split()
            if cluster_wide := [one.partition("=")[0] for one in found if one.endswith("=[]")]:
                raise progress.Failure(
                    f"the operator in the namespace {cluster_wide[0]} watches every namespace, and two would write the same "
                    "objects",
                    "uninstall it first: models keep serving, and a new install takes them over",
                )

    @contextlib.contextmanager
    def namespace(self) -> Iterator[None]:
        """Have the scratch namespace; remove it afterwards, with all that was installed, whatever happened."""
        labels = {"pod-security.kubernetes.io/enforce": "restricted"}
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name, "labels": labels}}
        self.kubectl("create", "-f", "-", stdin=json.dumps(body))
        try:
            yield
        except BaseException:
            try:
                self._clean_up()
            except progress.Failure as left:  # what failed first is what the command ends with
                progress.say(f"    the namespace {self.name}, and what was installed with it, may be left: {left}")
            raise
        self._clean_up()

    def _clean_up(self) -> None:
        with progress.step(f"removing the namespace {self.name}"):
            self._remove()

    def _remove(self) -> None:
        self.kubectl("delete", "vllm", "--all", "--ignore-not-found", check=False)
        self.run(
            "helm", "uninstall", "accept", f"--kube-context={self.context}", f"--namespace={self.name}", check=False
        )
        self.kubectl("delete", "namespace", self.name, "--timeout=300s")
        if not self._owns_crd:
            return
        if self.kubectl("get", "vllm", "--all-namespaces", "-o", "name", check=False):
            progress.say(f"    {CRD} stays, for somebody has begun to use it")
        else:
            self.kubectl("delete", "crd", CRD, "--ignore-not-found")

    @property
    def owns_crd(self) -> bool:
        """Tell whether the cluster did not know ModelDeployments before."""
        return self._owns_crd

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace and return what it prints."""
        where = (f"--context={self.context}", f"--namespace={self.name}")
        return self.run("kubectl", *where, *arguments, stdin=stdin, check=check)

    def run(self, tool: str, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run a tool, the machine's own where it has one. Raises `progress.Failure`."""
        command, env = [_tool(tool), *arguments], binaries.environment()
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, env=env)
        if check and done.returncode:
            raise progress.Failure(
                f"{tool} failed: {done.stderr.strip()[-400:]}", f"look at the context {self.context}"
            )
        return done.stdout

    def await_ready(self) -> None:
        """Wait until the model is Ready. Raises `progress.Failure` with the reason."""
        try:
            self.kubectl("wait", f"vllm/{MODEL}", "--for=condition=Ready", f"--timeout={READY_SECONDS}s")
        except progress.Failure as failure:
            raise progress.Failure(f"the model is not Ready: {self.reason()}", failure.remedy) from failure

    def await_job(self, name: str) -> None:
        """Wait until the Job is complete. Raises `progress.Failure` with its last words where it fails."""
        deadline = time.monotonic() + READY_SECONDS
        true = 'jsonpath={.status.conditions[?(@.status=="True")].type}'
        while "Complete" not in (now := self.kubectl("get", "job", name, "-o", true).split()):
            if "Failed" in now or time.monotonic() > deadline:
                said = self.kubectl("logs", f"job/{name}", "--tail=1", check=False).strip()
                raise progress.Failure(
                    f"the Job {name} did not complete ({said[-300:]})",
                    "let its pods reach the hub, or name WEIGHTS that are there",
                )
            time.sleep(POLL_SECONDS)

    def reason(self) -> str:
        """Return reason and message of Ready."""
        ready = '{.status.conditions[?(@.type=="Ready")]'
        return self.kubectl("get", "vllm", MODEL, "-o", f"jsonpath={ready}.reason}}: {ready}.message}}", check=False)

    def version(self) -> str:
        """Return the API server's version."""
        return str(json.loads(self.kubectl("get", "--raw", "/version"))["gitVersion"])

    def image(self) -> str:
        """Return the engine's image."""
        return self.kubectl("get", "vllm", MODEL, "-o", "jsonpath={.status.image}")

    def key(self) -> str:
        """Return the default client's key."""
        found = self.kubectl("get", "secret", f"{MODEL}.key.default", "-o", "jsonpath={.data.OPENAI_API_KEY}")
        return base64.b64decode(found).decode()

    @contextlib.contextmanager
    def forwarded(self) -> Iterator[str]:
        """Reach the model through its Service; yield the URL."""
        command = [_tool("kubectl"), f"--context={self.context}", f"--namespace={self.name}"]
        with subprocess.Popen(
            [*command, "port-forward", f"service/{MODEL}", ":80"], stdout=subprocess.PIPE, text=True
        ) as one:
            assert one.stdout  # noqa: S101 - asked for above
            try:
                yield f"http://{_forwarded(one.stdout.readline())}"
            finally:
                one.terminate()


def _tool(name: str) -> str:
    """Return the machine's own kubectl or helm, else the one that was built for the local cluster."""
    try:
        return shutil.which(name) or binaries.find(name)
    except progress.Failure:
        raise progress.Failure(f"{name} is not installed", f"install {name}, then run it again") from None


def _forwarded(line: str) -> str:
    """Return the address that `kubectl port-forward` says it listens on."""
    found = re.match(r"Forwarding from (\S+)", line)
    if not found:
        raise progress.Failure("kubectl cannot forward a port to the model's Service", "see the line above")
    return found[1]
