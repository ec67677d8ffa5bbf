"""The audit log of the cluster that is measured: who called what when, by the API server's own clock.

Every figure of time and every count of calls comes from here, for the floor and for the operator alike.
"""

import collections
import datetime as dt
import json
import pathlib
from collections.abc import Iterable
from typing import NamedTuple

import orjson

from tests.bench.scale import load

ADMIN = "admin"
OPERATOR = "system:serviceaccount:default:vllm-operator"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
STATUS = "modeldeployments/status"
MODELS = "modeldeployments"


class Call(NamedTuple):
    """One call; `resource` with its subresource, `asked` and `answered` in seconds since 1970."""

    user: str
    verb: str
    resource: str
    name: str
    code: int
    asked: float
    answered: float

    @property
    def is_write(self) -> bool:
        """Whether it is meant to change something; a Lease's renewal is not counted."""
        return self.verb in WRITES and self.resource != "leases"

    @property
    def is_child(self) -> bool:
        """Whether it created an object of a model."""
        return self.verb == "create" and self.resource not in (MODELS, "events")

    @property
    def model(self) -> str:
        """The model that the object belongs to: children are named after it."""
        return self.name.partition(".")[0].removesuffix("-peers")


class Log:
    """An audit log that is read as it grows."""

    def __init__(self, directory: pathlib.Path) -> None:
        self._path, self._policy = directory / "audit.log", directory / "audit.json"
        self._read = 0

    def flags(self) -> tuple[str, ...]:
        """Return the API server's flags: both users are logged alike, and the log is never rotated."""
        rules = [{"level": "Metadata", "users": [ADMIN, OPERATOR]}, {"level": "None"}]
        body = {"apiVersion": "audit.k8s.io/v1", "kind": "Policy", "omitStages": ["RequestReceived"], "rules": rules}
        self._policy.write_text(json.dumps(body))
        return (f"--audit-policy-file={self._policy}", f"--audit-log-path={self._path}", "--audit-log-maxsize=100000")

    def fresh(self) -> list[Call]:
        """Return the calls that were answered since the last reading."""
        with self._path.open("rb") as log:
            log.seek(self._read)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        self._read += len(whole)
        events = (orjson.loads(line) for line in whole.splitlines())
        return [_call(event) for event in events if event["stage"] == "ResponseComplete"]


def writes(calls: Iterable[Call], user: str = OPERATOR) -> list[Call]:
    """Return what `user` wrote, whether it was taken or not."""
    return [call for call in calls if call.user == user and call.is_write]


def counts(calls: Iterable[Call], user: str = OPERATOR) -> dict[str, int]:
    """Return how often `user` did what with models and their objects; what models share is asked for whatever their number."""
    told = collections.Counter(
        f"{call.verb} {call.resource}" for call in calls if call.user == user and call.model.startswith(load.PREFIX)
    )
    return dict(sorted(told.items()))


def _call(event: dict[str, dict[str, str]]) -> Call:
    about = event.get("objectRef", {})
    parts = (about.get("resource", ""), about.get("subresource", ""))
    return Call(
        event["user"]["username"],
        str(event["verb"]),
        "/".join(part for part in parts if part),
        about.get("name", ""),
        int(event.get("responseStatus", {}).get("code", 0)),
        _seconds(str(event["requestReceivedTimestamp"])),
        _seconds(str(event["stageTimestamp"])),
    )


def _seconds(moment: str) -> float:
    return dt.datetime.fromisoformat(moment).timestamp()
