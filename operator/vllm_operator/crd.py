"""api -> the CustomResourceDefinition, as the API server's structural schema wants it.

Knows how pydantic writes JSON schema and what Kubernetes admits of it; the rules on engine arguments and environment come from
the engine's own table.
"""

import re
from typing import Any

from vllm_operator import api
from vllm_operator.engine import entries, refusals
from vllm_operator.kube import kinds, naming

LONGEST_NAME, NAME = 52, "[a-z]([-a-z0-9]*[a-z0-9])?"


def _root_rule(expression: str, message: str) -> kinds.Object:
    """Return a rule of the whole object, whose expression passes where what it is about is as it was stored.

    The API server forgives a stored value that a newer rule refuses where the rule's own part of the object is unchanged. The
    whole object never is, not where a status is written, so such a rule has to forgive by itself.
    """
    return {**api.rule(expression, message), "optionalOldSelf": True}


NAME_RULES = (
    _root_rule(
        f"oldSelf.hasValue() || (self.metadata.name.size() <= {LONGEST_NAME} && self.metadata.name.matches('^{NAME}$'))",
        "metadata.name: at most 52 lower-case letters, digits and -, beginning with a letter",
    ),
    _root_rule(
        f"oldSelf.hasValue() || !self.metadata.name.endsWith('{naming.PEERS_SUFFIX}')",
        f"metadata.name: the ending {naming.PEERS_SUFFIX} is taken by the models' own Services; choose another name",
    ),
)

_CERTIFICATE = "spec.expose.ingress.tls"
_ITS_SECRET = f"self.{_CERTIFICATE}.secretName"
_STORED = "oldSelf.?spec.?expose.?ingress.?tls"
_NAMES_NONE = (
    "!has(self.spec.expose) || !has(self.spec.expose.ingress) || !has(self.spec.expose.ingress.tls)"
    f" || !has({_ITS_SECRET})"
)
_IS_AS_STORED = f"{_STORED}.?secretName.orValue('') == {_ITS_SECRET}"
CERTIFICATE_RULES = (
    {
        **_root_rule(
            f"{_NAMES_NONE} || !has(self.{_CERTIFICATE}.issuerRef) || {_ITS_SECRET}.startsWith(self.metadata.name + '.')"
            f" || ({_STORED}.?issuerRef.hasValue() && {_IS_AS_STORED})",
            "an issuer writes into this Secret, so no other model may have it: write a name that begins with the model's name"
            " and a dot, or leave secretName out",
        ),
        "fieldPath": f".{_CERTIFICATE}.secretName",
    },
    {
        **_root_rule(
            f"{_NAMES_NONE} || !{_ITS_SECRET}.endsWith('.tls') || {_ITS_SECRET} == self.metadata.name + '.tls'"
            f" || {_IS_AS_STORED}",
            "a Secret whose name ends in .tls is the certificate of the model of that name: write another name, or issuerRef",
        ),
        "fieldPath": f".{_CERTIFICATE}.secretName",
    },
)
"""Two models' certificates do not meet in one Secret, since a model's name holds no dot."""


def refusal_of_name(name: str) -> str:
    """Return why a model may not have this name, as the rules say it at apply; "" where it may."""
    is_formed = len(name) <= LONGEST_NAME and re.fullmatch(NAME, name) is not None
    formed, free = (str(one["message"]) for one in NAME_RULES)
    if not is_formed:
        return formed
    return free if name.endswith(naming.PEERS_SUFFIX) else ""


def crd() -> kinds.Object:
    """Return the CustomResourceDefinition of ModelDeployments."""
    kind = kinds.MODEL_DEPLOYMENT
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kinds.GROUP}"},
        "spec": {
            "group": kinds.GROUP,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.kind.lower(),
                "shortNames": ["vllm"],
                "categories": ["all"],
            },
            "scope": "Namespaced",
            "versions": [_version()],
        },
    }


def _version() -> kinds.Object:
    return {
        "name": kinds.VERSION,
        "served": True,
        "storage": True,
        "subresources": {
            "status": {},
            "scale": {
                "specReplicasPath": ".spec.replicas",
                "statusReplicasPath": ".status.replicas",
                "labelSelectorPath": ".status.selector",
            },
        },
        "additionalPrinterColumns": _columns(),
        "schema": {"openAPIV3Schema": schema()},
    }


def _columns() -> list[kinds.Object]:
    ready = '.status.conditions[?(@.type=="Ready")].reason'
    key = '.status.clients[?(@.name=="default")].secretName'
    return [
        {"name": "Ready", "type": "integer", "jsonPath": ".status.readyReplicas"},
        {"name": "Desired", "type": "integer", "jsonPath": ".spec.replicas"},
        {"name": "Status", "type": "string", "jsonPath": ready},
        {"name": "URL", "type": "string", "jsonPath": ".status.url"},
        {"name": "Model", "type": "string", "jsonPath": ".status.model"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Key", "type": "string", "jsonPath": key, "priority": 1},
        {"name": "Image", "type": "string", "jsonPath": ".status.image", "priority": 1},
        {"name": "Accelerators", "type": "string", "jsonPath": ".status.accelerators", "priority": 1},
        {"name": "Upgrade", "type": "string", "jsonPath": ".status.upgrade", "priority": 1},
    ]


def schema() -> kinds.Object:
    """Return the schema of one ModelDeployment."""
    spec = structural(api.Spec.model_json_schema(by_alias=True))
    engine = spec["properties"]["engine"]["properties"]
    engine["args"]["items"]["x-kubernetes-validations"] = refusals.argument_rules()
    engine["args"]["x-kubernetes-validations"] = [entries.once_rule()]
    engine["env"]["items"]["properties"]["name"]["x-kubernetes-validations"] = refusals.environment_rules()
    engine["env"]["items"]["x-kubernetes-validations"] += [refusals.secret_rule(), refusals.value_rule()]
    return {
        "description": "ModelDeployment serves one model with vLLM: one apply gives it a URL, a key and a truthful status.",
        "type": "object",
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": _without_defaults(structural(api.Status.model_json_schema(by_alias=True))),
        },
        "x-kubernetes-validations": [*NAME_RULES, *CERTIFICATE_RULES],
    }


def _without_defaults(schema: kinds.Object) -> kinds.Object:
    """Return a structural schema without defaults: a status that is not stored as it is written would be written for ever."""
    found = {name: value for name, value in schema.items() if name != "default"}
    if "properties" in found:
        found["properties"] = {name: _without_defaults(one) for name, one in found["properties"].items()}
    if "items" in found:
        found["items"] = _without_defaults(found["items"])
    return found


def structural(schema: dict[str, Any]) -> dict[str, Any]:
    """Return pydantic's JSON schema as a structural one: no references, titles or nulls; objects default to `{}`."""
    return _structural(schema, schema.get("$defs", {}))


def _structural(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    node = _resolved(node, definitions)
    result = {
        key: value
        for key, value in node.items()
        if key not in ("title", "$defs", "properties", "items", "additionalProperties")
    }
    if result.get("type") == "object" and "default" in result:
        result["default"] = {}
    if "properties" in node:
        result["properties"] = {name: _structural(child, definitions) for name, child in node["properties"].items()}
    for inner in ("items", "additionalProperties"):
        if isinstance(node.get(inner), dict):
            result[inner] = _structural(node[inner], definitions)
    if result.get("x-kubernetes-int-or-string"):
        result.pop("anyOf", None)
    return result


def _resolved(node: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    """Replace a reference by what it names, and an optional type by the type: absence is Kubernetes' null."""
    if "anyOf" in node and not node.get("x-kubernetes-int-or-string"):
        options_left = [option for option in node["anyOf"] if option != {"type": "null"}]
        outer = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
        return _resolved({**options_left[0], **outer}, definitions)
    if "$ref" in node:
        name = node["$ref"].rsplit("/", 1)[1]
        outer = {key: value for key, value in node.items() if key != "$ref"}
        return _resolved({**definitions[name], **outer}, definitions)
    return node
