"""The chart's value `allow` at apply, on a real API server: what is let in, and that a refusal says what to do."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client

from tests import allow_list_cases, engine_cases, kubectl, waiting
from tests.integration import account

RELEASE = "allowed-operator"
OPEN = "allowed-nothing-set"  # under a release whose `allow` is the default
FREE_OF_THE_EDGE = ("expose.gateway.parentRefs", "expose.ingress.className")
PLACES = (allow_list_cases.HERE, allow_list_cases.ELSEWHERE)


def model(spec: dict[str, Any], namespace: str) -> dict[str, Any]:
    return {
        **kubectl.model("judged"),
        "metadata": {"name": allow_list_cases.NAME, "namespace": namespace},
        "spec": spec,
    }


@pytest.fixture(scope="module")
def judged(served: pathlib.Path) -> Iterator[pathlib.Path]:
    """An API server on which two releases rule over namespaces of their own."""
    for namespace in (*PLACES, OPEN):
        account.kubectl(served, "create", "namespace", namespace)
    account.apply(served, policies(RELEASE, allow_list_cases.ALLOW, list(PLACES), allow_list_cases.DOMAIN))
    account.apply(served, policies(OPEN, allow_list_cases.NOTHING, [OPEN]))
    bad = {"model": {"source": "file:///models/a"}, "serviceAccountName": "none"}
    for place in (*PLACES, OPEN):
        waiting.until("the policy", lambda place=place: "ValidatingAdmissionPolicy" in refusal(served, bad, place))
    yield served
    account.kubectl(served, "delete", "namespace", *PLACES, OPEN, "--wait=false")


def policies(release: str, allow: dict[str, Any], places: list[str], domain: str = "") -> list[dict[str, Any]]:
    """Return the policies of a release that rules over `places`."""
    expose = {"domain": domain}
    values = {"allow": allow, "watchNamespaces": places, "admission": {"enabled": True}, "expose": expose}
    return [one for one in account.rights(release, values) if one["kind"].startswith("ValidatingAdmission")]


def refusal(served: pathlib.Path, spec: dict[str, Any], namespace: str) -> str:
    """Return the words with which a model of that spec is refused, empty where it is taken."""
    try:
        kubectl.create(served, model(spec, namespace), dry_run=True)
    except client.ApiException as refused:
        return str(json.loads(refused.body)["message"])
    return ""


@pytest.mark.parametrize("case", [*allow_list_cases.CASES, *engine_cases.CASES], ids=str)
def test_what_is_on_the_list_is_let_in_and_nothing_else(judged: pathlib.Path, case: allow_list_cases.Case) -> None:
    said = refusal(judged, case.spec(), case.namespace)
    assert (said == "") == case.passes, said
    if not case.passes:
        assert f"'vllm-operator.{RELEASE}.allow'" in said
        assert "of the chart vllm-operator" in said


@pytest.mark.parametrize(("path", "value", "words"), [
    ("engine.image", "evil.example/x", "image evil.example/x is not allowed here: use one of registry.example.com/team, "),
    ("expose.host", "a.example",
     f"in the namespace {allow_list_cases.HERE}: write in spec.expose.host and spec.expose.url one under models.example.com, "),
    ("expose.host", f"a.{allow_list_cases.DOMAIN}",
     f"where the hosts of this model are judged.{allow_list_cases.DOMAIN} and judged.{allow_list_cases.HERE}."),
    ("expose.ingress", {"className": "outer"}, "spec.expose.ingress.className: outer is not allowed here: leave it out, choose "),
    ("serviceAccountName", "admin", "spec.serviceAccountName: admin is not allowed here: leave it out, choose from model, "),
    ("engine.args", ["--log_config_file=/x"], "spec.engine.args: --log-config-file is not allowed here: leave it out"),
    ("engine.args", ["--max-num-se=1"], "--max-num-se is not allowed here: leave it out, write its whole name"),
    ("engine.env", [{"name": "MY_OWN"}], "have an admin add it to the value allow.engineEnv of the chart vllm-operator"),
    ("podMetadata.labels", {"a": "b"}, "or have an admin add it to the value allow.podLabels of the chart vllm-operator"),
])  # fmt: skip
def test_a_refusal_says_what_to_write_instead(judged: pathlib.Path, path: str, value: Any, words: str) -> None:
    assert words in refusal(judged, allow_list_cases.Case(path, value, passes=False).spec(), allow_list_cases.HERE)


@pytest.mark.parametrize("case", allow_list_cases.CASES, ids=str)
def test_with_nothing_set_images_and_hosts_are_free_and_the_rest_is_not(
    judged: pathlib.Path, case: allow_list_cases.Case
) -> None:
    free = case.path in ("engine.image", "model.source", "expose.host", "expose.url", *FREE_OF_THE_EDGE)
    free = free or case.value == allow_list_cases.OWN_ISSUER
    assert (refusal(judged, case.spec(), OPEN) == "") == free


@pytest.mark.parametrize("case", engine_cases.CASES, ids=str)
def test_with_nothing_set_an_engine_has_what_needs_nobodys_leave(
    judged: pathlib.Path, case: allow_list_cases.Case
) -> None:
    assert (refusal(judged, case.spec(), OPEN) == "") == (case.value in engine_cases.FREE)


def test_a_narrower_list_holds_at_the_next_change_of_the_spec(judged: pathlib.Path) -> None:
    admin = kubectl.Admin(judged, "allowed-before")
    admin.kubectl("create", "namespace", "allowed-before")
    admin.apply(model(allow_list_cases.Case("engine.image", "evil.example/x", passes=False).spec(), "allowed-before"))
    account.apply(judged, policies("allowed-before", allow_list_cases.ALLOW, ["allowed-before"]))
    scaled = ("patch", "vllm", "judged", "--type=merge", "-p", '{"spec": {"replicas": 2}}', "--dry-run=server")
    waiting.until("the policy", lambda: admin.kubectl(*scaled, check=False) == "")
    admin.kubectl("annotate", "vllm", "judged", "a=b")
    admin.kubectl("scale", "vllm", "judged", "--replicas=3")
    admin.kubectl("delete", "vllm", "judged")
    admin.kubectl("delete", "namespace", "allowed-before", "--wait=false")
