"""The entries of spec.engine.args as vLLM's parser takes them: lists, and options that are given twice. CEL rules and code.

vLLM takes several values of an option as arguments of their own behind its name. An entry writes them as one list of JSON, and no
value may look like an option, nor become one where the kubelet expands $(NAME).
"""

import re

from vllm_operator import api

ITEM = r'("[^"\\$-][^"\\]*"|[0-9]{1,18})'
SPACE = r"[ \t\n\r]*"
LIKE_A_LIST = rf"--[^=.]*={SPACE}\[[\s\S]*\]{SPACE}"
LIST = rf"--[^=.]*={SPACE}\[{SPACE}{ITEM}({SPACE},{SPACE}{ITEM})*{SPACE}\]{SPACE}"
LIST_MESSAGE = (
    'write a list as --name=["a","b"], of numbers or texts in double quotes, none empty or beginning with - or $'
)

JSON_LISTS = ("allowed-origins", "allowed-methods", "allowed-headers")
"""Options that take a list as one argument in JSON."""

BEGIN_OTHERS = (
    "chat-template", "tokenizer", "quantization", "reasoning-parser", "numa-bind", "data-parallel-size", "kv-cache-dtype",
    "kv-cache-metrics", "long-prefill-token-threshold", "watermark", "enable-lora", "revision", "load-format",
)  # fmt: skip
"""Options whose names begin those of others, and so are no short form of them. Any other beginning is one: vLLM takes it too."""

TWICE_MESSAGE = (
    "an option is given twice, perhaps in another spelling (--no-name, _ for -, a shortened name, a part beside the whole):"
    ' write it once, and several values as --name=["a","b"]'
)
NAMES = "self.map(entry, entry.split('=')[0].replace('_', '-').replace('--no-', '--'))"
"""CEL: what each entry sets, sub-options with it."""
WITH_PARTS = f"{NAMES}.exists_one(other, other == name || other.startsWith(name + '.'))"
AS_A_BEGINNING = f"{NAMES}.exists_one(other, other.startsWith(name))"


def list_rule() -> dict[str, str]:
    """Return the CEL rule of one entry: what looks like a list is one whose values vLLM takes as such."""
    name = "self.split('=')[0].replace('_', '-')"
    named = api.cel_list(f"--{one}" for one in JSON_LISTS)
    return api.rule(
        f"!self.matches(r'^{LIKE_A_LIST}$') || self.matches(r'^{LIST}$') || {name} in {named}", LIST_MESSAGE
    )


def once_rule() -> dict[str, str]:
    """Return the CEL rule of all entries together: each option is given once."""
    whole = api.cel_list(f"--{name}" for name in BEGIN_OTHERS)
    return api.rule(
        f"{NAMES}.all(name, (name.contains('.') || name in {whole}) ? {WITH_PARTS} : {AS_A_BEGINNING})", TWICE_MESSAGE
    )


def is_bad_list(entry: str) -> bool:
    """Tell whether `entry` looks like a list and is none that vLLM can be given: the CEL rule again, in code."""
    return bool(re.fullmatch(LIKE_A_LIST, entry)) and not _is_json(entry) and not re.fullmatch(LIST, entry)


def last(entries: tuple[str, ...]) -> list[str]:
    """Return the entries but those whose option a later one gives again: older schemas let two in, and vLLM takes the last."""
    names = [entry.partition("=")[0].replace("_", "-").replace("--no-", "--") for entry in entries]
    later = [names[at + 1 :] for at in range(len(names))]
    return [
        entry
        for entry, name, others in zip(entries, names, later, strict=True)
        if not any(_sets(name, other) or _sets(other, name) for other in others)
    ]


def arguments(entry: str) -> list[str]:
    """Return the arguments that give vLLM what `entry` says: several where it holds a list."""
    if _is_json(entry) or not re.fullmatch(LIST, entry):
        return [entry]
    name, _, values = entry.partition("=")
    return [name, *(value.strip('"') for value in re.findall(ITEM, values))]


def _sets(name: str, other: str) -> bool:
    """Tell whether an entry that sets `other` sets what `name` does, or a part of it."""
    if "." in name or name.removeprefix("--") in BEGIN_OTHERS:
        return other == name or other.startswith(f"{name}.")
    return other.startswith(name)


def _is_json(entry: str) -> bool:
    return entry.partition("=")[0].replace("_", "-").removeprefix("--") in JSON_LISTS
