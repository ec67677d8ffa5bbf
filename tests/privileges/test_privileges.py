"""Least privilege, from the audit logs of the last whole run: what is granted is used, and nothing that is needed is refused.

Runs by itself, after the tests that it judges; .artifacts/privileges.md is its table. The operator of the integration tests has
the same roles as the demo's, on an API server of its own, so what it does counts as well.
"""

from collections.abc import Mapping

import pytest

from dev import demo, paths
from tests import audit, chart
from tests.e2e import conftest
from tests.integration import account

OPERATORS = {"e2e": conftest.OPERATOR, "integration": account.USER}
TABLE = paths.ARTIFACTS / "privileges.md"


@pytest.fixture(scope="module", autouse=True)
def whole() -> None:
    """Skip where a part of the run was left out: a verb that it uses would look unused."""
    if left_out := ", ".join(filter(None, map(audit.left_out, OPERATORS))):
        pytest.skip(f"the last run was not whole: {left_out}")


def granted() -> set[audit.Verb]:
    """Return what the chart grants to its operator."""
    manifests = chart.objects({}, namespace=demo.OPERATOR_NAMESPACE).values()
    return audit.granted(manifests, demo.OPERATOR_NAMESPACE, "vllm-operator")


def write(rights: set[audit.Verb], used: Mapping[str, Mapping[audit.Verb, int]]) -> None:
    """Write the table of verbs, with how often each was used."""
    names = list(used)
    rows = [
        (verb.group or "core", verb.resource, verb.verb, *(str(used[name].get(verb, 0)) for name in names))
        for verb in sorted(rights)
    ]
    head = ("group", "resource", "verb", *(f"used in {name}" for name in names))
    lines = [" | ".join(row) for row in (head, ("---",) * len(head), *rows)]
    TABLE.write_text("".join(f"| {line} |\n" for line in lines))


def test_every_verb_that_the_chart_grants_is_used() -> None:
    used = {name: audit.used(name, user) for name, user in OPERATORS.items()}
    rights = granted()
    write(rights, used)
    idle = {str(verb) for verb in rights if not any(counts[verb] for counts in used.values())}
    assert not idle, (
        f"take them out of charts/vllm-operator/templates/rbac.yaml, or show in a test what they are for: {idle}"
    )


@pytest.mark.parametrize(("cluster", "user"), OPERATORS.items(), ids=OPERATORS)
def test_nothing_that_the_operator_asked_for_was_refused(cluster: str, user: str) -> None:
    assert audit.used(cluster, user)
    assert audit.refusals(cluster, user, granted()) == []
