"""Every field of a model's objects that the operator sends, edited by somebody else one after another on a real API server.

Which fields these are, `render` says of the same model; what the API server refuses to change needs no repair.
"""

import collections
import json
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests.golden import render
from tests.integration import api_server
from vllm_operator import api, children, config, keys
from vllm_operator.keys import record
from vllm_operator.kube import naming

SECONDS = 10.0
POLL = 0.005
TWICE = 2  # three repairs of one value within a minute are a fight
KEYED = {"containers", "env", "initContainers", "ports", "volumeMounts", "volumes"}
"""Lists that are merged by key; others are one value."""
KEYS = ("name", "containerPort", "port", "mountPath", "uid", "topologyKey", "kind")
"""What tells the items of lists apart; an object with an owner of another kind is another's, and the admission policy says so."""
UNTOUCHED = {
    "apiVersion", "kind", "status", naming.INSTALLATION_ANNOTATION, naming.ROLLOUT_ANNOTATION, record.REVOKED_UNTIL,
}  # fmt: skip
"""Fields that are not edited: by the first annotation an admin gives the model to another installation, and of what is remembered
nobody knows the former value."""
IDENTITY = {"name", "namespace"}

Object = dict[str, Any]
Path = tuple[str | int, ...]


class Repair(NamedTuple):
    """What became of an edit: `seconds` until it was put back; None where the API server refused it."""

    kind: str
    path: str
    seconds: float | None


def sent(model: Object, settings: config.Config) -> list[Object]:
    """Return what an operator with these settings sends of a live model; the values of keys are others."""
    plan = render.decided(naming.owner(model), api.Spec.model_validate(model["spec"]), settings)
    issued = {one.name: keys.Issued("sk-" + "a" * 43, 1, 1) for one in keys.clients(plan.spec.access)}
    secrets = (*children.client_secrets(plan, issued), children.guard_secret(plan, issued, 0))
    return [*secrets, *plan.first, *plan.server]


def leaves(obj: Object) -> Iterator[tuple[Path, Any]]:
    """Yield the path and the value of each field of an object that somebody may edit, without its identity."""
    for name, value in obj.items():
        if name == "metadata":
            kept = {field: inner for field, inner in value.items() if field not in IDENTITY}
            yield from _within(kept, ("metadata",))
        elif name not in UNTOUCHED:
            yield from _within(value, (name,))


def _within(value: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, dict) and value:
        for name, inner in value.items():
            if name not in UNTOUCHED:
                yield from _within(inner, (*path, name))
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        for at, item in enumerate(value):
            for name, inner in item.items():
                if name not in KEYS:
                    yield from _within(inner, (*path, at, name))
    else:
        yield path, value


def edited(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    return [*value, "x"] if isinstance(value, list) else {"x": "x"}


def chosen(obj: Object) -> list[Path]:
    """Return the paths that are edited: of what lies in a list that is one value, two."""
    found, seen = [], collections.Counter[Path]()
    for path, _ in leaves(obj):
        whole = _whole(path)
        seen[whole] += 1
        if whole == path or seen[whole] <= TWICE:
            found.append(path)
    return found


def _whole(path: Path) -> Path:
    """Return the path of what is written at once where that of `path` differs."""
    for at, name in enumerate(path):
        if isinstance(name, int) and path[at - 1] not in KEYED:
            return path[:at]
    return path


def repaired(server: api_server.ApiServer, wanted: Object) -> Iterator[Repair]:
    """Edit each field of a live object that `wanted` has; yield how long each edit stayed. Fails where one stays for good."""
    for path in chosen(wanted):
        yield _repaired(server, wanted, path)


def _repaired(server: api_server.ApiServer, wanted: Object, path: Path) -> Repair:
    live = server.get(wanted).body
    value = _at(live, path)
    named = f"{wanted['metadata']['name']} {pointer(path)}"
    other = "eA==" if path[0] == "data" and wanted["kind"] == "Secret" else edited(value)
    patch = [{"op": "replace", "path": pointer(path), "value": other}]
    answer, begun = server.patch(wanted, patch), time.monotonic()
    if answer.words or _at(answer.body, path) == value:
        return Repair(wanted["kind"], named, None)
    while _at(server.get(wanted).body, path) != value:
        assert time.monotonic() - begun < SECONDS, f"{wanted['kind']} {named} is not put back"
        time.sleep(POLL)
    return Repair(wanted["kind"], named, time.monotonic() - begun)


def pointer(path: Path) -> str:
    """Return the JSON pointer of a path."""
    return "".join("/" + str(one).replace("~", "~0").replace("/", "~1") for one in path)


def _at(obj: Any, path: Path) -> Any:
    for one in path:
        obj = obj[one] if isinstance(obj, list) else obj.get(one, {}) if isinstance(obj, dict) else {}
    return json.loads(json.dumps(obj))
