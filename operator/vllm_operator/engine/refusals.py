"""What no ModelDeployment may set of vLLM, options and variables, and forms that vLLM would take for another: CEL and code.

Both refuse the same: each name in any spelling that vLLM's parser takes (underscores for dashes, an unambiguous beginning, a
dotted part). table.py has the names, allowance.py those that an admin may allow. Must not know what the operator sets instead.
"""

import functools
import re
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import entries, table


class Refused(NamedTuple):
    """Names that are refused for one reason."""

    names: tuple[str, ...]
    why: str


NOBODYS = (table.OWNED, table.NEVER)
SHAPE = r"--[A-Za-z][A-Za-z0-9_-]*(([.][A-Za-z0-9_.-]+)?=[\s\S]*)?"
SHAPE_MESSAGE = "write --name or --name=value, one option an entry"
REFERENCE = "$("
REFERENCE_MESSAGE = (
    "the kubelet would put the value of a variable in place of $(NAME), and a log would show it: write it out"
)
VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
VARIABLE_MESSAGE = "a variable's name is letters, digits and _"

NAME = "self.split('=')[0].split('.')[0].replace('_', '-')"
"""CEL: the name of the option that an entry of spec.engine.args sets, as far as vLLM's parser needs it."""
OPTION = f"{NAME}.replace('--no-', '--')"
"""CEL: the same without a negation."""
BEGINS_NONE = f"!{{names}}.exists(name, name.startsWith({OPTION}))"
"""CEL: the option's name is neither one of `names` nor the beginning of one."""
IS_WHOLE = f"{OPTION} in {{whole}}"
"""CEL: the option's name is one of `whole`, which are options themselves."""


def argument_rules() -> list[dict[str, str]]:
    """Return the CEL rules of one entry of spec.engine.args."""
    shape = api.rule(f"self.matches(r'^{SHAPE}$')", SHAPE_MESSAGE)
    plain = api.rule(f"!self.contains('{REFERENCE}')", REFERENCE_MESSAGE)
    return [shape, plain, *map(argument_rule, _rows(table.OPTIONS)), *entries.form_rules()]


def argument_rule(refused: Refused) -> dict[str, str]:
    """Return the CEL rule that refuses the options of one row."""
    expression = BEGINS_NONE.format(names=api.cel_list(f"--{name}" for name in refused.names))
    if whole := [f"--{name}" for name in sorted(_others()) if any(own.startswith(name) for own in refused.names)]:
        expression = f"{IS_WHOLE.format(whole=api.cel_list(whole))} || {expression}"
    return api.rule(expression, _message(refused, "--"))


def environment_rules() -> list[dict[str, str]]:
    """Return the CEL rules of the name of one entry of spec.engine.env."""
    shape = api.rule(f"self.matches('^{VARIABLE}$')", VARIABLE_MESSAGE)
    return [shape, *map(_variable_rule, _rows(table.VARIABLES))]


def value_rule() -> dict[str, str]:
    """Return the CEL rule of one entry of spec.engine.env whose value is written out."""
    return api.rule(f"!has(self.value) || !self.value.contains('{REFERENCE}')", REFERENCE_MESSAGE)


def secret_rule() -> dict[str, str]:
    """Return the CEL rule of one entry of spec.engine.env whose value comes from a Secret."""
    return api.rule(f"!has(self.valueFrom) || self.name in {api.cel_list(secrets())}", _secret_message())


def secrets() -> tuple[str, ...]:
    """Return the variables whose values may come from a Secret. A log may show others', and so any Secret of the namespace."""
    return tuple(name for name, row in sorted(table.variables().items()) if row.secret)


def refusal_of_variable(entry: api.Env) -> str | None:
    """Say why `entry`, one of spec.engine.env, is refused, or None: the CEL rules again, in code."""
    for refused in _rows(table.VARIABLES):
        if entry.name in refused.names:
            return _message(refused, "")
    return _secret_message() if entry.value_from and entry.name not in secrets() else None


def refusal(argument: str) -> str | None:
    """Say why `argument`, an entry of spec.engine.args, is refused, or None: the CEL rules again, in code."""
    if re.fullmatch(SHAPE, argument) is None:
        return SHAPE_MESSAGE
    if REFERENCE in argument:
        return REFERENCE_MESSAGE
    return _of_name(option(argument)) or entries.wrong_form(argument)


def _of_name(given: str) -> str | None:
    if given in _others():
        return None
    found = (row for row in _rows(table.OPTIONS) if any(own.startswith(given) for own in row.names))
    return next((_message(row, "--") for row in found), None)


def name(argument: str) -> str:
    """Return the name of the option that `argument` sets, without sub-options, in the spelling with dashes."""
    return re.split("[=.]", argument, maxsplit=1)[0].replace("_", "-").removeprefix("--")


def option(argument: str) -> str:
    """Return the name of the option, without the negation that it may be given in."""
    return f"--{name(argument)}".replace("--no-", "--").removeprefix("--")


@functools.cache
def _rows(file: str) -> tuple[Refused, ...]:
    """Return what nobody may set, by reason."""
    rows = table.rows(file)
    own = table.sorted_as(rows, *NOBODYS)
    whys = dict.fromkeys(rows[name].why for name in own)
    return tuple(Refused(tuple(name for name in own if rows[name].why == why), why) for why in whys)


@functools.cache
def _others() -> frozenset[str]:
    """Return the options that are not refused here: what begins a refused name may be one of them, and then it is that one."""
    return frozenset(table.sorted_as(table.options(), table.SAFE, table.DATA, table.ADMIN))


def _variable_rule(refused: Refused) -> dict[str, str]:
    return api.rule(f"!(self in {api.cel_list(refused.names)})", _message(refused, ""))


def forms(argument: str) -> tuple[str, str, str]:
    """Return the option, the part of it, and the whole that `argument` says, with dashes: what the table may sort."""
    given = f"--{name(argument)}"
    rest = argument[len(given) :]
    return f"--{option(argument)}", f"{given}{rest.partition('=')[0]}", f"{given}{rest}"


def _secret_message() -> str:
    return f"only these variables may come from a Secret, as others may be shown in a log: {', '.join(secrets())}"


def _message(refused: Refused, dashes: str) -> str:
    return f"refused here ({', '.join(f'{dashes}{name}' for name in refused.names)}): {refused.why}"
