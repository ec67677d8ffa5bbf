"""`kubectl vllm doctor` asks for every right that the chart gives to the operator's account, and for no other."""

import re
from typing import Any

import kubectl_vllm as plugin
import pytest
import yaml

from dev import paths

TEMPLATES = paths.ROOT / "charts/vllm-operator/templates"


def rules(text: str) -> list[dict[str, Any]]:
    """Return the rules of a template, without what Helm makes of it."""
    bare = "\n".join(line for line in text.splitlines() if not re.match(r"\s*[{]{2}", line))
    found = yaml.safe_load(re.sub(r"[{]{2}[^}]*[}]{2}", "made", bare))
    listed: list[dict[str, Any]] = found["rules"] if isinstance(found, dict) else found
    return listed


def granted(listed: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    return {
        (verb, group, resource)
        for rule in listed
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def asked(rights: tuple[plugin.Right, ...]) -> set[tuple[str, str, str]]:
    assert len(set(rights)) == len(rights)
    return {(right.verb, right.group, right.what()) for right in rights}


def roles() -> dict[str, set[tuple[str, str, str]]]:
    """Return what the first Role and the ClusterRole of the chart grant by themselves."""
    parts = (TEMPLATES / "rbac.yaml").read_text().split("\n---\n")
    kinds = {re.search(r"^kind: (\w+)$", one, re.MULTILINE)[1]: one for one in reversed(parts) if "\nrules:" in one}  # type: ignore[index]
    own, whole = parts[0], kinds["ClusterRole"]
    return {"own namespace": granted(rules(own)), "cluster": granted(rules(whole))}


def test_every_right_where_models_are_is_asked_for() -> None:
    helpers = (TEMPLATES / "_helpers.tpl").read_text()
    found = re.search(r'define "vllm-operator.rules" -}}\n(.*?)\n[{]{2}- end', helpers, re.DOTALL)
    assert found
    assert asked(plugin.THEIRS) == granted(rules(found[1]))


def test_every_right_in_the_cluster_and_on_the_lease_is_asked_for() -> None:
    assert asked(plugin.CLUSTER_WIDE) == roles()["cluster"]
    assert asked(plugin.OF_THE_LEASE) == roles()["own namespace"]


def test_what_is_lacking_is_told_by_resource() -> None:
    found = [right for right in plugin.THEIRS if right.verb == "delete" and right.resource == "secrets"]
    found += [right for right in plugin.THEIRS if right.subresource == "log" or right.resource == "issuers"]
    assert plugin.in_words(found) == "delete secrets; get issuers; get pods/log"
    found = [right for right in plugin.THEIRS if right.resource == "pods" and right.verb != "get"]
    assert plugin.in_words(found) == "list, watch, patch pods"


@pytest.mark.parametrize(
    ("version", "expected"),
    [
        ("v1.33.4", [("BAD", "v1.33.4: 1.34 is needed")]),
        ("v1.34.2-gke.1", [("ok", "v1.34.2-gke.1"), ("-", "a newer one is needed for oci:// sources (1.35)")]),
        ("v1.35.0", [("ok", "v1.35.0")]),
        ("None", [("BAD", "None: 1.34 is needed")]),
    ],
)
def test_what_a_kubernetes_is_too_old_for_is_told(version: str, expected: list[tuple[str, str]]) -> None:
    assert [(one.verdict, one.words) for one in plugin.judged_version(version)] == expected
