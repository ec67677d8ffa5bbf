"""Text -> the documents of a YAML stream, as kubectl reads them: whatever the text is, in bounded time and memory.

kubectl turns YAML into JSON, so a moment is a text here, and what JSON does not have is a fault.
"""

import json
from collections.abc import Iterator
from typing import Any

import yaml

LONGEST = 8 * 2**20
"""The most bytes of a file, and of one document once its aliases are written out: etcd takes a fifth of it as one object."""
DEEPEST = 200
"""The most collections within one another: fields of a model nest to 12."""
TIMESTAMP = "tag:yaml.org,2002:timestamp"
_FAULTS = (yaml.YAMLError, ValueError, LookupError, ArithmeticError, AttributeError, TypeError, RecursionError)
"""What PyYAML raises where a scalar does not fit its tag, and json where it has no such value."""


class Unreadable(ValueError):  # noqa: N818 - what is printed
    """A text is no stream of YAML documents that JSON could hold. The text says where and why, and repeats no value."""


class _Loader(yaml.CSafeLoader):
    """YAML as kubectl reads it: a moment is a text, and no key is given twice."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        keys = [one.value for one, _ in node.value if one.tag == "tag:yaml.org,2002:str"]
        if len(set(keys)) < len(keys):
            raise yaml.constructor.ConstructorError(None, None, "a key is given twice", node.start_mark)
        return dict(super().construct_mapping(node, deep=deep))


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != TIMESTAMP]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


def documents(content: bytes) -> list[Any]:
    """Return the documents that hold something, as JSON values. Raises Unreadable."""
    if len(content) > LONGEST:
        raise Unreadable(f"holds more than {LONGEST >> 20} MiB: render fewer models at a time")
    try:
        text = content.decode()
        _check_depth(text)
        return [_json(one) for one in yaml.load_all(text, _Loader) if one is not None]
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


def _check_depth(text: str) -> None:
    """Refuse what nests so deep that a recursive reader would not return."""
    depth = 0
    for event in yaml.parse(text, yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            raise Unreadable(f"nests more than {DEEPEST} collections{_line(event.start_mark)}")


def _json(document: Any) -> Any:
    """Return the document as JSON has it: an alias is written out, up to a limit."""
    return json.loads("".join(_bounded(json.JSONEncoder(ensure_ascii=False, allow_nan=False).iterencode(document))))


def _bounded(chunks: Iterator[str]) -> Iterator[str]:
    length = 0
    for chunk in chunks:
        length += len(chunk.encode())
        if length > LONGEST:
            raise Unreadable(f"holds a document of more than {LONGEST >> 20} MiB once its aliases are written out")
        yield chunk


def _place(error: yaml.MarkedYAMLError) -> str:
    return _line(error.problem_mark or error.context_mark)


def _line(mark: Any) -> str:
    return f" at line {mark.line + 1}" if mark else ""
