"""A status fits into its schema, since the API server refuses the whole of one that does not."""

from typing import Any

from tests import observations
from vllm_operator import api, crd

SCHEMA = crd.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["status"]


def overlong(node: dict[str, Any]) -> Any:
    """Return a status with everything longer than it may be."""
    if "properties" in node:
        return {name: overlong(child) for name, child in node["properties"].items()}
    if "items" in node:
        return [overlong(node["items"])] * (node["maxItems"] + 1)
    if "enum" in node or node["type"] != "string":
        return node.get("enum", [1])[0]
    return "é" * (node.get("maxLength", 19) + 1)


def faults(value: Any, node: dict[str, Any], path: str = "status") -> list[str]:
    """Return the paths of what is longer than the schema allows."""
    if isinstance(value, dict):
        return [
            found for name, one in value.items() for found in faults(one, node["properties"][name], f"{path}.{name}")
        ]
    if isinstance(value, list):
        inner = [found for one in value for found in faults(one, node["items"], f"{path}[]")]
        return inner + ([path] if len(value) > node["maxItems"] else [])
    return [path] if isinstance(value, str) and len(value) > node.get("maxLength", len(value)) else []


def test_every_text_and_list_of_a_status_is_cut_to_its_limit() -> None:
    body = overlong(SCHEMA)
    assert {"status.accelerators", "status.conditions[].message", "status.clients"} <= set(faults(body, SCHEMA))
    assert faults(api.fitted(body), SCHEMA) == []


def test_what_is_cut_ends_visibly_and_what_fits_is_left_alone() -> None:
    body = {"accelerators": "x" * 300, "model": "m" * 128, "replicas": 3, "newer": "y" * 9999}
    assert api.fitted(body) == {**body, "accelerators": f"{'x' * 255}…"}


def test_a_model_with_sixteen_kinds_of_accelerators_has_a_status() -> None:
    limits = {f"nvidia.com/{'mig-1g.5gb.shared' * 3}-{at}": 1 for at in range(16)}
    found = observations.state(observations.model({"resources": {"limits": limits}}), {})
    status = observations.status(found)
    assert faults(status, SCHEMA) == []
    assert status["accelerators"].startswith("1 nvidia.com/mig-1g.5gb")
    assert status["accelerators"].endswith("…")
