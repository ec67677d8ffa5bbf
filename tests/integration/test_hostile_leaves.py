"""Whatever stands in a field, the API server refuses it and names the field, or takes it and all that it becomes."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest

from tests import leaves
from tests.integration import api_server, leaf_models
from tests.leaf_examples import ACTS_LATER, ROWS

LEAVES = dict(leaves.leaves())
TEXTS = {
    "empty": "", "too long": "a" * 100_000, "control characters": "a\x00\x1b[2J", "newline": "a\nb", "unicode": "٣é\u202e",
    "traversal": "../../etc/passwd", "option": "--trust-remote-code",
}  # fmt: skip
VALUES: dict[str, Any] = {**TEXTS, "negative": -1, "huge": 2**63, "null": None, "nested": {"a": {"b": []}}}


def hostile(path: str) -> Iterator[tuple[str, Any]]:
    """Yield a hostile value of each of twelve kinds, as the leaf holds it."""
    is_text = LEAVES[path].get("type") == "string"
    for name, value in {**VALUES, "wrong type": 7 if is_text else [True]}.items():
        yield name, {next(iter(ROWS[path].value)): value} if path.endswith("{}") else value


def is_named(path: str, words: str) -> bool:
    """Tell whether a refusal names the field, or the one that it stands in where a rule compares two."""
    names = path.replace("[]", "").replace("{}", "").split(".")
    return any(name in words for name in names[-2:])


@pytest.mark.parametrize("path", [path for path in LEAVES if path in ROWS])
def test_a_hostile_value_is_refused_by_name_or_served(server: api_server.ApiServer, path: str) -> None:
    _, good = leaf_models.specs(path)
    usual = leaf_models.children(leaf_models.model(good))
    for kind, value in hostile(path):
        answer = server.try_to_create(leaf_models.model(leaves.with_leaf(copy.deepcopy(good), path, value)))
        if answer.words:
            assert (answer.status in (400, 422), is_named(path, answer.words)) == (True, True), (kind, answer)
            continue
        made = leaf_models.children(answer.body)
        changed = leaf_models.judged(leaf_models.different(made, usual))
        refused = {ref: server.try_to_create(one).words for ref, one in changed.items()}
        assert set(refused.values()) <= {""}, (kind, refused)


def test_a_leaf_that_acts_later_is_refused_by_name_too(server: api_server.ApiServer) -> None:
    for path in ACTS_LATER:
        for kind, value in {**VALUES, "wrong type": 7}.items():
            answer = server.try_to_create(
                leaf_models.model(leaves.with_leaf(copy.deepcopy(leaf_models.SPEC), path, value))
            )
            assert is_named(path, answer.words) or kind == "null", (path, kind, answer)
