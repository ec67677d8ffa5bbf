"""Where a value of the chart is to be seen in what Helm renders."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tests import chart

Seen = Callable[[chart.Objects], object]


class Turned(NamedTuple):
    """A value other than the default, and where it is to be seen; `given` must be so for it to be seen at all."""

    value: object
    seen: Seen
    expected: object
    given: dict[str, Any] | None = None


def at(kind: str, name: str, *path: str | int) -> Seen:
    """Look into the object; None where there is no such place."""

    def seen(found: chart.Objects) -> object:
        here: Any = found.get((kind, name))
        for step in path:
            here = None if here is None else here[step] if isinstance(step, int) else here.get(step)
        return here

    return seen


def there(kind: str, name: str) -> Seen:
    return lambda found: (kind, name) in found


def template(*path: str | int) -> Seen:
    return at("Deployment", "vllm-operator", "spec", "template", *path)


def container(*path: str | int) -> Seen:
    return template("spec", "containers", 0, *path)


def monitor(kind: str, *path: str | int) -> Seen:
    return at(kind, "vllm-operator-models" if kind == "PodMonitor" else "vllm-operator", *path)


def scraped(kind: str, field: str) -> Seen:
    """Look at the first endpoint of a monitor."""
    return monitor(kind, "spec", "podMetricsEndpoints" if kind == "PodMonitor" else "endpoints", 0, field)


def alert(*path: str | int) -> Seen:
    """Look into the first alert."""
    return monitor("PrometheusRule", "spec", "groups", 0, "rules", 0, *path)


def setting(name: str) -> Seen:
    return lambda found: variables(found).get(name)


def policy(*path: str | int) -> Seen:
    return at("NetworkPolicy", "vllm-operator", "spec", *path)


def allowed(name: str, value: object) -> Turned:
    return Turned(value, lambda found: json.loads(variables(found)["VLLM_OPERATOR_ALLOW"])[name], value)


def issuer(field: str) -> Seen:
    return lambda found: json.loads(variables(found).get("VLLM_OPERATOR_ISSUER_REF", "{}")).get(field)


def gateway(field: str) -> Seen:
    return lambda found: json.loads(variables(found).get("VLLM_OPERATOR_GATEWAY", "{}")).get(field)


def variables(found: chart.Objects) -> dict[str, str]:
    """Return the variables of the operator's container, those with a plain value."""
    entries: Any = container("env")(found)
    return {entry["name"]: entry["value"] for entry in entries if "value" in entry}


def merged(values: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return `values` with `value` at `path`, whatever stands there."""
    name, _, rest = path.partition(".")
    return {**values, name: merged(values.get(name, {}), rest, value) if rest else value}


def all_of(values: Mapping[str, object]) -> dict[str, Any]:
    """Return the values that hold each of `values`, by path."""
    whole: dict[str, Any] = {}
    for path, value in values.items():
        whole = merged(whole, path, value)
    return whole
