"""Keys on a real API server: each client's own Secret, rotation, brought keys, revocation, and an operator that was away."""

import base64
import itertools
import json
import pathlib
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests import kubectl, waiting
from tests.integration import conftest

NAMES = (f"keyed-{number}" for number in itertools.count())  # one each: the end of children takes its time
BROUGHT, NEXT = "sk-" + "b" * 40, "sk-" + "n" * 40


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> kubectl.Admin:
    del operator
    return kubectl.Admin(served)


@pytest.fixture
def home(admin: kubectl.Admin) -> Iterator["Home"]:
    """A model with two clients."""
    one = Home(admin)
    one.list({"name": "a"}, {"name": "b"})

    def held() -> set[str]:
        return {admin.key(one.name, "a"), admin.key(one.name, "b")} - {""}

    waiting.until("two keys", lambda: len(held()) == 2 and one.accepted() == held(), admin.world)
    yield one
    admin.kubectl("delete", "vllm", one.name)
    admin.kubectl("delete", "secret", "from-vault", "--ignore-not-found")


class Home:
    """The model and its admin."""

    def __init__(self, admin: kubectl.Admin) -> None:
        self.admin, self.name = admin, next(NAMES)

    def list(self, *clients: dict[str, Any], **access: Any) -> None:
        self.admin.apply(kubectl.model(self.name, access={"clients": list(clients), **access}))

    def accepted(self) -> set[str]:
        """The keys that the guards' Secret lets in."""
        data = self.admin.get("secret", f"{self.name}.guard").get("data", {})
        records = json.loads(base64.b64decode(data.get("keys.json", "")) or "{}")
        return {key for record in records.values() for key in (record[0], *(previous[0] for previous in record[3]))}

    def bring(self, key: str) -> None:
        data = {"OPENAI_API_KEY": base64.b64encode(key.encode()).decode()}
        labels = {"serving.byteshop.in/model": self.name}
        metadata = {"name": "from-vault", "labels": labels}
        self.admin.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})

    def client(self, name: str) -> dict[str, Any]:
        listed = self.admin.get("vllm", self.name).get("status", {}).get("clients", [])
        found: dict[str, Any] = next((one for one in listed if one["name"] == name), {})
        return found

    def guard_condition(self) -> dict[str, Any]:
        return self.admin.condition(self.name, "GuardConfigured")


def test_a_raised_version_overlaps_and_a_deleted_secret_ends_both(home: Home) -> None:
    old, other = home.admin.key(home.name, "a"), home.admin.get("secret", f"{home.name}.key.b")
    home.list({"name": "a", "keyVersion": 2}, {"name": "b"})
    waiting.until("a new key", lambda: home.admin.key(home.name, "a") not in ("", old), home.admin.world)
    new = home.admin.key(home.name, "a")
    waiting.until("both", lambda: {old, new} < home.accepted(), home.accepted)
    waiting.until("the status", lambda: home.client("a").get("keyVersion") == 2, home.admin.world)
    home.admin.kubectl("delete", "secret", f"{home.name}.key.a")
    waiting.until("their end", lambda: not {old, new} & home.accepted(), home.accepted)
    waiting.until("a third", lambda: home.admin.key(home.name, "a") not in ("", old, new), home.admin.world)
    assert home.admin.get("secret", f"{home.name}.key.b") == other


def test_an_overlap_that_is_over_is_cleaned_up_without_an_event(home: Home) -> None:
    old = home.admin.key(home.name, "a")
    home.list({"name": "a", "keyVersion": 2}, {"name": "b"}, rotationOverlap="3s")
    waiting.until("a new key", lambda: home.admin.key(home.name, "a") not in ("", old), home.admin.world)
    waiting.until("the old one's end", lambda: old not in home.accepted(), home.accepted)
    assert "PREVIOUS_API_KEYS" not in home.admin.get("secret", f"{home.name}.key.a")["data"]


def test_an_old_secret_from_a_backup_is_put_back_to_what_is_now(home: Home) -> None:
    backup = home.admin.get("secret", f"{home.name}.key.a")
    old = home.admin.key(home.name, "a")
    home.admin.kubectl("delete", "secret", f"{home.name}.key.a")
    waiting.until("a new key", lambda: home.admin.key(home.name, "a") not in ("", old), home.admin.world)
    new = home.admin.key(home.name, "a")
    waiting.until("its use", lambda: new in home.accepted(), home.accepted)
    for field in ("uid", "resourceVersion", "creationTimestamp", "managedFields"):
        backup["metadata"].pop(field, None)
    home.admin.patch("secret", f"{home.name}.key.a", backup)
    waiting.until("the repair", lambda: home.admin.key(home.name, "a") == new, home.admin.world)
    assert old not in home.accepted()


def test_who_is_taken_off_the_list_loses_secret_and_key_and_an_event_says_so(home: Home) -> None:
    old = home.admin.key(home.name, "a")
    home.list({"name": "b"})
    waiting.until("the end", lambda: not home.admin.get("secret", f"{home.name}.key.a"), home.admin.world)
    waiting.until("the key's end", lambda: old not in home.accepted(), home.accepted)
    told = waiting.until("an Event", lambda: _events(home, "ClientRevoked"), home.admin.world)
    assert any(note.endswith(": a") for note in told)
    home.list()
    waiting.until("nobody", lambda: home.accepted() == set(), home.accepted)


def _events(home: Home, reason: str) -> list[str]:
    found = json.loads(home.admin.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"]
    return [one["note"] for one in found if one["reason"] == reason and one["regarding"]["name"] == home.name]


def test_a_brought_key_is_taken_within_moments_and_its_absence_named(home: Home) -> None:
    b = home.admin.key(home.name, "b")
    home.list({"name": "a", "keySecretRef": {"name": "from-vault"}}, {"name": "b"}, rotationOverlap="0s")
    waiting.until("the name", lambda: home.guard_condition().get("reason") == "ClientKeyNotFound", home.admin.world)
    assert home.guard_condition()["message"].startswith("a: Secret from-vault")
    assert home.accepted() == {b}
    home.bring(BROUGHT)
    waiting.until("its use", lambda: home.accepted() == {b, BROUGHT}, home.accepted)
    assert home.admin.key(home.name, "a") == BROUGHT
    home.bring(NEXT)
    waiting.until("the next", lambda: home.accepted() == {b, NEXT}, home.accepted)
    home.bring("hunter2")
    waiting.until("a refusal", lambda: home.guard_condition()["reason"] == "ClientKeyRefused", home.admin.world)
    assert "hunter2" not in home.guard_condition()["message"]
    assert home.accepted() == {b}
    home.bring(NEXT)
    waiting.until("the next again", lambda: home.accepted() == {b, NEXT}, home.accepted)
    home.admin.kubectl("label", "secret", "from-vault", "serving.byteshop.in/model-")
    theirs = home.admin.get("secret", "from-vault")
    waiting.until("the label", lambda: home.guard_condition()["reason"] == "ClientKeyNotLabelled", home.admin.world)
    assert home.accepted() == {b}
    assert home.admin.get("secret", "from-vault") == theirs


def test_what_was_revoked_while_the_operator_was_away_is_revoked_when_it_is_back(
    home: Home, operator: conftest.Operator
) -> None:
    a, b = home.admin.key(home.name, "a"), home.admin.key(home.name, "b")
    assert operator.stop() == 0
    home.admin.kubectl("delete", "secret", f"{home.name}.key.a")
    home.list({"name": "a"}, {"name": "b", "keyVersion": 2}, rotationOverlap="0s")
    operator.restart()
    waiting.until("their end", lambda: not {a, b} & home.accepted(), home.accepted, 10)
    assert home.accepted() == {home.admin.key(home.name, "a"), home.admin.key(home.name, "b")}


def test_a_restart_writes_nothing_also_with_an_overlap_under_way(home: Home, operator: conftest.Operator) -> None:
    old = home.admin.key(home.name, "a")
    expiry = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    home.list({"name": "a", "keyVersion": 2, "expiresAt": expiry}, {"name": "b"})
    waiting.until(
        "both keys", lambda: {old, home.admin.key(home.name, "a")} <= home.accepted() and len(home.accepted()) == 3
    )
    waiting.until("the status", lambda: home.client("a").get("expiresAt") == expiry, home.admin.world)
    before = {name: one["metadata"]["resourceVersion"] for name, one in home.admin.children(home.name).items()}
    assert operator.stop() == 0
    operator.restart()
    waiting.until("every model looked at", lambda: operator.metric("vllm_operator_reconciles_total", outcome="ok") >= 1)
    after = {name: one["metadata"]["resourceVersion"] for name, one in home.admin.children(home.name).items()}
    assert {name: at for name, at in after.items() if name[0] != "Deployment"} == {
        name: at for name, at in before.items() if name[0] != "Deployment"
    }


def test_a_paused_model_goes_on_with_revocation_alone(home: Home) -> None:
    old = home.admin.key(home.name, "a")
    body = kubectl.model(home.name, access={"clients": [{"name": "a"}, {"name": "b"}]}, replicas=3, paused=True)
    home.admin.apply(body)
    home.admin.kubectl("delete", "secret", f"{home.name}.key.a")
    waiting.until("a new key", lambda: home.admin.key(home.name, "a") not in ("", old), home.admin.world)
    waiting.until("the old one's end", lambda: old not in home.accepted(), home.accepted)
    waiting.until("the word", lambda: home.admin.condition(home.name)["reason"] == "Paused", home.admin.world)
    assert home.admin.get("deployment", home.name)["spec"]["replicas"] == 1
    home.admin.apply({**body, "spec": {**body["spec"], "paused": False}})
    waiting.until("three", lambda: home.admin.get("deployment", home.name)["spec"]["replicas"] == 3, home.admin.world)
