"""What has to be removed of a live object because it is ours and no longer wanted, as operations of a JSON patch. Pure.

A removed default comes back as the same default, so the API server's defaults, which our creation owns, may be among them.
Removals of a list's items come from its end, or the indices before them would shift. An item that we made goes whole, with what
others put into it: a container without its image could not stay.
"""

from collections.abc import Iterator
from typing import Any

import orjson

from vllm_operator.kube import list_keys, pointers
from vllm_operator.kube.field_ownership import Fields

ABSENT = object()
REMOVE: pointers.Operation = {"op": "remove", "path": ""}


def removals(owned: Fields, wanted: Any, live: Any) -> list[pointers.Operation]:
    """Return the removals of what is `owned`, in `live` and not in `wanted`."""
    if isinstance(live, dict):
        return [one for name in owned for one in _of_field(name, owned[name], wanted, live)]
    if isinstance(live, list):
        return [one for at, name in _items(owned, live) for one in _of_item(at, name, owned[name], wanted, live)]
    return []


def _of_field(name: str, owned: Fields, wanted: Any, live: dict[str, Any]) -> Iterator[pointers.Operation]:
    field = name.removeprefix("f:")
    if not name.startswith("f:") or field not in live:
        return
    value = wanted.get(field, ABSENT) if isinstance(wanted, dict) else ABSENT
    if value is not ABSENT and field in list_keys.WHOLE_MAPS:
        return
    yield from pointers.under(field, _of_value(owned, value, live[field]))


def _of_item(at: int, name: str, owned: Fields, wanted: Any, live: list[Any]) -> Iterator[pointers.Operation]:
    keys = _keys(name)
    found = list_keys.index(tuple(keys), keys, wanted) if isinstance(wanted, list) else None
    value = ABSENT if found is None else wanted[found]
    operations = [REMOVE] if value is ABSENT and "." in owned else _of_value(owned, value, live[at])
    if operations:
        yield from pointers.under(at, [pointers.test(next(iter(keys)), live[at]), *operations])


def _of_value(owned: Fields, wanted: Any, live: Any) -> list[pointers.Operation]:
    if wanted is ABSENT and _is_covered(owned, live):
        return [REMOVE]
    return removals(owned, wanted, live)


def _is_covered(owned: Fields, live: Any) -> bool:
    """Tell whether all of `live` is ours; without more below it, a field is owned whole."""
    inner = {name: fields for name, fields in owned.items() if name != "."}
    if not inner:
        return True
    if isinstance(live, dict):
        return all(f"f:{name}" in inner and _is_covered(inner[f"f:{name}"], value) for name, value in live.items())
    if isinstance(live, list):
        items = _items(inner, live)
        return len(items) == len(live) and all(_is_covered(inner[name], live[at]) for at, name in items)
    return True


def _items(owned: Fields, live: list[Any]) -> list[tuple[int, str]]:
    """Return index and name of the owned items that are there, the last first."""
    named = [(name, _keys(name)) for name in owned if name.startswith("k:")]
    found = [(list_keys.index(tuple(keys), keys, live), name) for name, keys in named]
    return sorted(((at, name) for at, name in found if at is not None), reverse=True)


def _keys(name: str) -> dict[str, Any]:
    keys: dict[str, Any] = orjson.loads(name.removeprefix("k:"))
    return keys
