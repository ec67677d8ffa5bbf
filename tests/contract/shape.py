"""Whether an answer has the shape that a documented one has: its fields with its JSON types. More fields are fine.

Where the document shows null, any value will do; where it shows a fraction, a whole number too. Each element of a list is to
be like the document's first.
"""

from collections.abc import Iterator
from typing import Any

NAMES = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}

ERROR = {"error": {"message": "words", "type": "words", "param": None, "code": None}}
"""What every refusal looks like, whoever refuses: OpenAI's shape."""


def differences(documented: Any, answered: Any, path: str = "$") -> list[str]:
    """Return in words where `answered` is not as documented; empty where it is."""
    return list(_differences(documented, answered, path))


def _differences(documented: Any, answered: Any, path: str) -> Iterator[str]:
    if documented is None:
        return
    wanted, found = NAMES[type(documented)], NAMES[type(answered)]
    if wanted != found and (wanted, found) != ("number", "integer"):
        yield f"{path} is of type {found}, documented as {wanted}"
    elif isinstance(documented, dict):
        for name, value in documented.items():
            if name in answered:
                yield from _differences(value, answered[name], f"{path}.{name}")
            else:
                yield f"{path}.{name} is missing"
    elif isinstance(documented, list) and documented:
        if not answered:
            yield f"{path} is empty"
        for index, value in enumerate(answered):
            yield from _differences(documented[0], value, f"{path}[{index}]")
