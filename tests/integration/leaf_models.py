"""Models with one field set, and what becomes of them under settings that allow all."""

import copy
import json
import re
from typing import Any

from tests import kubectl, leaves, rendering
from tests.leaf_examples import ROWS, SPEC
from vllm_operator.kube import kinds
from vllm_operator.render import chart, manifest, objects

NAMESPACE = "leaves"
ALLOW = {
    **rendering.GENEROUS["allow"], "serviceAnnotations": ["*"], "gateways": ["*"], "remoteCode": {NAMESPACE: ["*"]},
    "engineArgs": ["--*"], "engineEnv": ["*"],
}  # fmt: skip
SETTINGS = chart.settings(
    {**rendering.GENEROUS, "allow": ALLOW, "engine": {"images": {"cpu": "vllm:1", "resourceClaims": "vllm:1"}}}
)


def model(spec: Any, name: str = "leaf") -> kinds.Object:
    return {**kubectl.model(name), "metadata": {"name": name, "namespace": NAMESPACE}, "spec": spec}


def specs(path: str) -> tuple[Any, Any]:
    """Return the spec without the value of a row, and with it."""
    row = ROWS[path]
    before: Any = {**SPEC, **row.given}
    after = copy.deepcopy(before)
    for leaf, value in {path: row.value, **row.also}.items():
        after = leaves.with_leaf(after, leaf, value)
    return before, after


def children(stored: kinds.Object) -> dict[kinds.Ref, kinds.Object]:
    """Return what the operator would write for a stored model."""
    bare = {**stored, "metadata": {"name": stored["metadata"]["name"], "namespace": NAMESPACE}}
    made = objects.rendered(manifest.model(bare, NAMESPACE), SETTINGS)
    assert not made.errors
    return {kinds.ref(one): one for one in made.objects}


def different(
    one: dict[kinds.Ref, kinds.Object], other: dict[kinds.Ref, kinds.Object]
) -> dict[kinds.Ref, kinds.Object]:
    """Return the objects of `one` that `other` has not, or has otherwise in more than the hash of the spec."""
    return {ref: obj for ref, obj in one.items() if _without_hash(other.get(ref)) != _without_hash(obj)}


def _without_hash(obj: kinds.Object | None) -> str:
    """Return the object as text without the hash of the spec's own part, which changes with each of its fields."""
    return re.sub(r'(template-inputs|"inputs)": "[0-9a-f]{16}"', "", json.dumps(obj, sort_keys=True))


def judged(found: dict[kinds.Ref, kinds.Object]) -> dict[kinds.Ref, kinds.Object]:
    """Return the objects that this API server knows; of the Gateway API test_gateway.py judges."""
    return {ref: one for ref, one in found.items() if ref.kind != kinds.HTTP_ROUTE.kind}
