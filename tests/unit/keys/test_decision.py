"""Which keys each client has: what people do to Secrets and to the spec has the effect that they mean, and nothing comes back."""

import itertools
from collections.abc import Mapping
from typing import Any

import hypothesis
from hypothesis import strategies

from vllm_operator import api, keys
from vllm_operator.kube.conditions import ConditionValue

NOW, HOUR = 1_800_000_000, 3600


def key(number: int) -> str:
    return f"sk-{number:040}"


A, B, C = (key(number) for number in range(3))
MADE = (key(number) for number in itertools.count(100))


def access(*clients: Mapping[str, Any], overlap: str = "1h") -> api.Access:
    return api.Access.model_validate(
        {"clients": [{"name": "a"} | dict(one) for one in clients], "rotationOverlap": overlap}
    )


def held(issued: keys.Issued, name: str = "a") -> keys.Held:
    """A Secret as the operator wrote it."""
    return keys.Held(issued, keys.mark(name, issued))


def decide(wanted: api.Access, now: int = NOW, **seen: Any) -> keys.Decision:
    return keys.decide(wanted, keys.Observed(**{"held": {}, "accepted": {}, **seen}), now, lambda: next(MADE))


def one(
    wanted: api.Access, secret: keys.Held | None, accepted: keys.Issued | None = None, now: int = NOW
) -> keys.Issued:
    """The keys of client `a`."""
    seen: dict[str, Any] = {"held": {"a": secret} if secret else {}, "accepted": {"a": accepted} if accepted else {}}
    return decide(wanted, now, **seen).issued["a"]


FIRST = keys.Issued(A, 1, NOW - 10)


def test_without_a_list_one_client_is_implied_and_an_empty_list_is_nobody() -> None:
    assert [client.name for client in keys.clients(api.Access())] == ["default"]
    assert keys.clients(api.Access(clients=())) == ()
    assert decide(api.Access(clients=())).issued == {}


def test_a_key_stays_whatever_else_there_is() -> None:
    for accepted in (None, FIRST, keys.Issued(B, 1, NOW - 20)):
        assert one(access({}), held(FIRST), accepted) == FIRST


def test_a_deleted_secret_revokes_every_key_it_held() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    after = one(access({"keyVersion": 2}), None, before)
    assert not set(after.keys) & set(before.keys)
    assert after.at > before.at


def test_a_secret_that_is_being_deleted_revokes_and_makes_no_key_yet() -> None:
    found = decide(access({}), held={"a": held(FIRST)}, ending=frozenset({"a"}))
    assert (found.issued, found.troubles["a"].reason) == ({}, "ClientSecretEnding")


def test_a_raised_version_makes_a_new_key_and_keeps_the_old_one_for_the_overlap() -> None:
    after = one(access({"keyVersion": 2}, overlap="30m"), held(FIRST), FIRST)
    assert after.key not in ("", A)
    assert (after.version, after.previous) == (2, (keys.Previous(A, NOW + HOUR // 2),))
    assert one(access({"keyVersion": 2}, overlap="30m"), held(after), FIRST, NOW + 60) == after


def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    assert one(access({"keyVersion": 2}, overlap="0s"), held(FIRST)).previous == ()


def test_the_overlap_ends_and_stays_ended() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    assert one(access({"keyVersion": 2}), held(before), before, NOW + HOUR - 1).keys == (B, A)
    after = one(access({"keyVersion": 2}), held(before), before, NOW + HOUR)
    assert after.keys == (B,)
    assert one(access({"keyVersion": 2}), held(after), before, NOW).keys == (B,)


def test_a_shortened_overlap_shortens_one_that_runs_and_a_longer_one_prolongs_none() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    assert one(access({"keyVersion": 2}, overlap="1m"), held(before)).previous == (keys.Previous(A, NOW + 60),)
    assert one(access({"keyVersion": 2}, overlap="0s"), held(before)).previous == ()
    assert one(access({"keyVersion": 2}, overlap="9h"), held(before)) == before


def test_who_rotates_twice_in_haste_keeps_the_first_key_for_its_overlap_too() -> None:
    second = one(access({"keyVersion": 2}), held(FIRST))
    third = one(access({"keyVersion": 3}), held(second), second, NOW + 60)
    assert third.keys[1:] == (second.key, A)
    fourth = one(access({"keyVersion": 4}), held(third), third, NOW + 90)
    assert fourth.keys[1:] == (third.key, second.key)


def test_a_lowered_version_changes_no_key_and_the_next_rise_makes_one() -> None:
    high = keys.Issued(A, 3, NOW - 10)
    low = one(access({}), held(high))
    assert (low.key, low.version) == (A, 1)
    assert one(access({"keyVersion": 2}), held(low)).key != A


def test_an_edited_secret_is_put_back() -> None:
    mark = keys.mark("a", FIRST)
    for edited in (keys.Issued(B, 1, NOW - 10), keys.Issued(A, 9, NOW - 10), None):
        assert one(access({}), keys.Held(edited, mark), FIRST) == FIRST


def test_a_secret_that_lost_its_annotations_keeps_its_key() -> None:
    assert one(access({}), keys.Held(keys.Issued(A, 0, 0), ""), FIRST) == FIRST


def test_what_cannot_be_proven_is_made_anew() -> None:
    for accepted in (None, keys.Issued(C, 1, NOW - 20)):
        assert one(access({}), keys.Held(keys.Issued(B, 1, NOW), ""), accepted).key not in (A, B, C)


def test_a_secret_from_a_backup_brings_no_revoked_key_back() -> None:
    fresh = keys.Issued(B, 1, NOW)
    assert one(access({}), held(FIRST), fresh) == fresh


def test_a_secret_from_before_a_rotation_brings_no_ended_key_back() -> None:
    second = one(access({"keyVersion": 2}), held(FIRST), FIRST, FIRST.at)
    third = one(access({"keyVersion": 2}), held(second), second, FIRST.at + HOUR)
    assert one(access({"keyVersion": 2}), held(FIRST), third, FIRST.at + HOUR) == third


def test_a_copy_of_another_clients_secret_is_no_key() -> None:
    found = decide(access({}, {"name": "b"}), held={"a": held(FIRST), "b": held(FIRST)})
    assert found.issued["a"] == FIRST
    assert found.issued["b"].key != A


def brought(*clients: str, overlap: str = "1h") -> api.Access:
    return access(*({"name": name, "keySecretRef": {"name": f"from-{name}"}} for name in clients), overlap=overlap)


def test_a_brought_key_is_taken_as_it_is_and_its_successor_overlaps() -> None:
    first = decide(brought("a"), brought={"a": A}).issued["a"]
    assert (first.keys, first.version) == ((A,), 0)
    second = decide(brought("a"), held={"a": held(first)}, brought={"a": B}).issued["a"]
    assert (second.key, second.previous) == (B, (keys.Previous(A, NOW + HOUR),))
    third = decide(brought("a"), NOW + 1, held={"a": held(second)}, brought={"a": A}).issued["a"]
    assert third.keys == (A, B)


def test_a_client_goes_over_to_a_brought_key_and_back_as_in_a_rotation() -> None:
    taken = decide(brought("a"), held={"a": held(FIRST)}, brought={"a": B}).issued["a"]
    assert taken.keys == (B, A)
    made = one(access({}), held(taken))
    assert made.key not in (A, B)
    assert made.keys[1:] == (B, A)


def test_a_brought_key_that_is_none_is_named_and_touches_nobody_else() -> None:
    for bad, reason in (
        ("", "ClientKeyRefused"),
        (A + "\n", "ClientKeyRefused"),
        ("password", "ClientKeyRefused"),
        (ConditionValue("False", "ClientKeyNotFound", "a: …"), "ClientKeyNotFound"),
    ):
        wanted = access({"keySecretRef": {"name": "x"}}, {"name": "b"})
        found = decide(wanted, held={"a": held(FIRST), "b": held(keys.Issued(B, 1, NOW), "b")}, brought={"a": bad})
        assert {name: issued.key for name, issued in found.issued.items()} == {"b": B}
        assert found.troubles["a"].reason == reason
        assert "password" not in found.troubles["a"].message


def test_who_brings_anothers_key_is_refused_and_the_other_keeps_it() -> None:
    wanted = access({"keySecretRef": {"name": "x"}}, {"name": "b"})
    found = decide(wanted, held={"b": held(keys.Issued(B, 1, NOW), "b")}, brought={"a": B})
    assert (found.issued["b"].key, found.troubles["a"].reason) == (B, "ClientKeyRefused")
    assert B not in found.troubles["a"].message
    found = decide(brought("a", "b"), held={"b": held(keys.Issued(B, 0, NOW), "b")}, brought={"a": B, "b": B})
    assert (found.issued["b"].key, list(found.troubles)) == (B, ["a"])


def test_expiry_and_the_ends_of_overlaps_are_due_in_order() -> None:
    wanted = access({"expiresAt": api.moment(NOW + 50)}, {"name": "b", "expiresAt": "2027-01-01T01:00:00.5+01:00"})
    issued = [keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + 20),))]
    assert [keys.due(wanted, issued, NOW + later) for later in (0, 20, 50)] == [20, 30, None]
    assert [keys.expired(wanted, NOW + later) for later in (0, 49, 50)] == [("b",), ("b",), ("a", "b")]


def test_no_key_shows_where_a_record_is_printed() -> None:
    shown = repr(keys.Issued(A, 1, NOW, (keys.Previous(B, NOW),)))
    assert A not in shown
    assert B not in shown


STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["raise", "delete", "edit", "replay", "strip", "wait"]),
        strategies.booleans(),
        strategies.integers(0, 4000),
    ),
    max_size=12,
)


@hypothesis.given(STEPS, strategies.sampled_from(["0s", "1m", "1h"]))
def test_a_revoked_key_never_comes_back_whatever_write_is_the_last(steps: list[Any], overlap: str) -> None:
    """`crashed`: the operator ended after it wrote the client's Secret and before it wrote the guard's."""
    made = (key(number) for number in itertools.count())
    accepted: dict[str, keys.Issued] = {}
    secret: keys.Held | None = None
    old: list[keys.Held] = []
    revoked: set[str] = set()
    version, now = 1, NOW
    for happened, crashed, seconds in steps:
        now += seconds
        if happened == "raise":
            version += 1
        elif happened == "delete":
            secret = None
        elif happened == "edit" and secret:
            secret = keys.Held(keys.Issued(key(10**6), version, now), secret.mark)
        elif happened == "strip" and secret and secret.issued:
            secret = keys.Held(keys.Issued(secret.issued.key, 0, 0), "")
        elif happened == "replay" and old and accepted:
            secret = old[0]
        wanted = access({"keyVersion": version}, overlap=overlap)
        observed = keys.Observed({"a": secret} if secret else {}, accepted)
        before = accepted.get("a")
        issued = keys.decide(wanted, observed, now, lambda: next(made)).issued["a"]
        assert not revoked & set(issued.keys)
        secret = keys.Held(issued, keys.mark("a", issued))
        old.append(secret)
        if not crashed:
            accepted = {"a": issued}
            revoked |= set(before.keys if before else ()) - set(issued.keys)
    assert key(10**6) not in {one for record in accepted.values() for one in record.keys}
