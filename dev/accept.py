"""One command accepts a cluster: a scratch namespace, the operator by its chart, a small model, the contract, a report, no trace.

    make accept KUBECONTEXT=my-gpus OPERATOR_IMAGE=registry.example.com/vllm-operator:0.1.0

Knows the order of the steps and what a report says; what is promised to a model's users is the contract tests' to know.
"""

import json
import os
import pathlib
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Mapping
from typing import NamedTuple

import yaml

from dev import hub_weights, paths, progress, target_cluster

CONTRACT = ("tests/e2e/test_contract.py",)
CHART = paths.ROOT / "charts" / "vllm-operator"
SERVED = "facebook/opt-125m"
"""The model that docs/api-documentation.md speaks of."""
PULL = "pull"
REPORTS = paths.ARTIFACTS / "accept"


class Wanted(NamedTuple):
    """What the caller says, each an environment variable of the same name; empty: the chart's default, or none."""

    kubecontext: str
    operator_image: str
    engine_image: str = ""
    guard_image: str = ""
    accelerator: str = "nvidia.com/gpu"  # empty: the CPU
    weights: str = (
        hub_weights.STAND_IN
    )  # name@commit on the hub, or a source whose last segments are those of the documented model
    storage_class: str = ""
    pull_secret: str = ""  # for a private registry: the config.json of `docker login`
    pull_policy: str = "IfNotPresent"

    @property
    def downloads(self) -> bool:
        """Tell whether the weights are to be fetched from the hub into a claim."""
        return "://" not in self.weights

    @property
    def source(self) -> str:
        """Return the source of the model's weights."""
        return f"pvc://weights/{SERVED}" if self.downloads else self.weights


def wanted() -> Wanted:
    """Return what the environment says. Raises `progress.Failure` where something that has no default is missing."""
    given = {name: os.environ[name.upper()] for name in Wanted._fields if name.upper() in os.environ}
    for name, example in (("kubecontext", "my-gpus"), ("operator_image", "registry.example.com/vllm-operator:0.1.0")):
        if not given.get(name):
            raise progress.Failure(f"{name.upper()} is not set", f"run `make accept … {name.upper()}={example}`")
    chosen = Wanted(**given)
    if chosen.pull_secret:
        login = pathlib.Path(chosen.pull_secret).expanduser()
        _check_login(login)
        chosen = chosen._replace(pull_secret=str(login))
    if chosen.downloads and not hub_weights.PINNED.fullmatch(chosen.weights):
        raise progress.Failure(
            f"WEIGHTS={chosen.weights} names no commit, so anything might be fetched",
            f"write it as {hub_weights.STAND_IN}",
        )
    if chosen.downloads and not image_of(chosen):
        raise progress.Failure(
            f"no engine is known for {chosen.accelerator or 'the CPU'}", "name one by ENGINE_IMAGE=…"
        )
    return chosen


def _check_login(file: pathlib.Path) -> None:
    try:
        helped = {"credsStore", "credHelpers"} & json.loads(file.read_text()).keys()
    except (OSError, ValueError, AttributeError) as error:
        raise progress.Failure(
            f"{file} is no login: {error}", "name a file of `docker login` by PULL_SECRET=…"
        ) from error
    if helped:
        remedy = "log in with `docker --config DIRECTORY login` without a helper, and name its config.json"
        raise progress.Failure(f"the logins of {file} lie in a credential helper", remedy)


def image_of(chosen: Wanted) -> str:
    """Return the engine's image: where the caller names none, the chart's for the accelerator or another of that vendor."""
    known = yaml.safe_load((CHART / "values.yaml").read_text())["engine"]["images"]
    vendor, asked = chosen.accelerator.partition("/")[0], chosen.accelerator or "cpu"
    alike = [name for name in known if name.partition("/")[0] == vendor]
    return chosen.engine_image or str(next((known[name] for name in (asked, *alike) if known.get(name)), ""))


def accept() -> int:
    """Accept the cluster; return 0 where it keeps the contract."""
    chosen, started = wanted(), time.monotonic()
    cluster = target_cluster.Target(chosen.kubecontext, f"vllm-accept-{secrets.token_hex(3)}")
    cluster.check(chosen.accelerator)
    with cluster.namespace():
        with progress.step("installing the operator"):
            _install(cluster, chosen)
        if chosen.downloads:
            with progress.step(f"fetching {chosen.weights} into a claim"):
                _fetch(cluster, chosen)
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(_model(chosen)))
        with progress.step(f"waiting until {SERVED} is Ready", cluster.reason):
            served = time.monotonic()
            cluster.await_ready()
            served = time.monotonic() - served
        with progress.step("running the contract"):
            kept, told = _contract(cluster)
        facts = {"server": cluster.version(), "model": SERVED, "accelerator": chosen.accelerator or "none (CPU)",
                 "engine": cluster.image(), "seconds until Ready": f"{served:.0f}"}  # fmt: skip
        _report(facts, kept=kept, told=told)
    progress.say(
        f"{'accepted' if kept else 'NOT accepted'} in {time.monotonic() - started:.0f} s; nothing is left behind"
    )
    return 0 if kept else 1


def _install(cluster: target_cluster.Target, chosen: Wanted) -> None:
    """Install the operator for this namespace alone: by Roles, beside whatever else the cluster runs."""
    settings = {
        **image(chosen.operator_image), "image.pullPolicy": chosen.pull_policy,
        "watchNamespaces": [cluster.name], "crds.install": cluster.owns_crd,
        "guard.image": chosen.guard_image,
        "imagePullSecrets": _pull_secrets(chosen), "pods.imagePullSecrets": _pull_secrets(chosen),
    }  # fmt: skip
    if chosen.pull_secret:
        file = f"--from-file=.dockerconfigjson={chosen.pull_secret}"
        cluster.kubectl("create", "secret", "generic", PULL, "--type=kubernetes.io/dockerconfigjson", file)
    given = [
        part
        for name, value in settings.items()
        if value != ""
        for part in ("--set-json", f"{name}={json.dumps(value)}")
    ]
    where = (f"--kube-context={cluster.context}", f"--namespace={cluster.name}")
    cluster.run("helm", "install", "accept", str(CHART), *where, "--wait", "--timeout=300s", *given)


def _pull_secrets(chosen: Wanted) -> list[dict[str, str]]:
    return [{"name": PULL}] if chosen.pull_secret else []


def image(reference: str) -> dict[str, str]:
    """Return the chart's values for the operator's image; a colon before the last slash is a registry's port."""
    name, _, digest = reference.partition("@")
    path, slash, last = name.rpartition("/")
    last, _, tag = last.partition(":")
    return {"image.repository": f"{path}{slash}{last}", "image.tag": tag, "image.digest": digest}


def _fetch(cluster: target_cluster.Target, chosen: Wanted) -> None:
    """Download the weights into the claim `weights`, with the engine's own image."""
    job = hub_weights.job(chosen.weights, SERVED, image_of(chosen), _pull_secrets(chosen))
    for manifest in (hub_weights.claim(chosen.storage_class), job):
        cluster.kubectl("apply", "-f", "-", stdin=json.dumps(manifest))
    cluster.await_job("fetch")


def _contract(cluster: target_cluster.Target) -> tuple[bool, str]:
    """Run the contract's tests through the model's Service; return whether all of it holds, and what pytest said."""
    with cluster.forwarded() as url:
        env = {**os.environ, "CONTRACT_URL": url, "CONTRACT_KEY": cluster.key()}
        command = [sys.executable, "-m", "pytest", "--quiet", "--no-header", "-rA", "-p", "no:cacheprovider", *CONTRACT]
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=paths.ROOT)
    return done.returncode == 0, done.stdout


def _report(facts: Mapping[str, str], told: str, *, kept: bool) -> None:
    """Print the report and keep it as a file."""
    lines = [f"# {'Accepted' if kept else 'NOT accepted'}", "", *(f"- {name}: {fact}" for name, fact in facts.items())]
    found = outcomes(told)
    lines += ["", "| the contract | |", "|---|---|", *(f"| {name} | {outcome.lower()} |" for outcome, name in found)]
    REPORTS.mkdir(parents=True, exist_ok=True)
    (REPORTS / "report.md").write_text("\n".join([*lines, ""]))
    (REPORTS / "contract.log").write_text(told)
    progress.say("\n".join([*lines, "", f"kept in {REPORTS}"]))


def outcomes(told: str) -> list[tuple[str, str]]:
    """Return outcome and name of each test that pytest tells of; a name may hold blanks."""
    return re.findall(r"^(PASSED|FAILED|ERROR|SKIPPED) \S*?::(.+?)(?: - .*)?$", told, re.MULTILINE)


def _model(chosen: Wanted) -> dict[str, object]:
    """Return the documented model; weights of its own may declare less than the documented context, and no call goes beyond."""
    spec: dict[str, object] = {"model": {"source": chosen.source, "servedName": SERVED}}
    engine: dict[str, object] = {"maxModelLen": 4096, "allowLongContext": True}
    if chosen.engine_image:
        engine["image"] = chosen.engine_image
    if chosen.accelerator:
        spec["resources"] = {"limits": {chosen.accelerator: 1}}
    kind = {
        "apiVersion": "serving.byteshop.in/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": target_cluster.MODEL},
    }
    return {**kind, "spec": {**spec, "engine": engine}}
