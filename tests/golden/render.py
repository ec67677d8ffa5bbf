"""The golden models and what each becomes, as text for people to read: `python -m tests.golden.render` writes it anew.

Each case is a folder: model.yaml goes in, children.yaml comes out, and beside it what the guard reads. Data of Secrets is shown
decoded, and what would be shown twice is shown once: a pinned template that the Deployment has too, and the guard's static part,
which two models have alike but for their names. The page of the guide is left out, which tests/unit/guide reads. Keys are fixed,
so the goldens hold none that was ever in use.
"""

import pathlib
from typing import Any

import yaml

from vllm_operator import api, children, config, guard, keys
from vllm_operator.children import rollout
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming

HERE = pathlib.Path(__file__).parent
CASES = sorted(path.parent for path in HERE.glob("*/model.yaml"))
SHOWN = {"plain": guard.FILES, "full": (guard.ROUTES,), "embedding": (guard.ROUTES,)}
"""Which of the guard's files are shown beside a case's children."""
KEYS = {
    "default": "sk-golden-golden-golden-golden-golden-golden-0",
    "team-a": "sk-golden-golden-golden-golden-golden-golden-1",
    "team-b": "sk-golden-golden-golden-golden-golden-golden-2",
    "replaced": "sk-golden-golden-golden-golden-golden-golden-3",
}
NOW = "2026-01-01T00:00:00Z"
LINE = 100
"""The longest collection, in characters, that is shown on one line."""
PAGE = "the page of the guide"
ENGINES = {"nvidia.com/gpu": "vllm/vllm-openai:v0.33.0", "cpu": "registry.example/vllm-cpu:0.32.0"}
ALLOW = config.Allow(
    images=("registry.example/", "vllm/"),
    domains={"models": ("byteshop.in", "example")},
    service_accounts=("weights-reader",),
    pod_labels=("cost-centre",),
    pod_annotations=("cluster-autoscaler.kubernetes.io/*",),
    service_annotations=("cloud.google.com/neg",),
    ingress_annotations=("example.com/team", "nginx.ingress.kubernetes.io/proxy-*"),
)
SETTINGS = config.Config(
    ingress_class="contour",
    engine_images=ENGINES,
    allow=ALLOW,
    guide=False,
    fetch_image="registry.example/vllm-operator:v1",
)
DEFAULTS = {"uid": "00000000-0000-0000-0000-000000000001", "namespace": "models", "generation": 1}


class _Dumper(yaml.SafeDumper):
    """YAML without anchors: short collections of scalars on one line, long ones and texts of several lines in lines."""

    def ignore_aliases(self, _: object) -> bool:
        return True

    def represent_mapping(self, tag: str, mapping: Any, flow_style: bool | None = None) -> yaml.MappingNode:
        node = super().represent_mapping(tag, mapping, flow_style)
        node.flow_style = node.flow_style and len(repr(mapping)) <= LINE
        return node

    def represent_sequence(self, tag: str, sequence: Any, flow_style: bool | None = None) -> yaml.SequenceNode:
        node = super().represent_sequence(tag, sequence, flow_style)
        node.flow_style = node.flow_style and len(repr(sequence)) <= LINE
        return node


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    shown = PAGE if text.startswith("<!doctype html>") else text
    return dumper.represent_scalar("tag:yaml.org,2002:str", shown, style="|" if "\n" in shown else None)


_Dumper.add_representer(str, _text)


def case(name: str) -> kinds.Object:
    """Return the golden model of that name."""
    return model(HERE / name)


def model(folder: pathlib.Path) -> kinds.Object:
    """Return the case's ModelDeployment as the API server would return it."""
    found: kinds.Object = yaml.safe_load((folder / "model.yaml").read_text())
    return {**found, "metadata": {**DEFAULTS, **found["metadata"]}}


def desired(one: kinds.Object) -> tuple[kinds.Object, ...]:
    """Return the children of a model."""
    spec = api.Spec.model_validate(one["spec"])
    found = decided(naming.owner(one), spec)
    keys_of = issued(spec)
    guards = children.guard_secret(found, keys_of, 0)
    return (*children.client_secrets(found, keys_of), guards, *found.first, *found.server)


def decided(
    owner: naming.Owner, spec: api.Spec, settings: config.Config = SETTINGS, *revisions: kinds.Object, asked: str = ""
) -> children.Plan:
    """Return what is decided of a model of which nothing but `revisions` is there."""
    serving, live = children.serving(owner, spec, settings), rollout.Live(now=api.unix(NOW))
    return children.plan(children.Inputs(owner, spec, settings, serving, revisions, asked=asked, live=live))


def issued(spec: api.Spec) -> dict[str, keys.Issued]:
    """Return the keys of the clients, without those whose key is to be brought; team-a's key was replaced a moment ago."""
    at = api.unix(NOW)
    previous = {"team-a": (keys.Previous(KEYS["replaced"], at + api.seconds(spec.access.rotation_overlap)),)}
    return {
        client.name: keys.Issued(KEYS[client.name], client.key_version or 1, at, previous.get(client.name, ()))
        for client in keys.clients(spec.access)
        if client.key_secret_ref is None
    }


def guard_secret(one: kinds.Object) -> kinds.Object:
    """Return the guard's Secret of a model."""
    name = naming.guard_secret(one["metadata"]["name"])
    return next(child for child in desired(one) if child["metadata"]["name"] == name)


def guard_files(one: kinds.Object) -> dict[str, str]:
    """Return what the guard of a model reads, by the name of the file."""
    secret = guard_secret(one)
    return {name: record.decoded(secret, name) for name in guard.FILES}


def template(one: kinds.Object) -> kinds.Object:
    """Return the pod template of a model; {} where nothing runs."""
    found = (child["spec"]["template"] for child in desired(one) if child["kind"] == kinds.DEPLOYMENT.kind)
    return next(found, {})


def texts(folder: pathlib.Path) -> dict[str, str]:
    """Return the content of the case's generated files by name."""
    one = model(folder)
    shown = [_readable(child, template(one)) for child in desired(one)]
    files = guard_files(one)
    return {
        "children.yaml": _yaml(*shown),
        **{name: _yaml(yaml.safe_load(files[name])) for name in SHOWN.get(folder.name, ())},
    }


def _readable(child: kinds.Object, deployed: kinds.Object) -> kinds.Object:
    """Return a child as people read it."""
    if child["kind"] == kinds.SECRET.kind:
        return _decoded(child)
    if child["kind"] == kinds.CONTROLLER_REVISION.kind and child["data"]["template"] == deployed:
        return {**child, "data": {**child["data"], "template": "that of the Deployment"}}
    return child


def _decoded(secret: kinds.Object) -> kinds.Object:
    """Return a Secret with its data as text; the guard's files are shown in files of their own."""
    text = {name: record.decoded(secret, name) for name in secret["data"] if name not in guard.FILES}
    files = {name: f"the file {name}" for name in secret["data"] if name in guard.FILES}
    return {**{field: value for field, value in secret.items() if field != "data"}, "stringData": files | text}


def _yaml(*documents: Any) -> str:
    return yaml.dump_all(documents, Dumper=_Dumper, sort_keys=False, width=120, default_flow_style=None)


RUNNING = [folder for folder in CASES if template(model(folder))]

if __name__ == "__main__":
    for each in CASES:
        for name, text in texts(each).items():
            (each / name).write_text(text)
