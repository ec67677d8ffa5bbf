"""The audit log of an API server, kept for one account: which verbs it used, what it was refused, and what its roles grant.

Each cluster of a test run writes a log of its own under .artifacts/audit, begun anew when the cluster starts.
"""

import collections
import datetime as dt
import json
import pathlib
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import pytest

from dev import paths

LOGS = paths.ARTIFACTS / "audit"
ENDING = dt.timedelta(seconds=30)
"""How long a pod may go on after its release went: the time that Kubernetes gives it to end."""


class Verb(NamedTuple):
    """One verb on one resource, as RBAC names both: `deployments/scale` of the group `apps`."""

    group: str
    resource: str
    verb: str

    def __str__(self) -> str:
        return f"{self.verb} {self.resource}{'.' if self.group else ''}{self.group}"


def account(namespace: str, name: str) -> str:
    """Return the user name of a ServiceAccount."""
    return f"system:serviceaccount:{namespace}:{name}"


def log(cluster: str) -> pathlib.Path:
    """Return the log of that cluster."""
    return LOGS / f"{cluster}.log"


def flags(cluster: str, *users: str) -> tuple[str, ...]:
    """Begin the log of a cluster, and return the API server's flags for it: what `users` do, without what they send or read."""
    LOGS.mkdir(parents=True, exist_ok=True)
    log(cluster).unlink(missing_ok=True)
    policy = LOGS / f"{cluster}.json"
    rules = [{"level": "Metadata", "users": list(users)}, {"level": "None"}]
    body = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
    policy.write_text(json.dumps(body))
    return (f"--audit-policy-file={policy}", f"--audit-log-path={log(cluster)}")


def of_run(folder: str, session: pytest.Session, *users: str) -> tuple[str, ...]:
    """Begin the log of the tests in `folder`, and note what of them is no part of this run; return the flags."""
    begun = flags(folder, *users)
    _note(folder).write_text(_missing(folder, session))
    return begun


def left_out(folder: str) -> str:
    """Say what of the tests in `folder` was no part of their last run, empty where all of it was."""
    note = _note(folder)
    return note.read_text() if note.exists() else f"tests/{folder} did not run"


def _note(folder: str) -> pathlib.Path:
    return LOGS / f"{folder}.left-out"


def _missing(folder: str, session: pytest.Session) -> str:
    options = [name for name in ("keyword", "markexpr", "lf", "deselect") if session.config.getoption(name, None)]
    chosen = [argument for argument in session.config.args if "::" in argument]
    ran = {item.path for item in session.items}
    files = [file.name for file in (paths.ROOT / "tests" / folder).glob("test_*.py") if file not in ran]
    return ", ".join([*(f"--{option}" for option in options), *chosen, *sorted(files)])


def events(cluster: str, user: str) -> Iterator[dict[str, Any]]:
    """Yield what `user` itself, and nobody in its name, asked of the cluster; a watch that began counts."""
    with log(cluster).open() as lines:
        for line in lines:
            if not line.endswith("\n"):
                return  # it is being written
            event = json.loads(line)
            if event["user"]["username"] == user and "impersonatedUser" not in event:
                yield event


def used(cluster: str, user: str) -> collections.Counter[Verb]:
    """Return how often each verb was used on each resource."""
    asked = {
        event["auditID"]: _verb(event)
        for event in events(cluster, user)
        if event.get("objectRef", {}).get("resource") and not is_denied(event)
    }
    return collections.Counter(asked.values())


def refusals(cluster: str, user: str, rights: AbstractSet[Verb]) -> list[str]:
    """Return what RBAC or a policy refused, in words.

    A release that goes takes its `rights` before its pods have ended: what those are refused in their last moments is none.
    """
    seen = list(events(cluster, user))
    last = {_pod(event): _at(event) for event in seen}
    return sorted({
        f"{event['verb']} {event['requestURI']}: {event.get('responseStatus', {}).get('message', '')}"
        for event in seen
        if is_denied(event) and not (_is_of(rights, event) and last[_pod(event)] - _at(event) < ENDING)
    })  # fmt: skip


def is_denied(event: dict[str, Any]) -> bool:
    """Tell whether RBAC or a ValidatingAdmissionPolicy refused the request."""
    return _is_forbidden(event) or "ValidatingAdmissionPolicy" in event.get("responseStatus", {}).get("message", "")


def granted(manifests: Iterable[dict[str, Any]], namespace: str, name: str) -> set[Verb]:
    """Return what the roles among `manifests` grant to that ServiceAccount."""
    objects = list(manifests)
    roles = {(one["kind"], one["metadata"]["name"]): one for one in objects if one["kind"] in ("Role", "ClusterRole")}
    bound = [
        roles[one["roleRef"]["kind"], one["roleRef"]["name"]]
        for one in objects
        if one["kind"] in ("RoleBinding", "ClusterRoleBinding") and _is_bound(one, namespace, name)
    ]
    rules = [rule for role in bound for rule in role["rules"]]
    return {
        Verb(group, resource, verb)
        for rule in rules
        for group in rule.get("apiGroups", [])
        for resource in rule.get("resources", [])
        for verb in rule["verbs"]
    }


def _is_forbidden(event: dict[str, Any]) -> bool:
    return bool(event.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid")


def _is_of(rights: AbstractSet[Verb], event: dict[str, Any]) -> bool:
    """Tell whether RBAC refused what `rights` hold."""
    return _is_forbidden(event) and "objectRef" in event and _verb(event) in rights


def _pod(event: dict[str, Any]) -> str:
    return str(event["user"].get("extra", {}).get("authentication.kubernetes.io/pod-name"))


def _at(event: dict[str, Any]) -> dt.datetime:
    return dt.datetime.fromisoformat(event["stageTimestamp"])


def _is_bound(binding: dict[str, Any], namespace: str, name: str) -> bool:
    wanted = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
    return any(wanted.items() <= subject.items() for subject in binding["subjects"])


def _verb(event: dict[str, Any]) -> Verb:
    about = event["objectRef"]
    resource = "/".join(part for part in (about["resource"], about.get("subresource", "")) if part)
    return Verb(about.get("apiGroup", ""), resource, event["verb"])
