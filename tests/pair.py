"""Two operator processes on one real API server, of which one works; and what its audit log says of who wrote when.

Each process has a token of its own, by which the log tells them apart.
"""

import base64
import datetime as dt
import json
import math
import pathlib
import signal
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

from tests import audit, kubectl, waiting
from tests.integration import account, conftest

READS = {"get", "list", "watch"}
NAME = "vllm11"


class Write(NamedTuple):
    """A write that the API server received: when it came, when it was answered, whose it was, and of what."""

    came: dt.datetime
    answered: dt.datetime
    token: str
    resource: str
    name: str
    code: int


class Pair:
    """Two processes of a release in `namespace`, which is its own, and the model `vllm11`; `cluster` names the audit log."""

    def __init__(self, admin: pathlib.Path, directory: pathlib.Path, namespace: str, cluster: str) -> None:
        self.admin, self._cluster = kubectl.Admin(admin, namespace), cluster
        account.install_in(admin, namespace)
        settings = {"VLLM_OPERATOR_WATCH_NAMESPACES": json.dumps([namespace]), "VLLM_OPERATOR_NAMESPACE": namespace}
        self.processes = []
        self._tokens: list[str] = []
        for name in "ab":
            own = account.kubeconfig(admin, directory / name, namespace)
            self._tokens.append(_credential(own))
            self.processes.append(
                conftest.Operator(own, directory / f"{name}.log", **settings, VLLM_OPERATOR_IDENTITY=name)
            )
        self._replicas = 1
        body = kubectl.model(NAME)
        body["metadata"]["namespace"] = namespace
        self.admin.apply(body)
        waiting.until("a Deployment", lambda: self.admin.get("deployment", NAME), self.admin.world)

    def holder(self) -> conftest.Operator:
        """Return the process that works."""
        return self._roles()[0]

    def _roles(self) -> tuple[conftest.Operator, conftest.Operator]:
        """Return the process that works, and the one that waits, once both know it."""
        return waiting.until("one leader, and one that waits", self._seen, self.admin.world)

    def _seen(self) -> tuple[conftest.Operator, conftest.Operator] | None:
        first, second = self.processes
        found = (_leads(first), _leads(second))
        if None in found or found[0] == found[1]:
            return None
        return (first, second) if found[0] else (second, first)

    def acted(self) -> float:
        """Change the model; return the seconds until that was acted on."""
        self._replicas = self._replicas % 5 + 1
        begun = time.monotonic()
        self.admin.patch("vllm", NAME, {"spec": {"replicas": self._replicas}})
        wanted = self._replicas
        waiting.until("the change", lambda: self.admin.get("deployment", NAME)["spec"]["replicas"] == wanted)
        return time.monotonic() - begun

    def end(self, how: signal.Signals) -> float:
        """End the process that works; return the seconds until the other acts on a change. Another waits then."""
        ended, successor = self._roles()
        begun = time.monotonic()
        ended.process.send_signal(how)
        self.acted()
        seconds = time.monotonic() - begun
        ended.process.wait(30)
        ended.process = ended._start()
        assert successor is self.holder()
        return seconds

    def suspend(self, seconds: float) -> float:
        """Stop the process that works and let it go on after `seconds`; return after how many the other acted."""
        stopped, begun = self.holder(), time.monotonic()
        stopped.process.send_signal(signal.SIGSTOP)
        try:
            self.acted()
            acted = time.monotonic() - begun
            time.sleep(max(0.0, seconds - acted))
        finally:
            stopped.process.send_signal(signal.SIGCONT)
        return acted

    def take_away(self, how: str) -> None:
        """Delete the Lease, empty it, or give it to nobody that is there; its holder has it then, and believes in it yet."""
        waiting.until("a holder", lambda: self.admin.get("lease", account.NAME).get("spec", {}).get("holderIdentity"))
        if how == "deleted":
            self.admin.kubectl("delete", "lease", account.NAME)
            return
        holder = {"emptied": None, "usurped": "nobody"}[how]
        patch = json.dumps({"spec": {"holderIdentity": holder}})
        self.admin.kubectl("patch", "lease", account.NAME, "--type=merge", "-p", patch)

    def writes(self) -> list[Write]:
        """Return all writes of the two that were not refused, in the order in which they came."""
        events = audit.events(self._cluster, audit.account(self.admin.namespace, account.NAME))
        found = [_write(one) for one in events if one["verb"] not in READS and "objectRef" in one]
        ours = [one for one in found if one.token in self._tokens and one.code < 300]
        return sorted(ours)

    def strays(self) -> list[Write]:
        """Return the writes that came after the other had taken the Lease."""
        return list(_strays(self.writes()))

    def stop(self) -> None:
        """End both."""
        for one in self.processes:
            if one.process.poll() is None:
                one.process.send_signal(signal.SIGCONT)
                one.stop()


def _strays(writes: list[Write]) -> Iterator[Write]:
    taken = sorted((one for one in writes if one.resource == "leases"), key=_answered)
    for write in writes:
        if write.resource != "leases":
            holders = [one.token for one in taken if one.answered < write.came]
            if holders and holders[-1] != write.token:
                yield write


def _answered(write: Write) -> dt.datetime:
    return write.answered


def _leads(one: conftest.Operator) -> bool | None:
    """Tell whether the process works; None where it does not answer."""
    found = one.metric("vllm_operator_leader")
    return None if math.isnan(found) else found == 1


def _write(event: dict[str, Any]) -> Write:
    came, answered = (dt.datetime.fromisoformat(event[name]) for name in ("requestReceivedTimestamp", "stageTimestamp"))
    about, extra = event["objectRef"], event["user"].get("extra", {})
    token = extra.get("authentication.kubernetes.io/credential-id", [""])[0]
    code = event.get("responseStatus", {}).get("code", 0)
    return Write(came, answered, token, about["resource"], about.get("name", ""), code)


def _credential(kubeconfig: pathlib.Path) -> str:
    """Return the name that the API server gives to the token of a kubeconfig: that of its JWT."""
    token = json.loads(kubeconfig.read_text())["users"][0]["user"]["token"]
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return f"JTI={claims['jti']}"
