"""The sources of a vLLM -> the options of `vllm serve` with the kind of their values, and the variables that it reads.

Reads syntax trees and imports nothing of vLLM, so that any release can be read on any machine. What it takes for an option's kind
follows `_compute_kwargs` of vLLM's engine/arg_utils.py; tests/e2e/test_arguments.py compares it with a real parser.
"""

import ast
import itertools
import pathlib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

FLAG, SCALAR, OPTIONAL, LIST, JSON = "flag", "scalar", "optional", "list", "json"
"""No value; one; one or none; several, each an argument; one that may be an object of JSON, whose parts have names with dots."""

FRONTENDS = ("entrypoints/common/cli_args.py", "entrypoints/launchers/cli_args.py")
"""Where releases have the server's own options."""
FRONTEND = ("BaseFrontendArgs", "FrontendArgs")
ENGINE = "engine/arg_utils.py"
ORDER = ((FLAG, {"bool"}), (SCALAR, {"Literal"}), (LIST, {"list", "tuple", "set"}), (SCALAR, {"int", "float"}))
"""Which kind a value has whose type is one of several: the first that fits."""
DEEPEST = 9
"""How many names of types may stand for one another."""
PARSERS = ("make_arg_parser", "add_cli_args")
VARIABLES = "environment_variables"


class Names(NamedTuple):
    """What one release has: option -> the kind of its value, and the names of variables."""

    options: dict[str, str]
    variables: frozenset[str]


class _Types(NamedTuple):
    """Classes and names of types, of all modules that options come from. `frontend`: the class whose fields are options."""

    classes: Mapping[str, ast.ClassDef]
    aliases: Mapping[str, ast.expr]


def read(package: pathlib.Path) -> Names:
    """Return the names of the vLLM whose package `vllm` lies at `package`."""
    [frontend] = [package / one for one in FRONTENDS if (package / one).exists()]
    engine = package / ENGINE
    trees = [ast.parse(path.read_text()) for path in (frontend, engine, *sorted((package / "config").glob("*.py")))]
    types = _types(trees)
    found = dict(itertools.chain.from_iterable(_added(tree, types) for tree in trees[:2]))
    fields = {name: kind for one in FRONTEND for name, kind in _fields(types.classes[one], types)}
    own = _changed(trees[0], fields)
    return Names({**found, **own}, frozenset(_variables(ast.parse((package / "envs.py").read_text()))))


def _types(trees: Iterable[ast.Module]) -> _Types:
    body = [node for tree in trees for node in ast.walk(tree)]
    classes = {node.name: node for node in body if isinstance(node, ast.ClassDef)}
    aliases = {
        target.id: node.value
        for node in body
        if isinstance(node, ast.Assign | ast.AnnAssign) and node.value is not None
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
        if isinstance(target, ast.Name)
    }
    return _Types(classes, aliases)


def _added(tree: ast.Module, types: _Types) -> Iterator[tuple[str, str]]:
    """Yield the options that a parser is given one by one."""
    for function in ast.walk(tree):
        if isinstance(function, ast.FunctionDef) and function.name in PARSERS:
            configs = dict(_configs(function))
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and _called(call) == "add_argument":
                    yield from ((name, _kind(call, configs, types)) for name in _long(call.args))


def _long(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and str(node.value).startswith("--"):
            yield str(node.value).removeprefix("--")


def _configs(function: ast.FunctionDef) -> Iterator[tuple[str, tuple[str, str]]]:
    """Yield variables that hold the arguments of a class's fields, `x = get_kwargs(Class)`, or of one field of it."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
            continue
        value, field = node.value, ""
        if isinstance(value, ast.Subscript) and isinstance(value.slice, ast.Constant):
            field, value = str(value.slice.value), value.value
        if isinstance(value, ast.Call) and _called(value) == "get_kwargs":
            yield node.targets[0].id, (ast.unparse(value.args[0]), field)


def _kind(call: ast.Call, configs: Mapping[str, tuple[str, str]], types: _Types) -> str:
    """Return the kind of an option's value, from the call that adds it to the parser."""
    named = {word.arg: ast.unparse(word.value) for word in call.keywords if word.arg}
    if "store_true" in named.get("action", "") or "BooleanOptionalAction" in named.get("action", ""):
        return FLAG
    for node in (inner for word in call.keywords if word.arg is None for inner in ast.walk(word.value)):
        if isinstance(node, ast.Subscript) and ast.unparse(node.value) in configs:
            owner, _ = configs[ast.unparse(node.value)]
            return _of_field(owner, ast.literal_eval(node.slice), types)
        if isinstance(node, ast.Name) and configs.get(node.id, ("", ""))[1]:
            return _of_field(*configs[node.id], types)
    return LIST if named.get("nargs", "") in ("'+'", "'*'") else SCALAR


def _of_field(owner: str, field: str, types: _Types) -> str:
    return dict(_fields(types.classes[owner], types)).get(field.replace("_", "-"), SCALAR)


def _fields(owner: ast.ClassDef, types: _Types) -> Iterator[tuple[str, str]]:
    """Yield the fields of a class as options, with their kinds."""
    for node in owner.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id.replace("_", "-"), _of_type(node.annotation, types)


def _of_type(annotation: ast.expr, types: _Types) -> str:
    """Return the kind of a field's value, by its type, as vLLM decides it."""
    names = set(_names(annotation, types))
    if any(name in types.classes and _is_config(types.classes[name]) for name in names):
        return JSON
    if names == {"bool", "str", "None"}:
        return OPTIONAL
    for kind, some in ORDER:
        if names & some:
            return kind
    is_dict = "dict" in names or any(_is_dict(types.classes[name]) for name in names if name in types.classes)
    return JSON if is_dict else SCALAR


def _names(node: ast.expr, types: _Types, depth: int = 0) -> Iterator[str]:
    """Yield the types that a union is made of, without those that they hold."""
    if isinstance(node, ast.Constant):
        inner = ast.parse(node.value, mode="eval").body if isinstance(node.value, str) else None
        yield from _names(inner, types, depth) if inner else (str(node.value),)
    elif isinstance(node, ast.BinOp):
        yield from itertools.chain(_names(node.left, types, depth), _names(node.right, types, depth))
    elif isinstance(node, ast.Subscript):
        yield from _held(node, types, depth)
    elif isinstance(node, ast.Name) and node.id in types.aliases and node.id not in types.classes and depth < DEEPEST:
        yield from _names(types.aliases[node.id], types, depth + 1)
    else:
        yield ast.unparse(node).rpartition(".")[2]


def _held(node: ast.Subscript, types: _Types, depth: int) -> Iterator[str]:
    outer = ast.unparse(node.value).rpartition(".")[2]
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    if outer in ("Union", "Optional"):
        yield from itertools.chain.from_iterable(_names(one, types, depth) for one in parts)
    elif outer in ("Annotated", "SkipValidation"):
        yield from _names(parts[0], types, depth)
    else:
        yield outer


def _is_config(owner: ast.ClassDef) -> bool:
    return any("config" in text or "dataclass" in text for text in map(ast.unparse, owner.decorator_list))


def _is_dict(owner: ast.ClassDef) -> bool:
    return any(ast.unparse(base).startswith("dict") for base in owner.bases)


def _changed(tree: ast.Module, fields: Mapping[str, str]) -> dict[str, str]:
    """Return the server's options with what it changes of their arguments: types that read JSON, actions that append."""
    found = dict(fields)
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            words, value = (
                [one for one in ast.walk(node.targets[0]) if isinstance(one, ast.Constant)],
                ast.unparse(node.value),
            )
            names = [str(word.value).replace("_", "-") for word in words if str(word.value).replace("_", "-") in found]
            if value == "json.loads":
                found |= dict.fromkeys(names, JSON)
            elif value == "'append'":
                found |= dict.fromkeys(names, SCALAR)
    return found


def _variables(tree: ast.Module) -> Iterator[str]:
    """Yield the keys of the table of variables."""
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.target.id == VARIABLES:
            keys = node.value.keys if isinstance(node.value, ast.Dict) else []
            yield from (str(key.value) for key in keys if isinstance(key, ast.Constant))


def _called(call: ast.Call) -> str:
    return ast.unparse(call.func).rpartition(".")[2]
