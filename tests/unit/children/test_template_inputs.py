"""A release restarts nothing: what a stored spec asks of its pods has the hash that the first release gave it, for ever.

The hashes were computed by release 0.1 from specs as its API server stored them. None of them may be changed here.
"""

from collections.abc import Iterator
from typing import Annotated, Any, get_args

import pydantic
import pytest

from vllm_operator import api
from vllm_operator.children import template, template_inputs

DEFAULTS: dict[str, Any] = {
    "replicas": 1,
    "resources": {},
    "engine": {"allowLongContext": False, "args": [], "env": [], "startupTimeout": "30m", "drainTimeout": "60s"},
    "access": {
        "defaultRateLimit": {"requests": 6000, "unit": "Minute"},
        "rotationOverlap": "1h",
        "maxQueuedRequests": 64,
        "cors": {"allowOrigins": []},
    },
    "paused": False,
}
"""What the API server stores beside a model of release 0.1 that names its source alone."""
MODEL = {"source": "pvc://weights/meta/llama-8b", "task": "Generate"}
HARD, SOFT = "requiredDuringSchedulingIgnoredDuringExecution", "preferredDuringSchedulingIgnoredDuringExecution"
NODES = {"matchExpressions": [{"key": "zone", "operator": "Exists", "values": []}]}
PODS = {
    "topologyKey": "kubernetes.io/hostname",
    "labelSelector": {"matchLabels": {}, "matchExpressions": [{"key": "a", "operator": "Exists", "values": []}]},
    "matchLabelKeys": [],
    "mismatchLabelKeys": [],
}
SPREAD = {"maxSkew": 1, "topologyKey": "zone", "whenUnsatisfiable": "DoNotSchedule", "matchLabelKeys": [],
          "labelSelector": {"matchLabels": {"a": "b"}, "matchExpressions": []}}  # fmt: skip
STORED: dict[str, tuple[dict[str, Any], str]] = {
    "plain": ({"model": MODEL}, "5af7fff40056e1d4"),
    "empty": (
        {"model": {**MODEL, "files": []}, "guard": {"resources": {}}, "imagePullSecrets": [],
         "podMetadata": {"labels": {}, "annotations": {}},
         "scheduling": {"nodeSelector": {}, "tolerations": [], "topologySpreadConstraints": []}}, "5af7fff40056e1d4"),
    "as a later API server reads it": (
        {"model": MODEL, "engine": {**DEFAULTS["engine"], "stallTimeout": "3m"}}, "5af7fff40056e1d4"),
    "accelerated": (
        {"model": {**MODEL, "servedName": "llama"}, "replicas": 3, "paused": True, "expose": {"host": "a.b"},
         "resources": {"limits": {"nvidia.com/gpu": 2, "memory": "64Gi"}, "requests": {"cpu": "500m"}},
         "engine": {**DEFAULTS["engine"], "maxModelLen": 8192, "args": ["--dtype=bfloat16"],
                    "env": [{"name": "A", "value": ""}, {"name": "B", "value": "1"}]},
         "access": {**DEFAULTS["access"], "clients": [{"name": "a"}]}}, "9b51895c93abd643"),
    "patient": (
        {"model": {**MODEL, "task": "Embed"}, "access": {**DEFAULTS["access"], "maxQueuedRequests": 1},
         "engine": {**DEFAULTS["engine"], "startupTimeout": "45m", "drainTimeout": "1s", "allowLongContext": True,
                    "image": "registry.example/vllm:1"}}, "cd53bc7ea8832e75"),
    "placed": (
        {"model": MODEL, "serviceAccountName": "reader", "imagePullSecrets": [{"name": "registry"}],
         "podMetadata": {"labels": {"team": "a"}, "annotations": {}}, "guard": {"resources": {"limits": {"cpu": 1}}},
         "scheduling": {
            "nodeSelector": {"zone": "a"}, "priorityClassName": "high", "tolerations": [{"operator": "Exists"}],
            "topologySpreadConstraints": [SPREAD],
            "affinity": {
                "nodeAffinity": {HARD: {"nodeSelectorTerms": [NODES]}, SOFT: []},
                "podAffinity": {HARD: [], SOFT: [{"weight": 1, "podAffinityTerm": PODS}]},
                "podAntiAffinity": {HARD: [PODS], SOFT: []}}}}, "7d7bf1598f4a9990"),
}  # fmt: skip


def stored(name: str) -> dict[str, Any]:
    return {**DEFAULTS, **STORED[name][0]}


@pytest.mark.parametrize("name", STORED)
def test_a_stored_spec_has_the_hash_of_the_first_release(name: str) -> None:
    assert template.digest(api.parse(stored(name))) == STORED[name][1]


@pytest.mark.parametrize("name", STORED)
def test_a_spec_that_leaves_the_defaults_out_has_the_same_hash(name: str) -> None:
    assert template.digest(api.parse(STORED[name][0])) == STORED[name][1]


class Engine(api.Engine):
    """The engine's part in a later release: two defaults are others, and a field is new."""

    startup_timeout: str = "2h"
    args: tuple[Annotated[str, pydantic.Field(max_length=1024)], ...] = ("--enable-prefix-caching",)
    cache: str | None = None


class Spec(api.Spec):
    """A later release's spec."""

    engine: Engine = Engine()
    image_pull_secrets: tuple[api.PullSecret, ...] = (api.PullSecret(name="of-all"),)


@pytest.mark.parametrize("name", STORED)
def test_a_release_with_other_defaults_changes_no_hash_of_a_stored_spec(name: str) -> None:
    assert template.digest(Spec.model_validate(stored(name))) == STORED[name][1]


def test_a_later_default_that_is_stored_is_part_of_the_hash() -> None:
    later = {"model": MODEL, "engine": {"startupTimeout": "2h"}}
    assert template.digest(Spec.model_validate(later)) == template.digest(api.parse(later)) != STORED["plain"][1]


def shapes(shape: Any = api.Spec, names: tuple[str, ...] = template_inputs.PARTS) -> Iterator[tuple[str, str, Any]]:
    """Yield the class, the name and the default of each field that the template is made of."""
    for name in names:
        field = shape.model_fields[name]
        if not field.is_required():
            yield shape.__name__, name, field.get_default(call_default_factory=True)
        for inner in _classes(field.annotation):
            yield from shapes(inner, tuple(inner.model_fields))


def _classes(annotation: Any) -> Iterator[Any]:
    if isinstance(annotation, type) and issubclass(annotation, pydantic.BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _classes(inner)


def test_every_default_has_a_row_so_that_a_later_one_can_be_told_from_it() -> None:
    rows = {(shape, name) for shape, fields in template_inputs.FIRST_DEFAULTS.items() for name in fields}
    wanted = {(shape, name) for shape, name, default in shapes() if default is not None}
    assert wanted | {("Access", "max_queued_requests")} == rows


@pytest.mark.parametrize(
    ("shape", "name"), [(shape, name) for shape, fields in template_inputs.FIRST_DEFAULTS.items() for name in fields]
)
def test_no_row_can_be_changed_unnoticed(shape: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(template_inputs.FIRST_DEFAULTS[shape], name, "another")
    assert [name for name in STORED if template.digest(api.parse(stored(name))) != STORED[name][1]]
