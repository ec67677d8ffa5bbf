"""One key follows another: versions, overlaps, brought keys, and the ends that come by themselves."""

from tests.unit.keys.cases import (
    FIRST,
    HOUR,
    NOW,
    A,
    B,
    access,
    brought,
    decide,
    one,
    stored,
    stored_by_the_first_release,
)
from vllm_operator import api, keys
from vllm_operator.kube.conditions import ConditionValue


def test_a_raised_version_makes_a_new_key_and_keeps_the_old_one_for_the_overlap() -> None:
    after = one(access({"keyVersion": 2}, overlap="30m"), stored(FIRST), FIRST)
    assert after.key not in ("", A)
    assert (after.version, after.previous) == (2, (keys.Previous(A, NOW + HOUR // 2),))
    assert one(access({"keyVersion": 2}, overlap="30m"), stored(after), FIRST, NOW + 60) == after


def test_without_an_overlap_the_old_key_ends_at_once() -> None:
    assert one(access({"keyVersion": 2}, overlap="0s"), stored(FIRST)).previous == ()


def test_the_overlap_ends_and_stays_ended() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    assert one(access({"keyVersion": 2}), stored(before), before, NOW + HOUR - 1).keys == (B, A)
    after = one(access({"keyVersion": 2}), stored(before), before, NOW + HOUR)
    assert after.keys == (B,)
    assert one(access({"keyVersion": 2}), stored(after), before, NOW).keys == (B,)


def test_a_shortened_overlap_shortens_one_that_runs_and_a_longer_one_prolongs_none() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    assert one(access({"keyVersion": 2}, overlap="1m"), stored(before), before).previous == (
        keys.Previous(A, NOW + 60),
    )
    assert one(access({"keyVersion": 2}, overlap="0s"), stored(before), before).previous == ()
    assert one(access({"keyVersion": 2}, overlap="9h"), stored(before), before) == before


def test_a_key_that_was_replaced_unknown_to_the_guards_overlaps_whether_its_secret_holds_it_or_not() -> None:
    second = one(access({"keyVersion": 2}), stored(FIRST), FIRST)
    third = one(access({"keyVersion": 3}), stored(second), FIRST, NOW + 60)
    for secret in (stored(second), stored_by_the_first_release(second)):
        assert one(access({"keyVersion": 2}), secret, FIRST, NOW + 60) == second
    assert third.keys[1:] == (second.key, A)


def test_a_deletion_that_the_guards_did_not_hear_of_leaves_no_overlap() -> None:
    made = one(access({}), None, FIRST)
    assert one(access({}), stored(made), FIRST, NOW + 60) == made
    assert made.previous == ()


def test_an_overlap_whose_key_is_nowhere_any_more_is_over_and_no_backup_of_the_guards_brings_it_back() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    after = one(access({"keyVersion": 2}), stored(before), None, NOW + 60)
    assert (after.keys, after.version) == ((B,), 2)
    assert one(access({"keyVersion": 2}), stored(after), before, NOW + 90) == after
    unread = decide(access({"keyVersion": 2}), NOW + 60, stored={"a": stored(before)}, unreadable={"a"})
    assert unread.issued["a"].keys == (B,)


def test_who_rotates_twice_in_haste_keeps_the_first_key_for_its_overlap_too() -> None:
    second = one(access({"keyVersion": 2}), stored(FIRST), FIRST)
    third = one(access({"keyVersion": 3}), stored(second), second, NOW + 60)
    assert third.keys[1:] == (second.key, A)
    fourth = one(access({"keyVersion": 4}), stored(third), third, NOW + 90)
    assert fourth.keys[1:] == (third.key, second.key)


def test_a_lowered_version_changes_no_key_and_the_next_rise_makes_one() -> None:
    high = keys.Issued(A, 3, NOW - 10)
    low = one(access({}), stored(high))
    assert (low.key, low.version) == (A, 1)
    assert one(access({"keyVersion": 2}), stored(low)).key != A


def test_a_brought_key_is_taken_as_it_is_and_its_successor_overlaps() -> None:
    first = decide(brought("a"), brought={"a": A}).issued["a"]
    assert (first.keys, first.version) == ((A,), 0)
    second = decide(brought("a"), stored={"a": stored(first)}, brought={"a": B}).issued["a"]
    assert (second.key, second.previous) == (B, (keys.Previous(A, NOW + HOUR),))
    seen = {"stored": {"a": stored(second)}, "applied": {"a": second}, "brought": {"a": A}}
    third = decide(brought("a"), NOW + 1, **seen).issued["a"]
    assert third.keys == (A, B)


def test_a_client_goes_over_to_a_brought_key_and_back_as_in_a_rotation() -> None:
    taken = decide(brought("a"), stored={"a": stored(FIRST)}, brought={"a": B}).issued["a"]
    assert taken.keys == (B, A)
    made = one(access({}), stored(taken), taken)
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
        other = {"b": stored(keys.Issued(B, 1, NOW), "b")}
        found = decide(wanted, stored={"a": stored(FIRST), **other}, brought={"a": bad})
        assert {name: issued.key for name, issued in found.issued.items()} == {"b": B}
        assert found.troubles["a"].reason == reason
        assert "password" not in found.troubles["a"].message


def test_who_brings_anothers_key_is_refused_and_the_other_keeps_it() -> None:
    wanted = access({"keySecretRef": {"name": "x"}}, {"name": "b"})
    found = decide(wanted, stored={"b": stored(keys.Issued(B, 1, NOW), "b")}, brought={"a": B})
    assert (found.issued["b"].key, found.troubles["a"].reason) == (B, "ClientKeyRefused")
    assert B not in found.troubles["a"].message
    held = {"b": stored(keys.Issued(B, 0, NOW), "b")}
    found = decide(brought("a", "b"), stored=held, brought={"a": B, "b": B})
    assert (found.issued["b"].key, list(found.troubles)) == (B, ["a"])


def test_expiry_and_the_ends_of_overlaps_are_due_in_order() -> None:
    wanted = access({"expiresAt": api.moment(NOW + 50)}, {"name": "b", "expiresAt": "2027-01-01T01:00:00.5+01:00"})
    issued = [keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + 20),))]
    assert [keys.due(wanted, issued, NOW + later) for later in (0, 20, 50)] == [20, 30, None]
    assert [keys.expired(wanted, NOW + later) for later in (0, 49, 50)] == [("b",), ("b",), ("a", "b")]


def test_an_end_that_cannot_be_read_has_passed() -> None:
    for end in ("soon", "0000-01-31T12:00:00Z", "9999-12-31T23:59:59.5-25:00"):
        wanted = access({"expiresAt": end}, {"name": "b"})
        assert keys.expired(wanted, NOW) == ("a",)
        assert keys.due(wanted, (), NOW) is None
