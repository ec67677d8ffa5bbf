"""The real process on a real API server, killed at its writes, refused, unanswered: at rest all is as if nothing had happened.

`make chaos` does the same in memory, thousands of times (tests/chaos).
"""

import itertools
import json
import pathlib
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.chaos import at_rest, proxy
from tests.integration import account, conftest

NAME, QUIET_SECONDS = "vllm11", 2.0
EXPOSED = {"host": "one.example", "ingress": {"className": "contour"}}
KINDS = f"{kubectl.KINDS},vllm"
POD = re.compile(rf"(?<={NAME}-)[0-9a-f]+-[0-9a-z]{{5}}\b")
UNWRITTEN = {"NameTaken", "WriteFailed", "WriteRefused"}
OTHERS = {"status", "clusterIP", "clusterIPs"}

Fault = Callable[[int], str | int | None]
FAULTS: dict[str, Fault] = {
    "is killed after each write": lambda _number: "after",
    "is killed before every other write": lambda number: "before" if number % 2 else None,
    "is refused": lambda number: (None, 409, 429, 500)[number % 4],
    "gets no answer to what was done": lambda number: "lost" if number % 2 else None,
}


class Life:
    """A model's life in a namespace of its own, under an operator that is started again whenever it has ended."""

    def __init__(self, served: pathlib.Path, root: pathlib.Path, namespace: str, between: proxy.Proxy) -> None:
        self.admin, self._between = kubectl.Admin(served, namespace), between
        account.install_in(served, namespace)
        own = between.kubeconfig(account.kubeconfig(served, root / "account", namespace), root / "kubeconfig")
        settings = {"WATCH_NAMESPACES": json.dumps([namespace]), "NAMESPACE": namespace}
        named = {f"VLLM_OPERATOR_{name}": value for name, value in settings.items()}
        self.operator = conftest.Operator(own, root / "log", **named)
        self.starts = 1
        between.process = lambda: self.operator.process.pid

    def lives(self) -> dict[str, str]:
        """Return what is there at the end, as text by reference."""
        self._apply(replicas=2, expose=EXPOSED, access={"clients": [{"name": "alice"}, {"name": "bob"}]})
        self._settle()
        kept = self.admin.key(NAME, "bob")
        rotated = {"clients": [{"name": "alice", "keyVersion": 2}, {"name": "bob"}, {"name": "carol"}]}
        self._apply(replicas=1, expose=EXPOSED, access=rotated, engine={"args": ["--seed=1"]})
        self._settle()
        assert self.admin.key(NAME, "bob") == kept
        self._apply(replicas=1, expose=EXPOSED, access={"clients": [{"name": "bob"}]}, engine={"args": ["--seed=1"]})
        self._settle()
        assert self.admin.key(NAME, "bob") == kept
        return self._rest()

    def recreates(self) -> dict[str, str]:
        """Delete the model and create another of its name at once; return what is there at the end."""
        before = self.admin.key(NAME, "bob")
        self.admin.kubectl("delete", "vllm", NAME, "--wait=false")
        self._apply(access={"clients": [{"name": "bob"}]})
        self._settle()
        assert self.admin.key(NAME, "bob") not in ("", before)
        return self._rest()

    def _apply(self, **spec: Any) -> None:
        body = kubectl.model(NAME, **spec)
        body["metadata"]["namespace"] = self.admin.namespace
        self.admin.apply(body)

    def _settle(self) -> None:
        """Wait until the status is of the newest spec, every child is there, and nothing was written for a while."""
        since, seen = time.monotonic(), -1

        def rests() -> bool:
            nonlocal since, seen
            self._revive()
            if len(self._between.writes) != seen:
                since, seen = time.monotonic(), len(self._between.writes)
            return time.monotonic() - since > QUIET_SECONDS and self._is_whole()

        waiting.until("rest", rests, lambda: f"{self.admin.world()}\n{self.operator.log.read_text()[-4000:]}", 120)

    def _revive(self) -> None:
        """Start another process where the last has ended, as the kubelet does; its Lease is not waited for."""
        if self.operator.process.poll() is not None:
            self.admin.kubectl("delete", "lease", account.NAME, "--ignore-not-found")
            self.operator.process.wait()
            self.operator.process = self.operator._start()
            self.starts += 1

    def _is_whole(self) -> bool:
        model = self.admin.get("vllm", NAME)
        is_told = model.get("status", {}).get("observedGeneration") == model["metadata"]["generation"]
        is_told = is_told and self.admin.condition(NAME).get("reason") not in UNWRITTEN
        owned = self.admin.children(NAME).values()
        uids = {one["uid"] for child in owned for one in child["metadata"]["ownerReferences"]}
        return bool(is_told) and uids == {model["metadata"]["uid"]} and self._is_ready()

    def _is_ready(self) -> bool:
        """Tell whether the process leads: until then it has not looked at anything."""
        return self.operator.metric("vllm_operator_leader") == 1

    def _rest(self) -> dict[str, str]:
        listed = json.loads(self.admin.kubectl("get", KINDS, "-o", "json"))["items"]
        texts = at_rest.texts([_comparable(one) for one in listed])
        return {ref: POD.sub("<pod>", text).replace(self.admin.namespace, "<ns>") for ref, text in texts.items()}


def _comparable(one: dict[str, Any]) -> dict[str, Any]:
    """Return the object without what others write, and without the addresses that the API server chose."""
    if one["kind"] == "ModelDeployment":
        del one["metadata"]["annotations"]
        return one
    spec = {name: value for name, value in one.get("spec", {}).items() if name not in OTHERS}
    return {**{name: value for name, value in one.items() if name != "status"}, "spec": spec}


@pytest.fixture(scope="module")
def born(served: pathlib.Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Fault], Life]]:
    """Return what begins a life in which the writes meet that fault."""
    begun, numbers = list[Life](), itertools.count()
    with proxy.Proxy(served).running() as between:

        def begin(fault: Fault) -> Life:
            counted = itertools.count()
            between.fault = lambda _method, _path: fault(next(counted))
            begun.append(Life(served, tmp_path_factory.mktemp("chaos"), f"chaos-{next(numbers)}", between))
            return begun[-1]

        yield begin
    for one in begun:
        one.operator.process.kill()
        one.operator.process.wait()
        account.kubectl(served, "delete", "namespace", one.admin.namespace, "--wait=false")


@pytest.fixture(scope="module")
def undisturbed(born: Callable[[Fault], Life]) -> tuple[dict[str, str], dict[str, str]]:
    """What a life leaves in which nothing goes wrong."""
    life = born(lambda _number: None)
    found = life.lives(), life.recreates()
    assert life.operator.stop() == 0
    return found


@pytest.mark.parametrize("fault", FAULTS)
def test_an_operator_leaves_what_it_leaves_undisturbed_though_it(
    undisturbed: tuple[dict[str, str], dict[str, str]], born: Callable[[Fault], Life], fault: str
) -> None:
    life = born(FAULTS[fault])
    for act, expected in zip((life.lives, life.recreates), undisturbed, strict=True):
        different = "\n".join(at_rest.differences(act(), expected))
        assert not different, different
    assert life.starts > 10 or "killed" not in fault
    life.operator.process.kill()
