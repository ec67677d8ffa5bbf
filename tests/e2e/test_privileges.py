"""Least privilege, from the audit logs of the whole run: what is granted is used, and nothing that is needed is refused.

Runs after all other tests; .artifacts/privileges.md is its table. The operator of the integration tests has the same roles, on an
API server of its own, so what it does counts as well.
"""

import pathlib
from collections.abc import Mapping

import pytest
import yaml

from dev import binaries, demo, layout, paths
from tests import audit, kubectl
from tests.e2e import conftest
from tests.integration import account

OPERATORS = {"e2e": conftest.OPERATOR, "integration": account.USER}
TABLE = paths.ARTIFACTS / "privileges.md"


@pytest.fixture(scope="module")
def whole(request: pytest.FixtureRequest) -> None:
    """Skip where a part of the run was left out: a verb that it uses would look unused."""
    left_out = missing(request.session)
    if left_out:
        pytest.skip(f"not the whole run: {left_out}")


def missing(session: pytest.Session) -> str:
    """Say what of the end-to-end and integration tests is not part of this run, empty where all of it is."""
    options = [name for name in ("keyword", "markexpr", "lf", "deselect") if session.config.getoption(name, None)]
    chosen = [argument for argument in session.config.args if "::" in argument]
    ran = {item.path for item in session.items}
    files = [file for name in OPERATORS for file in (paths.ROOT / "tests" / name).glob("test_*.py") if file not in ran]
    return ", ".join([*(f"--{option}" for option in options), *chosen, *sorted(file.name for file in files)])


def granted() -> set[audit.Verb]:
    """Return what the release of the cluster grants to its operator."""
    command = ("get", "manifest", "vllm-operator", "--namespace", demo.OPERATOR_NAMESPACE)
    text = demo.run([binaries.find("helm"), *command, f"--kubeconfig={layout.KUBECONFIG}"], capture=True).stdout
    manifests = [one for one in yaml.safe_load_all(text) if one]
    return audit.granted(manifests, demo.OPERATOR_NAMESPACE, "vllm-operator")


def write(table: pathlib.Path, rights: set[audit.Verb], used: Mapping[str, Mapping[audit.Verb, int]]) -> None:
    """Write the table of verbs, with how often each was used."""
    names = list(used)
    rows = [
        (verb.group or "core", verb.resource, verb.verb, *(str(used[name].get(verb, 0)) for name in names))
        for verb in sorted(rights)
    ]
    head = ("group", "resource", "verb", *(f"used in {name}" for name in names))
    lines = [" | ".join(row) for row in (head, ("---",) * len(head), *rows)]
    table.write_text("".join(f"| {line} |\n" for line in lines))


@pytest.mark.usefixtures("whole")
def test_every_verb_that_the_chart_grants_is_used(admin: kubectl.Admin) -> None:
    del admin
    used = {name: audit.used(name, user) for name, user in OPERATORS.items()}
    rights = granted()
    write(TABLE, rights, used)
    idle = {str(verb) for verb in rights if not any(counts[verb] for counts in used.values())}
    assert not idle, (
        f"take them out of charts/vllm-operator/templates/rbac.yaml, or show in a test what they are for: {idle}"
    )


@pytest.mark.usefixtures("admin")
def test_nothing_that_the_operator_asked_for_was_refused() -> None:
    assert audit.refusals("e2e", conftest.OPERATOR, granted()) == []
