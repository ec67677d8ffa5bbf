"""Text -> the documents of a YAML stream, as kubectl reads them: whatever the text is, in bounded time and memory.

kubectl turns YAML into JSON, so a moment is a text here, and what JSON does not have is a fault.
"""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

import yaml

LONGEST = 8 * 2**20
"""The most bytes of a file, and of its documents once their aliases are written out: etcd takes a fifth of it as one object."""
DEEPEST = 200
"""The most collections within one another: fields of a model nest to 12."""
MOST_VALUES = 500_000
"""The most scalars and collections of a file: each takes half a kilobyte of memory."""
MOST_INHERITED = 100_000
"""The most entries that mappings of a file inherit by `<<`."""
TIMESTAMP, MERGE, INTEGER, FLOAT = (f"tag:yaml.org,2002:{name}" for name in ("timestamp", "merge", "int", "float"))
NUMBERS = (INTEGER, FLOAT)
_FAULTS = (yaml.YAMLError, ValueError, LookupError, ArithmeticError, AttributeError, TypeError, RecursionError)
"""What PyYAML raises where a scalar does not fit its tag, and json where it has no such value."""


class Unreadable(ValueError):  # noqa: N818 - what is printed
    """A text is no stream of YAML documents that JSON could hold. The text says where and why, and repeats no value."""


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl reads it: moments, and numbers with colons in them, are texts, and so is each key, which is given once."""

    inherited = 0
    """The entries of mappings that others inherited, `<<`."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        if not isinstance(node, yaml.MappingNode):
            return dict(super().construct_mapping(node, deep=deep))
        self.flatten_mapping(node)
        return {self._key(key): self.construct_object(value, deep=deep) for key, value in node.value}

    def flatten_mapping(self, node: Any) -> None:
        """Replace `<<` by what it names, as PyYAML does; unlike there, an inheritance grows no faster than it is counted."""
        merged = [value for key, value in node.value if key.tag == MERGE]
        own = [(key, value) for key, value in node.value if key.tag != MERGE]
        names = {self._key(key) for key, _ in own}
        if len(names) < len(own) or len(merged) > 1:
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        node.value = own
        node.value = [*(pair for one in merged for pair in self._heirlooms(one)), *own]

    def _heirlooms(self, node: Any) -> Iterator[tuple[Any, Any]]:
        """Yield the entries of the mapping, or of several, the first last: it has its say."""
        for one in reversed(node.value) if isinstance(node, yaml.SequenceNode) else [node]:
            if not isinstance(one, yaml.MappingNode):
                raise yaml.constructor.ConstructorError(None, None, "<< names no mapping", one.start_mark)
            self.flatten_mapping(one)
            self.inherited += len(one.value)
            if self.inherited > MOST_INHERITED:
                raise Unreadable(f"inherits more than {MOST_INHERITED} entries by <<{_line(one.start_mark)}")
            yield from one.value

    def _key(self, node: Any) -> str:
        """Return a key as JSON has it. Numbers are no keys: some million of them can be made that a dictionary takes for one."""
        key = self.construct_object(node, deep=True)
        if isinstance(key, str):
            return key
        if isinstance(key, int | float | None):
            return json.dumps(key, allow_nan=False)
        raise yaml.constructor.ConstructorError(None, None, "a key is no text", node.start_mark)

    def construct_number(self, node: Any) -> int | float:
        """Return a number. One with colons has the base 60, and as many digits as it likes."""
        if ":" in self.construct_scalar(node):
            raise yaml.constructor.ConstructorError(None, None, "a number holds no colon", node.start_mark)
        return self.construct_yaml_int(node) if node.tag == INTEGER else self.construct_yaml_float(node)


def _resolvers(found: list[tuple[str, re.Pattern[str]]]) -> list[tuple[str, re.Pattern[str]]]:
    """Return what a plain text may stand for, by its form."""
    return [
        (tag, re.compile(f"(?![^:]*:)(?:{form.pattern})", form.flags) if tag in NUMBERS else form)
        for tag, form in found
        if tag != TIMESTAMP
    ]


_Loader.yaml_implicit_resolvers = {
    first: _resolvers(found) for first, found in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
for _tag in NUMBERS:
    _Loader.add_constructor(_tag, _Loader.construct_number)


def documents(content: bytes) -> list[Any]:
    """Return the documents that hold something, as JSON values. Raises Unreadable."""
    if len(content) > LONGEST:
        raise Unreadable(f"holds more than {LONGEST >> 20} MiB: render fewer models at a time")
    try:
        text = content.decode()
        _check_size(text)
        found = (one for one in yaml.load_all(text, _Loader) if one is not None)
        return list(_json(found))
    except UnicodeDecodeError as error:
        raise Unreadable(f"is no UTF-8 text at byte {error.start}") from None
    except yaml.MarkedYAMLError as error:
        raise Unreadable(f"is no YAML{_place(error)}: {error.problem or error.context}") from None
    except Unreadable:
        raise
    except _FAULTS:
        raise Unreadable(
            "holds a value that JSON does not have, such as binary data, a set or one of another tag"
        ) from None


def _check_size(text: str) -> None:
    """Refuse what nests so deep that a recursive reader would not return, and what holds more values than memory has room for."""
    depth = values = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        values += isinstance(event, yaml.NodeEvent)
        if depth > DEEPEST:
            raise Unreadable(f"nests more than {DEEPEST} collections{_line(event.start_mark)}")
        if values > MOST_VALUES:
            raise Unreadable(f"holds more than {MOST_VALUES} values: render fewer models at a time")


def _json(documents: Iterable[Any]) -> Iterator[Any]:
    """Yield the documents as JSON has them: aliases are written out, up to a limit for all together."""
    encoder, left = json.JSONEncoder(ensure_ascii=False, allow_nan=False), LONGEST
    for one in documents:
        text = "".join(_bounded(encoder.iterencode(one), left))
        left -= len(text.encode())
        yield json.loads(text)


def _bounded(chunks: Iterator[str], most: int) -> Iterator[str]:
    length = 0
    for chunk in chunks:
        length += len(chunk.encode())
        if length > most:
            raise Unreadable(f"holds more than {LONGEST >> 20} MiB once its aliases are written out")
        yield chunk


def _place(error: yaml.MarkedYAMLError) -> str:
    return _line(error.problem_mark or error.context_mark)


def _line(mark: Any) -> str:
    return f" at line {mark.line + 1}" if mark else ""
