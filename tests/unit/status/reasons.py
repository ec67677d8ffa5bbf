"""Every reason that a condition can have, collected from the operator's tables and from the values that its code makes."""

import ast
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from itertools import chain
from types import ModuleType

import vllm_operator
from vllm_operator.engine import cause_rows, causes, weights_rows
from vllm_operator.fetch import failures
from vllm_operator.status import conditions, dependencies, fetch_diagnosis, kubelet_words, pod_diagnosis, rule

MAKERS = {"ConditionValue": 1, "_trouble": 0, "Told": 0, "_with_remedy": 1}
"""Functions that make a condition's value, and which of their arguments is the reason."""


def of_tables() -> set[str]:
    """Return the reasons of all rows; those of generated ones are what their rows are made of."""
    rows = [
        row for rows in (*conditions.CONDITIONS.values(), pod_diagnosis.RULES, fetch_diagnosis.RULES) for row in rows
    ]
    named = {row.reason for row in rows if isinstance(row, rule.Rule) and "{" not in row.reason}
    told = {
        row.reason
        for row in (*(*cause_rows.CAUSES, *weights_rows.LAST_WORDS), *chain.from_iterable(kubelet_words.TABLES))
    }
    return named | not_found() | told | {causes.UNKNOWN, *failures.REASONS}


def not_found() -> set[str]:
    """Return the reasons of objects that a spec names and that do not exist."""
    return {f"{kind.kind}NotFound" for kind in dependencies.KINDS}


def of_code() -> set[str]:
    """Return the reasons of the values that are made outside of the tables."""
    return set(by_module())


def by_module() -> dict[str, set[str]]:
    """Return the modules, such as keys.troubles, that make a value with each reason outside of the tables."""
    found: dict[str, set[str]] = {}
    for module in _modules():
        for reason in _reasons(module):
            found.setdefault(reason, set()).add(module.__name__.removeprefix("vllm_operator."))
    return found


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(vllm_operator.__path__, "vllm_operator."):
        if not found.name.endswith("__main__"):
            yield importlib.import_module(found.name)


def _reasons(module: ModuleType) -> Iterator[str]:
    """Yield each reason that is written, or named by a constant, where a value is made or changed."""
    for call in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(call, ast.Call):
            continue
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        at = MAKERS.get(name)
        given = [call.args[at]] if at is not None and len(call.args) > at else []
        given += [keyword.value for keyword in call.keywords if name == "_replace" and keyword.arg == "reason"]
        yield from (reason for node in given if (reason := _text(node, module)))


def _text(node: ast.expr, module: ModuleType) -> str:
    """Return the text that `node` stands for; "" where that is a variable."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    return str(getattr(module, node.id, "")) if isinstance(node, ast.Name) else ""
