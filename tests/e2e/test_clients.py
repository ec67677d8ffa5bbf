"""Keys of real clients on connections that stay open, with a stream running, over two servers of real vLLM."""

import base64
import json
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from dev import demo, demo_calls, images
from tests import kubectl, waiting
from tests.e2e import test_cluster, wire

NAME = "vllm11"
CLIENTS = ("default", "team-a", "team-b")
BROUGHT = "sk-" + "brought-" * 5
SDK = """
import os, openai
client = openai.OpenAI()
print([model.id for model in client.models.list()])
print(len(client.completions.create(model=os.environ["OPENAI_MODEL"], prompt="The", max_tokens=3).choices))
"""
CALL = """busybox env | busybox grep -c -E '^OPENAI_(API_KEY|BASE_URL|BASE_URL_IN_CLUSTER|MODEL)='
exec busybox wget -qO- --header "Authorization: Bearer $OPENAI_API_KEY" $OPENAI_BASE_URL_IN_CLUSTER/models"""


class Team:
    """The model with its clients, and its admin."""

    def __init__(self, admin: kubectl.Admin) -> None:
        self.admin = admin
        self.clients: dict[str, dict[str, Any]] = {name: {} for name in CLIENTS}

    def set(self, client: str = "default", overlap: str = "1h", **fields: Any) -> None:
        """List the clients, one of them with other fields than before."""
        self.clients[client] = fields
        listed = [{"name": name, **given} for name, given in self.clients.items()]
        spec = {"replicas": 2, "access": {"clients": listed, "rotationOverlap": overlap}}
        self.admin.patch("vllm", NAME, {"spec": spec})

    def key(self, client: str = "team-a") -> str:
        return self.admin.key(NAME, client)

    def next_key(self, old: str, client: str = "team-a") -> str:
        return waiting.until("a new key", lambda: (key := self.key(client)) not in ("", old) and key, self.admin.world)

    def pods(self) -> str:
        selected = ("-l", f"serving.byteshop.in/model={NAME}", "-o", "jsonpath={.items[*].metadata.uid}")
        return self.admin.kubectl("get", "pods", *selected)

    def addresses(self) -> list[str]:
        return self.admin.pod_address(NAME).split()

    def applied_on(self, client: str = "team-a") -> int:
        listed = self.admin.get("vllm", NAME)["status"]["clients"]
        return next(int(one["appliedOn"]) for one in listed if one["name"] == client)

    def await_served(self, replicas: int) -> None:
        def served() -> bool:
            model = self.admin.get("vllm", NAME)
            ready = self.admin.condition(NAME)
            newest = ready["observedGeneration"] == model["metadata"]["generation"]
            return newest and ready["status"] == "True" and model["status"]["replicas"] == replicas

        waiting.until(f"{replicas} servers", served, self.admin.world, 300)


@pytest.fixture(scope="module")
def team(admin: kubectl.Admin) -> Iterator[Team]:
    """Three clients of two servers; the others find the model as it was."""
    one = Team(admin)
    one.set()
    one.await_served(2)
    yield one
    admin.patch("vllm", NAME, {"spec": {"replicas": 1, "access": {"clients": None, "rotationOverlap": "1h"}}})
    one.await_served(1)


def test_a_rotation_with_an_overlap_is_noticed_by_nobody(team: Team) -> None:
    old, pods = team.key(), team.pods()
    with wire.lines(team.addresses()) as held, wire.Streams(old) as streams:
        assert wire.answers(held, old) == {200}
        team.set("team-a", keyVersion=2)
        new = team.next_key(old)
        waiting.until("the new key everywhere", lambda: wire.answers(held, new) == {200}, team.admin.world)
        assert wire.answers(held, old) == {200}
        waiting.until("the status", lambda: team.applied_on() == 2, team.admin.world)
    assert (streams.whole >= 1, streams.broken) == (True, 0)
    assert team.pods() == pods


@pytest.mark.parametrize("how", ["rotated", "deleted"])
def test_without_an_overlap_the_old_key_ends_on_open_connections_and_no_stream_does(team: Team, how: str) -> None:
    old, other, pods = team.key(), team.key("default"), team.pods()
    with wire.lines(team.addresses()) as held, wire.Streams(other) as streams:
        own = wire.Stream(old, 50)
        waiting.until("its first events", lambda: own.events > 1, team.admin.world)
        if how == "rotated":
            team.set("team-a", overlap="0s", keyVersion=3)
        else:
            team.admin.kubectl("delete", "secret", f"{NAME}.key.team-a")
        new = team.next_key(old)
        waiting.until("the old key's end", lambda: wire.answers(held, old) == {401}, team.admin.world, 10)
        assert wire.answers(held, new) == {200}
        assert wire.answers(held, other) == {200}
    own.join(60)
    assert own.whole
    assert (streams.whole >= 1, streams.broken) == (True, 0)
    assert team.pods() == pods


def test_a_tenant_reads_its_own_secret_alone(team: Team) -> None:
    own = f"{NAME}.key.team-a"
    team.admin.kubectl("create", "role", "team-a", "--verb=get", "--resource=secrets", f"--resource-name={own}")
    team.admin.kubectl("create", "rolebinding", "team-a", "--role=team-a", "--user=team-a")

    def read(*what: str) -> str:
        return team.admin.kubectl("get", *what, "--as=team-a", "-o", "name", check=False).strip()

    assert read("secret", own) == f"secret/{own}"
    assert [read("secret", f"{NAME}.key.team-b"), read("secret", f"{NAME}.guard"), read("secrets")] == ["", "", ""]
    team.admin.kubectl("delete", "role,rolebinding", "team-a")


def test_the_openai_sdk_needs_no_more_than_the_secret(team: Team) -> None:
    data = team.admin.get("secret", f"{NAME}.key.team-b")["data"]
    given = {name: base64.b64decode(value).decode() for name, value in data.items()}
    done = demo_calls.run([sys.executable, "-c", SDK], given, capture=True)
    assert done.stdout == "['facebook/opt-125m']\n1\n", done.stderr


def test_a_pod_that_takes_the_secret_by_envfrom_calls_the_model(team: Team) -> None:
    container = {
        "name": "call",
        "image": images.reference("pause"),
        "command": ["sh", "-c", CALL],
        "envFrom": [{"secretRef": {"name": f"{NAME}.key.team-b"}}],
        "securityContext": test_cluster.HARDENED,
    }
    security = {"runAsNonRoot": True, "runAsUser": 1000, "seccompProfile": {"type": "RuntimeDefault"}}
    spec = {"restartPolicy": "Never", "containers": [container], "securityContext": security}
    team.admin.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "tenant"}, "spec": spec})

    def phase() -> Any:
        return team.admin.get("pod", "tenant").get("status", {}).get("phase")

    waiting.until("its end", lambda: phase() in ("Succeeded", "Failed"), team.admin.world, 60)
    first, _, rest = team.admin.kubectl("logs", "tenant").partition("\n")
    assert (first, json.loads(rest)["data"][0]["id"]) == ("4", "facebook/opt-125m")
    team.admin.kubectl("delete", "pod", "tenant", "--now")


def test_a_brought_key_is_taken_up_and_given_up_on_running_servers(team: Team) -> None:
    old = team.key("team-b")
    team.set("team-b", keySecretRef={"name": "from-vault"})
    with wire.lines(team.addresses()) as held:
        waiting.until("the old key's end", lambda: wire.answers(held, old) == {401}, team.admin.world)
        condition = waiting.until("a word", lambda: _trouble(team.admin), team.admin.world)
        assert condition == ("ClientKeyNotFound", "True")
        team.admin.kubectl("create", "secret", "generic", "from-vault", f"--from-literal=OPENAI_API_KEY={BROUGHT}")
        team.admin.kubectl("label", "secret", "from-vault", f"serving.byteshop.in/model={NAME}")
        waiting.until("the brought key", lambda: wire.answers(held, BROUGHT) == {200}, team.admin.world)
        team.admin.kubectl("delete", "secret", "from-vault")
        waiting.until("its end", lambda: wire.answers(held, BROUGHT) == {401}, team.admin.world)
    team.set("team-b")
    waiting.until("a key of its own", lambda: team.key("team-b") not in ("", old, BROUGHT), team.admin.world)


def _trouble(admin: kubectl.Admin) -> tuple[str, str] | None:
    """The reason of GuardConfigured where it is False, and what Ready says meanwhile."""
    said = admin.condition(NAME, "GuardConfigured")
    return (said["reason"], admin.condition(NAME)["status"]) if said["status"] == "False" else None


def test_expiry_comes_on_time_with_the_operator_gone_and_a_missed_revocation_when_it_is_back(team: Team) -> None:
    operator = kubectl.Admin(team.admin.kubeconfig, demo.OPERATOR_NAMESPACE)
    replicas = operator.get("deployment", "vllm-operator")["spec"]["replicas"]
    end = int(time.time()) + 35
    team.set("team-a", keyVersion=3, expiresAt=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end)))
    held_by_a, held_by_b = team.key("team-a"), team.key("team-b")
    with wire.lines(team.addresses()) as held:
        waiting.until("its news on all", lambda: _expires(team) and team.applied_on() == 2, team.admin.world, 20)
        operator.kubectl("scale", "deployment/vllm-operator", "--replicas=0")
        waiting.until("its end", lambda: not operator.kubectl("get", "pods", "-o", "name"), operator.world)
        assert time.time() < end
        assert wire.answers(held, held_by_a) == {200}
        waiting.until("its expiry", lambda: wire.answers(held, held_by_a) == {401}, team.admin.world, 50)
        assert end <= time.time() < end + 10
        assert "has expired" in held[0].ask(held_by_a)[1]
        team.admin.kubectl("delete", "secret", f"{NAME}.key.team-b")
        assert wire.answers(held, held_by_b) == {200}
        operator.kubectl("scale", "deployment/vllm-operator", f"--replicas={replicas}")
        operator.kubectl("rollout", "status", "deployment/vllm-operator", "--timeout=60s")
        waiting.until("the revocation", lambda: wire.answers(held, held_by_b) == {401}, team.admin.world, 30)
        assert wire.answers(held, team.next_key(held_by_b, "team-b")) == {200}


def _expires(team: Team) -> bool:
    listed = team.admin.get("vllm", NAME)["status"]["clients"]
    return any("expiresAt" in one for one in listed)
