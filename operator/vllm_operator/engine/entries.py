"""The entries of spec.engine.args as vLLM's parser takes them: the form that an option wants, and options given twice.

vLLM takes several values of an option as arguments of their own behind its name. An entry writes them as one list of JSON, and no
value may look like an option, nor become one where the kubelet expands $(NAME). What is no value of an option would be taken for
an argument without one. CEL rules, and the same in code.
"""

import functools
import re

from vllm_operator import api
from vllm_operator.engine import table

ITEM = r'("[^"\\$-][^"\\]*"|[0-9]{1,18})'
SPACE = r"[ \t\n\r]*"
LIKE_A_LIST = rf"--[^=.]*={SPACE}\[[\s\S]*\]{SPACE}"
LIST = rf"--[^=.]*={SPACE}\[{SPACE}{ITEM}({SPACE},{SPACE}{ITEM})*{SPACE}\]{SPACE}"
LIST_MESSAGE = (
    'write a list as --name=["a","b"], of numbers or texts in double quotes, none empty or beginning with - or $'
)
NO_VALUE = "this option takes no value: write --name or --no-name"
ONE_VALUE = "this option takes one value, and no list: write --name=value"
A_VALUE = "this option takes a value: write --name=value"
NO_PARTS = "this option has no parts: write --name=value, without a dot in the name"

TWICE_MESSAGE = (
    "an option is given twice, perhaps in another spelling (--no-name, _ for -, a shortened name, a part beside the whole):"
    ' write it once, and several values as --name=["a","b"]'
)
OLD, NEW = "--gpu-memory-utilization", "--device-memory-utilization"
"""Two names of one option: vLLM renamed it, and takes both."""
NAMES = f"self.map(entry, entry.split('=')[0].replace('_', '-').replace('--no-', '--').replace('{NEW}', '{OLD}'))"
"""CEL: what each entry sets, sub-options with it."""
NAME = "self.split('=')[0].split('.')[0].replace('_', '-').replace('--no-', '--')"
"""CEL: the option that an entry sets or negates."""
WITH_PARTS = f"{NAMES}.exists_one(other, other == name || other.startsWith(name + '.'))"
AS_A_BEGINNING = f"{NAMES}.exists_one(other, other.startsWith(name))"


def form_rules() -> list[dict[str, str]]:
    """Return the CEL rules of one entry: its form is one that vLLM takes for the option. One that is not known may have any."""
    is_list, json = f"self.matches(r'^{LIST}$')", _named(table.taking(table.JSON))
    return [
        api.rule(f"!self.contains('=') || !({NAME} in {_named(_flags())})", NO_VALUE),
        api.rule(f"self.contains('=') || !({NAME} in {_named(_valued())})", A_VALUE),
        api.rule(f"!self.split('=')[0].contains('.') || !({NAME} in {_named(_undivided())})", NO_PARTS),
        api.rule(f"!{is_list} || !({NAME} in {_named(_single())})", ONE_VALUE),
        api.rule(
            f"!self.matches(r'^{LIKE_A_LIST}$') || {is_list} || {NAME} in {json} || {NAME} in {_named(_single())}",
            LIST_MESSAGE,
        ),
    ]


def once_rule() -> dict[str, str]:
    """Return the CEL rule of all entries together: each option is given once."""
    whole = _named(_begin_others())
    return api.rule(
        f"{NAMES}.all(name, (name.contains('.') || name in {whole}) ? {WITH_PARTS} : {AS_A_BEGINNING})", TWICE_MESSAGE
    )


def wrong_form(entry: str) -> str | None:
    """Say what is wrong with the form of `entry`, or None: the CEL rules again, in code."""
    name, is_list = _name(entry), re.fullmatch(LIST, entry) is not None
    if "=" in entry and name in _flags():
        return NO_VALUE
    if "=" not in entry and name in _valued():
        return A_VALUE
    if "." in entry.partition("=")[0] and name in _undivided():
        return NO_PARTS
    if is_list and name in _single():
        return ONE_VALUE
    may_be_list = is_list or name in table.taking(table.JSON) or name in _single()
    return LIST_MESSAGE if re.fullmatch(LIKE_A_LIST, entry) and not may_be_list else None


def last(entries: tuple[str, ...]) -> list[str]:
    """Return the entries but those whose option a later one gives again: older schemas let two in, and vLLM takes the last."""
    names = [entry.partition("=")[0].replace("_", "-").replace("--no-", "--").replace(NEW, OLD) for entry in entries]
    later = [names[at + 1 :] for at in range(len(names))]
    return [
        entry
        for entry, name, others in zip(entries, names, later, strict=True)
        if not any(_sets(name, other) or _sets(other, name) for other in others)
    ]


def arguments(entry: str) -> list[str]:
    """Return the arguments that give vLLM what `entry` says: several where it holds a list."""
    is_one = _name(entry) in table.taking(table.JSON) or _name(entry) in _single()
    if is_one or not re.fullmatch(LIST, entry):
        return [entry]
    name, _, values = entry.partition("=")
    return [name, *(value.strip('"') for value in re.findall(ITEM, values))]


def _sets(name: str, other: str) -> bool:
    """Tell whether an entry that sets `other` sets what `name` does, or a part of it."""
    if "." in name or name.removeprefix("--") in _begin_others():
        return other == name or other.startswith(f"{name}.")
    return other.startswith(name)


def _name(entry: str) -> str:
    name = re.split("[=.]", entry, maxsplit=1)[0].replace("_", "-")
    return name.replace("--no-", "--").removeprefix("--")


def _flags() -> frozenset[str]:
    return table.taking(table.FLAG)


def _valued() -> frozenset[str]:
    return table.taking(table.SCALAR, table.LIST, table.JSON)


def _undivided() -> frozenset[str]:
    return table.taking(table.FLAG, table.SCALAR, table.OPTIONAL, table.LIST)


def _single() -> frozenset[str]:
    return table.taking(table.FLAG, table.SCALAR, table.OPTIONAL)


@functools.cache
def _begin_others() -> frozenset[str]:
    """Return the options whose names begin those of others, and so are no short form of them. Any other beginning is one."""
    names = [name for name, row in table.options().items() if row.values]
    return frozenset(one for one in names if any(other != one and other.startswith(one) for other in names))


def _named(names: frozenset[str]) -> str:
    return api.cel_list(f"--{name}" for name in sorted(names))
