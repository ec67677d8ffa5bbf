"""What an audit log says of one account: verbs it used, what it was refused, what its roles grant."""

import json
import pathlib
from typing import Any

import pytest

from tests import audit

ME = audit.account("ops", "me")
RIGHTS = {audit.Verb("apps", "deployments/scale", "patch")}
ROLE = {
    "kind": "Role", "metadata": {"name": "r"},
    "rules": [{"apiGroups": ["apps"], "resources": ["deployments", "deployments/scale"], "verbs": ["patch"]}],
}  # fmt: skip


def event(**changed: Any) -> dict[str, Any]:
    about = {"apiGroup": "apps", "resource": "deployments", "subresource": "scale"}
    whole = {
        "auditID": "1", "user": {"username": ME}, "verb": "patch", "requestURI": "/x", "objectRef": about,
        "annotations": {"authorization.k8s.io/decision": "allow"}, "responseStatus": {"code": 200},
        "stageTimestamp": "2026-01-01T00:00:00.5Z",
    }  # fmt: skip
    return {**whole, **changed}


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> pathlib.Path:
    monkeypatch.setattr(audit, "LOGS", tmp_path)
    audit.flags("here", ME)
    return audit.log("here")


def write(log: pathlib.Path, *events: dict[str, Any]) -> None:
    log.write_text("".join(json.dumps(one) + "\n" for one in events))


def test_a_request_counts_once_whatever_its_stages(log: pathlib.Path) -> None:
    write(log, event(stage="ResponseStarted"), event(stage="ResponseComplete"), event(auditID="2"))
    assert audit.used("here", ME) == {audit.Verb("apps", "deployments/scale", "patch"): 2}


def test_what_others_do_in_its_name_does_not_count(log: pathlib.Path) -> None:
    write(log, event(user={"username": "admin"}), event(impersonatedUser={"username": "x"}))
    assert not audit.used("here", ME)


def test_a_denial_is_no_use_but_a_refusal(log: pathlib.Path) -> None:
    forbidden = {"authorization.k8s.io/decision": "forbid"}
    policy = {"code": 422, "message": "ValidatingAdmissionPolicy 'x' with binding 'x' denied request: no"}
    write(log, event(annotations=forbidden), event(auditID="2", responseStatus=policy))
    assert not audit.used("here", ME)
    assert len(audit.refusals("here", ME, set())) == 2


def test_what_is_refused_while_a_release_goes_is_no_lack_of_rights(log: pathlib.Path) -> None:
    forbidden = event(annotations={"authorization.k8s.io/decision": "forbid"})
    outside = event(auditID="2", requestURI="/livez", verb="get", annotations=forbidden["annotations"])
    del outside["objectRef"]
    write(log, forbidden, outside)
    assert audit.refusals("here", ME, RIGHTS) == ["get /livez: "]


def test_a_pod_that_lives_on_was_refused_what_it_was_granted(log: pathlib.Path) -> None:
    later = event(auditID="2", stageTimestamp="2026-01-01T00:01:00Z")
    write(log, event(annotations={"authorization.k8s.io/decision": "forbid"}), later)
    assert audit.refusals("here", ME, RIGHTS) == ["patch /x: "]
    another = {"username": ME, "extra": {"authentication.kubernetes.io/pod-name": ["another"]}}
    write(log, event(annotations={"authorization.k8s.io/decision": "forbid"}), {**later, "user": another})
    assert audit.refusals("here", ME, RIGHTS) == []


def test_an_answer_that_is_no_success_is_none(log: pathlib.Path) -> None:
    write(log, event(responseStatus={"code": 404, "message": "not found"}))
    assert audit.used("here", ME)
    assert audit.refusals("here", ME, set()) == []


def test_only_roles_that_are_bound_to_the_account_grant() -> None:
    subject = {"kind": "ServiceAccount", "name": "me", "namespace": "ops"}
    binding = {
        "kind": "RoleBinding", "metadata": {"name": "b"}, "roleRef": {"kind": "Role", "name": "r"}, "subjects": [subject],
    }  # fmt: skip
    assert audit.granted([ROLE, binding], "ops", "me") == {
        audit.Verb("apps", "deployments", "patch"), audit.Verb("apps", "deployments/scale", "patch"),
    }  # fmt: skip
    assert audit.granted([ROLE, binding], "ops", "other") == set()
