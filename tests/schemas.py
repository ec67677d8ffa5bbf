"""JSON schemas for kubeconform, from the OpenAPI documents of a real API server: of exactly that version, and of our own kind.

There is no catalogue to be fetched from the network. A field that a schema does not name is an error, as in kubeconform's own
strict catalogue.
"""

import json
import pathlib
from collections.abc import Iterable
from typing import Any

from dev import apiserver

Schema = dict[str, Any]
LOCATION = "{{.Group}}/{{.ResourceKind}}_{{.ResourceAPIVersion}}.json"
REFERENCE = "#/components/schemas/"


def write(kubeconfig: pathlib.Path, api_versions: Iterable[str], into: pathlib.Path) -> str:
    """Write the schema of every kind of `api_versions`; return the location that kubeconform is to be given."""
    paths = _get(kubeconfig, "/openapi/v3")["paths"]
    for version in set(api_versions):
        document = _get(kubeconfig, paths[_path(version)]["serverRelativeURL"])
        definitions = {name: _strict(one) for name, one in document["components"]["schemas"].items()}
        for name, one in definitions.items():
            for kind in one.get("x-kubernetes-group-version-kind", []):
                if _version(kind) == version:
                    file = into / version.partition("/")[0] / f"{kind['kind'].lower()}_{kind['version']}.json"
                    file.parent.mkdir(parents=True, exist_ok=True)
                    file.write_text(json.dumps({"$ref": f"#/definitions/{name}", "definitions": definitions}))
    return f"{into}/{LOCATION}"


def _get(kubeconfig: pathlib.Path, path: str) -> Any:
    """Return a document; of some the API server does not say that they are JSON."""
    answer = apiserver.request(kubeconfig, "GET", path)
    return json.loads(answer) if isinstance(answer, str) else answer


def _path(version: str) -> str:
    return f"apis/{version}" if "/" in version else f"api/{version}"


def _version(kind: dict[str, str]) -> str:
    return f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]


def _strict(node: Any) -> Any:
    """Return a part of an OpenAPI document as strict JSON schema."""
    if isinstance(node, list):
        return [_strict(one) for one in node]
    if not isinstance(node, dict):
        return node
    whole = {name: _strict(inner) for name, inner in node.items() if name != "properties"}
    if isinstance(node.get("$ref"), str):
        whole["$ref"] = node["$ref"].replace(REFERENCE, "#/definitions/")
    if "properties" in node:
        whole["properties"] = {name: _strict(inner) for name, inner in node["properties"].items()}
        if "x-kubernetes-preserve-unknown-fields" not in node:
            whole.setdefault("additionalProperties", False)
    return whole
