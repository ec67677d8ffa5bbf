"""LoRA adapters: vLLM's options for them, where they lie for the engine, and their names in a server's arguments.

A name may hold slashes and colons, which a mount path may not, so it is written there as in an address: team/x is team%2Fx.
"""

import itertools
import json
import re
import urllib.parse
from collections.abc import Iterable, Mapping

from vllm_operator import api
from vllm_operator.engine import refusals

DIRECTORY = "/adapters"
MODULES = "--lora-modules"
RANK = 64
"""The largest rank that the engine has room for where --max-lora-rank is not given: vLLM's own choice is 16."""
AT_ONCE = 8
"""How many adapters a batch may have where --max-loras is not given: each takes the accelerator's memory, all the host's."""


def path(name: str) -> str:
    """Return where the adapter `name` lies for the engine."""
    return f"{DIRECTORY}/{urllib.parse.quote(name, safe='')}"


def arguments(spec: api.Spec) -> list[str]:
    """Return the arguments that serve the spec's adapters; none where it has none."""
    wanted = spec.model.adapters
    if not wanted:
        return []
    given = [f"--{name}={value}" for name, value in _room(spec.engine, len(wanted)).items()]
    return ["--enable-lora", *given, MODULES, *(f"{one.name}={path(one.name)}" for one in wanted)]


def _room(engine: api.Engine, count: int) -> Mapping[str, int]:
    """Return what the spec's own arguments do not say of the room for adapters."""
    wanted = {"max-lora-rank": RANK}
    if not _given(engine, "max-loras") and not _given(engine, "max-cpu-loras"):
        wanted |= {"max-loras": min(count, AT_ONCE), "max-cpu-loras": count}
    return {name: value for name, value in wanted.items() if not _given(engine, name)}


def rank(engine: api.Engine) -> int:
    """Return the largest rank that the engine has room for; 0 where its argument says none that can be read."""
    said = said_rank(engine)
    if said is None:
        return RANK
    return int(said) if re.fullmatch("[0-9]{1,6}", said) else 0


def said_rank(engine: api.Engine) -> str | None:
    """Return what the spec's own arguments say of the largest rank; None where they say nothing."""
    values = [entry.partition("=")[2] for entry in _given(engine, "max-lora-rank")]
    return values[-1] if values else None


def names(arguments: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the adapters that a server serves that was started with `arguments`."""
    arguments = list(arguments)
    found = (_name(value) for value in values(MODULES, arguments))
    return tuple(one for one in found if one)


def values(option: str, arguments: list[str]) -> list[str]:
    """Return the values of an option that may have several: behind it, or the one behind its equals sign."""
    if option in arguments:
        behind = arguments[arguments.index(option) + 1 :]
        return list(itertools.takewhile(lambda one: not one.startswith("-"), behind))
    return [one.removeprefix(f"{option}=") for one in arguments if one.startswith(f"{option}=")][:1]


def _given(engine: api.Engine, option: str) -> list[str]:
    """Return the entries that give `option`, in any spelling that vLLM's parser takes."""
    return [one for one in engine.args if option.startswith(refusals.name(one))]


def _name(value: str) -> str:
    """Return the name in one value of --lora-modules: name=path, or an object of JSON. "" where there is none."""
    if "," not in value:
        return value.partition("=")[0] if "=" in value else ""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return ""
    name = found.get("name") if isinstance(found, dict) else None
    return name if isinstance(name, str) else ""
