"""One golden case: model.yaml and observed.yaml in, children.yaml and status.yaml out. Run as a program it updates them all.

observed.yaml says what the world adds to the children: `deployment` and `ingress` (their status), `pods`, what stood in the way
(`missing`, `strangers`, `refused`; `troubles`: reason and message by client), and what was answered (`guards`: of each pod the
version, if not the newest, and the number rejected, or null where it is silent; `verified`: status, reason, message).
Keys are fixed, so the goldens hold none that was ever in use.
"""

import base64
import pathlib
from typing import Any

import yaml

from vllm_operator import __main__ as command
from vllm_operator import api, children, config, guard, keys
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.status import observed, rules

HERE = pathlib.Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/model.yaml"))
KEYS = {
    "default": "sk-golden-golden-golden-golden-golden-golden-0",
    "team-a": "sk-golden-golden-golden-golden-golden-golden-1",
    "team-b": "sk-golden-golden-golden-golden-golden-golden-2",
    "replaced": "sk-golden-golden-golden-golden-golden-golden-3",
}
NOW = "2026-01-01T00:00:00Z"
ENGINES = {"nvidia.com/gpu": "vllm/vllm-openai:v0.33.0", "cpu": "registry.example/vllm-cpu:0.32.0"}
ALLOW = config.Allow(
    images=("registry.example/", "vllm"),
    domains={"models": ("byteshop.in", "example")},
    service_accounts=("weights-reader",),
    pod_labels=("cost-centre",),
    pod_annotations=("cluster-autoscaler.kubernetes.io/*",),
    ingress_annotations=("example.com/team", "nginx.ingress.kubernetes.io/proxy-*"),
)
SETTINGS = config.Config(ingress_class="contour", engine_images=ENGINES, allow=ALLOW, guide=False)
DEFAULTS = {"uid": "00000000-0000-0000-0000-000000000001", "namespace": "models", "generation": 1}


def model(case: pathlib.Path) -> kinds.Object:
    """Return the case's ModelDeployment as the API server would return it."""
    found: kinds.Object = yaml.safe_load((case / "model.yaml").read_text())
    return {**found, "metadata": {**DEFAULTS, **found["metadata"]}}


def desired(one: kinds.Object) -> tuple[kinds.Object, ...]:
    """Return the children of a model."""
    return children.desired(children.Plan(naming.owner(one), _spec(one), SETTINGS, issued(_spec(one))))


def issued(spec: api.Spec) -> dict[str, keys.Issued]:
    """Return the keys of the clients, without those whose key is to be brought; team-a's key was replaced a moment ago."""
    at = api.unix(NOW)
    previous = {"team-a": (keys.Previous(KEYS["replaced"], at + api.seconds(spec.access.rotation_overlap)),)}
    return {
        client.name: keys.Issued(KEYS[client.name], client.key_version or 1, at, previous.get(client.name, ()))
        for client in keys.clients(spec.access)
        if client.key_secret_ref is None
    }


def world(case: pathlib.Path, one: kinds.Object) -> observed.ObservedState:
    """Return the world that observed.yaml describes."""
    said: dict[str, Any] = yaml.safe_load((case / "observed.yaml").read_text()) or {}
    objects = [_with_status(child, said) for child in desired(one)] + [_pod(pod) for pod in said.get("pods", [])]
    return observed.ObservedState(
        one,
        {kinds.ref(obj): obj for obj in objects},
        missing=tuple(kinds.Ref(*ref) for ref in said.get("missing", [])),
        strangers={kinds.Ref(*ref): holder for ref, holder in said.get("strangers", [])},
        refused={kinds.Ref(*ref): words for ref, words in said.get("refused", [])},
        guards={pod: _state(state, one) for pod, state in said.get("guards", {}).items()},
        troubles={client: ConditionValue("False", *why) for client, why in said.get("troubles", {}).items()},
        verified=ConditionValue(**said["verified"]) if "verified" in said else None,
    )


def is_running(case: pathlib.Path) -> bool:
    """Tell whether the case has a Deployment."""
    return any(child["kind"] == kinds.DEPLOYMENT.kind for child in desired(model(case)))


def texts(case: pathlib.Path) -> dict[str, str]:
    """Return the content of the case's generated files by name."""
    one = model(case)
    body = rules.status(world(case, one), _spec(one), SETTINGS, NOW)
    readable = [_decoded(child) for child in desired(one)]
    rendered = yaml.dump_all(readable, Dumper=command.Dumper, sort_keys=False, width=120)
    return {
        "children.yaml": rendered,
        "status.yaml": yaml.dump(body, Dumper=command.Dumper, sort_keys=False, width=120),
    }


def _decoded(child: kinds.Object) -> kinds.Object:
    """Return a Secret with its data as text; the API server takes both."""
    if child["kind"] != "Secret":
        return child
    text = {name: base64.b64decode(value).decode() for name, value in child["data"].items()}
    return {**{field: value for field, value in child.items() if field != "data"}, "stringData": text}


def _spec(one: kinds.Object) -> api.Spec:
    return api.Spec.model_validate(one["spec"])


def _with_status(child: kinds.Object, said: dict[str, Any]) -> kinds.Object:
    found = said.get(child["kind"].lower())
    return {**child, "metadata": {**child["metadata"], "generation": 1}, "status": found} if found else child


def _state(said: dict[str, Any] | None, one: kinds.Object) -> guard.State | None:
    name = naming.guard_secret(one["metadata"]["name"])
    newest = record.guard_version(next(child for child in desired(one) if child["metadata"]["name"] == name))
    return None if said is None else guard.State(said.get("version", newest), said.get("rejected", 0))


def _pod(pod: kinds.Object) -> kinds.Object:
    return {"apiVersion": "v1", "kind": "Pod", **pod, "metadata": {"namespace": "models", **pod["metadata"]}}


RUNNING = [case for case in CASES if is_running(case)]

if __name__ == "__main__":
    for each in CASES:
        for name, text in texts(each).items():
            (each / name).write_text(text)
