"""A document -> the model that an API server would store, or what it would refuse of it, field by field.

Knows what a structural schema says of fields: which there are, which lists hold a name once, what becomes of null. Types, limits
and defaults are pydantic's. CEL rules are the API server's alone.
"""

import functools
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from vllm_operator import api, crd
from vllm_operator.api import schema
from vllm_operator.children import template
from vllm_operator.kube import kinds, naming
from vllm_operator.render import text

UID = "00000000-0000-0000-0000-000000000000"
"""What stands for the uid of a model that is not there yet."""
KIND = kinds.MODEL_DEPLOYMENT
NAMESPACE = re.compile(f"(?=.{{1,63}}$){schema.DNS_LABEL}")
_SCHEMA = functools.cache(crd.schema)


class Refused(ValueError):  # noqa: N818 - what is printed
    """The API server would refuse the document. Each of `faults` names a field and what to write instead."""

    def __init__(self, *faults: str) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


class Model(NamedTuple):
    """A model as it would be stored; `asked`: the upgrade annotation's value."""

    owner: naming.Owner
    spec: api.Spec
    asked: str


def is_model(document: Any) -> bool:
    """Tell whether the document says that it is a ModelDeployment."""
    return isinstance(document, dict) and document.get("kind") == KIND.kind


def items(document: Any) -> list[Any]:
    """Return the objects of a document: those of a List, such as `kubectl get -o yaml` prints, else itself."""
    found = document.get("items") if isinstance(document, dict) and document.get("kind") == "List" else None
    return found if isinstance(found, list) else [document]


def model(document: kinds.Object, namespace: str) -> Model:
    """Return the model; `namespace` is that of one that names none. Raises Refused."""
    if document.get("apiVersion") != KIND.api_version:
        raise Refused(f"apiVersion: write {KIND.api_version}")
    metadata = document.get("metadata")
    if not isinstance(metadata, dict):
        raise Refused("metadata: write metadata with a name")
    owner = _owner(metadata, namespace)
    stored = _without_nulls(document, _SCHEMA())
    faults = (*_unknown(stored, _SCHEMA(), ""), *_repeated(stored, _SCHEMA(), ""))
    try:
        spec = api.written(stored.get("spec"))
    except api.SpecNotUnderstood as error:
        raise Refused(*faults, str(error)) from None
    if faults:
        raise Refused(*faults)
    return Model(owner, spec, template.asked({"metadata": _annotated(metadata)}))


def _owner(metadata: kinds.Object, namespace: str) -> naming.Owner:
    name, where = metadata.get("name"), metadata.get("namespace", namespace)
    refusal = crd.refusal_of_name(name if isinstance(name, str) else "")
    if refusal:
        raise Refused(refusal)
    if not isinstance(where, str) or not NAMESPACE.fullmatch(where):
        raise Refused("metadata.namespace: at most 63 lower-case letters, digits and -")
    uid = metadata.get("uid")
    return naming.Owner(where, str(name), uid if isinstance(uid, str) else UID)


def _annotated(metadata: kinds.Object) -> kinds.Object:
    annotations = metadata.get("annotations")
    return {"annotations": annotations if isinstance(annotations, dict) else {}}


def _inner(value: Any, node: kinds.Object) -> Iterator[tuple[str | int, Any, kinds.Object]]:
    """Yield the values within `value` that the schema knows, each with its place and its own schema."""
    if isinstance(value, dict):
        known, others = node.get("properties", {}), node.get("additionalProperties")
        for name, inner in value.items():
            below = known.get(name, others)
            if below:
                yield name, inner, below
    elif isinstance(value, list) and "items" in node:
        for at, inner in enumerate(value):
            yield at, inner, node["items"]


def _without_nulls(value: Any, node: kinds.Object) -> Any:
    """Return `value` without fields that are null, which the API server leaves out."""
    kept = {place: _without_nulls(inner, below) for place, inner, below in _inner(value, node)}
    if isinstance(value, dict):
        return {name: kept.get(name, inner) for name, inner in value.items() if inner is not None}
    return [kept.get(at, inner) for at, inner in enumerate(value)] if isinstance(value, list) else value


def _unknown(value: Any, node: kinds.Object, path: str) -> Iterator[str]:
    """Yield the fields that the schema does not have; strict validation, as kubectl asks for, refuses them."""
    if isinstance(value, dict) and "properties" in node:
        unknown = value.keys() - node["properties"].keys()
        yield from (f"{_at(path, text.shown(name))}: unknown field: see `kubectl explain`" for name in sorted(unknown))
    for place, inner, below in _inner(value, node):
        yield from _unknown(inner, below, _at(path, place))


def _repeated(value: Any, node: kinds.Object, path: str) -> Iterator[str]:
    """Yield the lists that hold an entry twice, where each is to be there once."""
    kind, keys = node.get("x-kubernetes-list-type"), node.get("x-kubernetes-list-map-keys", ())
    if isinstance(value, list) and kind in ("set", "map"):
        told = [str([one.get(key) for key in keys]) if isinstance(one, dict) else str(one) for one in value]
        if len(set(told)) < len(told):
            yield f"{path}: Duplicate value: write each {' and '.join(keys) or 'entry'} once"
    for place, inner, below in _inner(value, node):
        yield from _repeated(inner, below, _at(path, place))


def _at(path: str, place: str | int) -> str:
    if isinstance(place, int):
        return f"{path}[{place}]"
    return f"{path}.{text.shown(place)}" if path else text.shown(place)
