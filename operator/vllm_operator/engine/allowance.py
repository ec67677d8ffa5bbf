"""Which entries of spec.engine.args and spec.engine.env need an admin: those that the table does not know, or not as safe.

An entry is judged by its whole name, since a shortened one may be another option in another release. Must not know what an admin
has allowed: policy.py compares.
"""

import functools
import re
from collections.abc import Iterator
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import refusals, table

SHOWN = 3
"""How many parts of an option a reason names."""
UNKNOWN = f"no option of vLLM {table.READ}, or a shortened name: write the whole name"
UNKNOWN_VARIABLE = f"neither vLLM {table.READ} nor a library of it is known to need it"
ANY = "*"
"""The ending of a name in the table that stands for all that begins so."""

ELSEWHERE = "://"
ELSEWHERE_WHY = "it fetches from elsewhere than spec.model.source"
UPWARDS = r"[=/][.][.](/|$)"
"""A path that leaves the directory that it begins with."""


class Asked(NamedTuple):
    """What needs an admin: the option, as --name, or the variable, and why."""

    name: str
    why: str


def options(engine: api.Engine) -> Iterator[Asked]:
    """Yield the options of the spec that an admin must have allowed."""
    for argument in engine.args:
        is_refused = refusals.refusal(argument) is not None
        if not is_refused and not _is_safe(argument, trusts_code=bool(engine.trust_remote_code)):
            yield Asked(f"--{refusals.option(argument)}", _why(argument))


def variables(engine: api.Engine) -> Iterator[Asked]:
    """Yield the variables of the spec that an admin must have allowed: by name, or because their value comes from a Secret."""
    for entry in engine.env:
        row = table.variables().get(entry.name)
        if row is None:
            yield Asked(entry.name, UNKNOWN_VARIABLE)
        elif row.sort == table.ADMIN or (entry.value_from and row.secret == table.ADMIN):
            yield Asked(entry.name, row.why)


def safe_options(*, beside_code: bool = False) -> tuple[str, ...]:
    """Return the names, with dashes, that need no admin; `beside_code`: those alone that do so where code is not trusted."""
    sort = table.DATA if beside_code else table.SAFE
    return tuple(f"--{name}" for name in table.sorted_as(table.options(), sort))


def safe_variables() -> tuple[str, ...]:
    """Return the variables that need no admin, where their value is written out."""
    return table.sorted_as(table.variables(), table.SAFE)


def parts(name: str) -> tuple[str, ...]:
    """Return the parts and values of an option that need no admin, as they are written."""
    return tuple(one for one in safe_options() if one.startswith((f"--{name}.", f"--{name}=")))


@functools.cache
def _safe(*, trusts_code: bool) -> frozenset[str]:
    names = safe_options() if trusts_code else (*safe_options(), *safe_options(beside_code=True))
    return frozenset(names)


@functools.cache
def _beginnings(*, trusts_code: bool) -> tuple[str, ...]:
    return tuple(name[:-1] for name in _safe(trusts_code=trusts_code) if name.endswith(ANY))


@functools.cache
def closing() -> tuple[str, ...]:
    """Return the flags, with dashes, that need an admin. Their negation needs none, for it only closes something."""
    flags = table.taking(table.FLAG)
    return tuple(f"--{name}" for name in table.sorted_as(table.options(), table.ADMIN) if name in flags)


def _is_safe(argument: str, *, trusts_code: bool) -> bool:
    option, part, whole = forms = refusals.forms(argument)
    names = _safe(trusts_code=trusts_code)
    if option in safe_options(beside_code=True) and ELSEWHERE in whole:
        return False
    if part.startswith("--no-") and option in closing():
        return True
    begins = whole.startswith(_beginnings(trusts_code=trusts_code)) and not re.search(UPWARDS, whole)
    return not names.isdisjoint(forms) or begins


def _why(argument: str) -> str:
    option = refusals.option(argument)
    row = table.options().get(option)
    if row is None:
        return UNKNOWN
    if row.sort == table.DATA and ELSEWHERE in argument:
        return ELSEWHERE_WHY
    alone = parts(option)
    return (
        f"{row.why}; docs/engine.md has what needs no admin, such as {', '.join(alone[:SHOWN])}" if alone else row.why
    )
