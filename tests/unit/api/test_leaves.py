"""The table of examples has each leaf of the schema: tests/integration/test_leaves.py sees them act."""

from dev import paths
from tests import leaf_examples, leaves
from tests.leaf_examples import ACTS_LATER, ROWS

LEAVES = dict(leaves.leaves())


def test_every_leaf_has_a_row() -> None:
    missing = LEAVES.keys() - ROWS.keys() - ACTS_LATER.keys()
    assert missing == set(), (
        f"add a row to ROWS of {leaf_examples.__name__} for each: a value, and the kind that it changes"
    )
    assert (ROWS.keys() | ACTS_LATER.keys()) - LEAVES.keys() == set(), "the schema has no such leaf: take the row away"
    assert [test for test in ACTS_LATER.values() if not (paths.ROOT / test).exists()] == []
