"""Which keys each client has: what people do to Secrets and to the spec has the effect that they mean, and nothing comes back."""

import itertools
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies

from tests.unit.keys.cases import FIRST, HOUR, NOW, A, B, C, access, brought, decide, key, observed, one, stored
from vllm_operator import api, keys

OTHERS = keys.Issued(B, 1, NOW)


def test_without_a_list_one_client_is_implied_and_an_empty_list_is_nobody() -> None:
    assert [client.name for client in keys.clients(api.Access())] == ["default"]
    assert keys.clients(api.Access(clients=())) == ()
    assert decide(api.Access(clients=())).issued == {}


def test_a_key_stays_whatever_else_there_is() -> None:
    for applied in (None, FIRST, keys.Issued(B, 1, NOW - 20)):
        assert one(access({}), stored(FIRST), applied) == FIRST


def test_a_deleted_secret_revokes_every_key_it_held() -> None:
    before = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + HOUR),))
    after = one(access({"keyVersion": 2}), None, before)
    assert not set(after.keys) & set(before.keys)
    assert after.at > before.at


def test_a_secret_that_is_being_deleted_revokes_and_makes_no_key_yet() -> None:
    found = decide(access({}), stored={"a": stored(FIRST)}, ending={"a"})
    assert (found.issued, found.troubles["a"].reason) == ({}, "ClientSecretEnding")


def test_an_edited_secret_is_put_back_and_said() -> None:
    fingerprint = keys.fingerprint("a", FIRST)
    for edited in (keys.Issued(B, 1, NOW - 10), keys.Issued(A, 9, NOW - 10), None):
        found = decide(access({}), stored={"a": keys.Stored(edited, fingerprint)}, applied={"a": FIRST})
        assert found.issued == {"a": FIRST}
        assert found.repaired["a"].message == "a: its Secret did not store what the operator wrote; it is restored"


def test_a_secret_that_lost_its_annotations_keeps_its_key() -> None:
    assert one(access({}), keys.Stored(keys.Issued(A, 0, 0), ""), FIRST) == FIRST


def test_what_cannot_be_proven_is_made_anew_and_said() -> None:
    for applied in ({}, {"a": keys.Issued(C, 1, NOW - 20)}):
        edited = {"a": keys.Stored(keys.Issued(B, 1, NOW), "")}
        found = decide(access({}), stored=edited, applied=applied)
        assert found.issued["a"].key not in (A, B, C)
        assert "made anew, with another key" in found.repaired["a"].message


def test_what_the_operator_wrote_is_not_said_to_be_repaired() -> None:
    assert decide(access({}), stored={"a": stored(FIRST)}).repaired == {}
    assert decide(access({})).repaired == {}


def test_a_secret_from_a_backup_brings_no_revoked_key_back() -> None:
    assert one(access({}), stored(FIRST), OTHERS) == OTHERS


def test_of_two_keys_made_in_one_second_neither_is_accepted() -> None:
    after = one(access({}), stored(FIRST), keys.Issued(B, 1, FIRST.at))
    assert not set(after.keys) & {A, B}
    assert after.at > FIRST.at


def test_a_secret_from_before_a_rotation_brings_no_ended_key_back() -> None:
    second = one(access({"keyVersion": 2}), stored(FIRST), FIRST, FIRST.at)
    third = one(access({"keyVersion": 2}), stored(second), second, FIRST.at + HOUR)
    assert one(access({"keyVersion": 2}), stored(FIRST), third, FIRST.at + HOUR) == third


def test_a_secret_of_a_client_that_guards_do_not_know_is_revoked_unless_it_is_newer_than_all_they_knew() -> None:
    seen: dict[str, Any] = {"stored": {"a": stored(FIRST)}}
    assert decide(access({}), revoked_until=FIRST.at - 1, **seen).issued["a"] == FIRST
    revoked = decide(access({}), revoked_until=FIRST.at, **seen).issued["a"]
    assert revoked.key != A
    assert revoked.at > FIRST.at


def test_a_record_that_cannot_be_read_in_the_guards_secret_costs_no_key_and_is_said() -> None:
    found = decide(access({}), stored={"a": stored(FIRST)}, revoked_until=NOW, unreadable={"a"})
    assert found.issued == {"a": FIRST}
    assert found.repaired["a"].message == "a: the guard's Secret held no readable record of its keys"


@pytest.mark.parametrize("now", [NOW, NOW - 100, NOW + 100])
def test_a_new_record_is_dated_after_all_that_was_ever_accepted_whatever_the_clock_says(now: int) -> None:
    made = decide(access({}), now, applied={"b": OTHERS}, revoked_until=NOW + 5).issued["a"]
    assert made.at == max(now, NOW + 6)
    rotated = decide(access({"keyVersion": 2}), now, stored={"a": stored(FIRST)}, revoked_until=NOW + 5).issued
    assert rotated["a"].at == max(now, NOW + 6)


def test_a_moment_at_the_end_of_time_ends_no_run_and_loops_in_none() -> None:
    last = keys.Issued(A, 1, keys.LATEST)
    after = one(access({"keyVersion": 2}), stored(last), last, keys.LATEST)
    assert (after.at, after.previous) == (keys.LATEST, ())
    assert one(access({"keyVersion": 2}), stored(after), after, keys.LATEST) == after
    assert decide(access({}), revoked_until=keys.LATEST).issued["a"].at == keys.LATEST


def test_what_a_secret_stores_is_revoked_with_its_client_even_if_no_server_has_accepted_it_yet() -> None:
    """The operator ended before it wrote the guard's Secret; then the client was removed, and its Secret could not be deleted."""
    assert keys.revoked_until(observed(stored={"b": stored(OTHERS, "b")}), {}) == OTHERS.at
    assert keys.revoked_until(observed(stored={"b": keys.Stored(OTHERS, "")}), {}) == 0


def test_nothing_is_revoked_but_what_is_left_out_so_a_secret_that_is_not_seen_yet_keeps_its_key() -> None:
    """The answer to its write was lost; another client's, with a record of the same second, was written."""
    first = keys.revoked_until(observed(), {"b": OTHERS})
    again = keys.revoked_until(observed(applied={"b": OTHERS}, revoked_until=first), {"b": OTHERS})
    made = keys.Issued(A, 1, OTHERS.at)
    assert (
        decide(
            access({}, {"name": "b"}), stored={"a": stored(made)}, applied={"b": OTHERS}, revoked_until=again
        ).issued["a"]
        == made
    )
    assert keys.revoked_until(observed(applied={"b": OTHERS}, revoked_until=again), {}) == OTHERS.at


def test_where_a_record_is_unreadable_and_left_out_all_that_is_known_is_older() -> None:
    assert keys.revoked_until(observed(unreadable={"a"}), {"b": OTHERS}) == OTHERS.at
    assert keys.revoked_until(observed(unreadable={"b"}), {"b": OTHERS}) == 0


def test_a_copy_of_another_clients_secret_is_no_key() -> None:
    found = decide(access({}, {"name": "b"}), stored={"a": stored(FIRST), "b": stored(FIRST)})
    assert found.issued["a"] == FIRST
    assert found.issued["b"].key != A


def test_no_key_shows_where_a_record_is_printed() -> None:
    shown = repr(keys.Issued(A, 1, NOW, (keys.Previous(B, NOW),)))
    assert A not in shown
    assert B not in shown


def test_of_a_terminating_model_keys_are_only_taken_away() -> None:
    running = keys.Issued(B, 2, NOW, (keys.Previous(A, NOW + 5),))
    wanted = access({"keyVersion": 3}, {"name": "new"}, {"name": "gone"})
    seen: dict[str, Any] = {"stored": {"a": stored(running)}, "applied": {"a": running, "gone": OTHERS}}
    assert decide(wanted, terminating=True, **seen).issued == {"a": running}
    later = decide(wanted, NOW + 5, terminating=True, **seen)
    assert (later.issued["a"].keys, later.troubles) == ((B,), {})


def test_a_brought_key_of_a_terminating_model_still_replaces_the_one_before() -> None:
    first = keys.Issued(A, 0, NOW)
    found = decide(
        brought("a", "b", overlap="0s"), terminating=True, stored={"a": stored(first)}, brought={"a": B, "b": C}
    )
    assert {name: issued.keys for name, issued in found.issued.items()} == {"a": (B,)}


def test_guards_accept_only_what_a_secret_stores() -> None:
    there: dict[str, Any] = {"stored": {"a": stored(FIRST)}, "applied": {"a": FIRST}}
    seen, decision = observed(**there), decide(access({"keyVersion": 2}, {"name": "b"}), **there)
    assert keys.usable(decision, seen, ()) == decision.issued
    assert keys.usable(decision, seen, {"a", "b"}) == {"a": FIRST}
    assert keys.usable(decision, seen, (), {"a"}) == {"b": decision.issued["b"]}


def test_who_has_to_keep_its_keys_keeps_none_that_another_has_by_now() -> None:
    before = keys.Issued(A, 1, NOW, (keys.Previous(B, NOW + HOUR),))
    seen = observed(stored={"a": stored(before)})
    for taken, kept in ((A, None), (B, (A,))):
        issued = {"a": keys.Issued(C, 2, NOW), "b": keys.Issued(taken, 0, NOW)}
        found = keys.usable(keys.Decision(issued, {}, {}), seen, {"a"})
        assert found["b"] == issued["b"]
        assert (found["a"].keys if "a" in found else None) == kept


STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(["raise", "delete", "edit", "replay", "strip", "wait"]),
        strategies.booleans(),
        strategies.integers(-100, 4000),
    ),
    max_size=12,
)


@hypothesis.given(STEPS, strategies.sampled_from(["0s", "1m", "1h"]))
def test_a_revoked_key_never_comes_back_whatever_write_is_the_last(steps: list[Any], overlap: str) -> None:
    """`crashed`: the operator ended after it wrote the client's Secret and before it wrote the guard's."""
    made = (key(number) for number in itertools.count())
    applied: dict[str, keys.Issued] = {}
    secret: keys.Stored | None = None
    old: list[keys.Stored] = []
    revoked: set[str] = set()
    version, now, until = 1, NOW, 0
    for happened, crashed, seconds in steps:
        now += seconds
        if happened == "raise":
            version += 1
        elif happened == "delete":
            secret = None
        elif happened == "edit" and secret:
            secret = keys.Stored(keys.Issued(key(10**6), version, now), secret.fingerprint)
        elif happened == "strip" and secret and secret.issued:
            secret = keys.Stored(keys.Issued(secret.issued.key, 0, 0), "")
        elif happened == "replay" and old:
            secret = old[0]
        wanted = access({"keyVersion": version}, overlap=overlap)
        seen = keys.Observed({"a": secret} if secret else {}, applied, until)
        before = applied.get("a")
        issued = keys.decide(wanted, seen, now, lambda: next(made)).issued["a"]
        assert not revoked & set(issued.keys)
        secret = stored(issued)
        old.append(secret)
        if not crashed:
            applied, until = {"a": issued}, keys.revoked_until(seen, {"a": issued})
            revoked |= set(before.keys if before else ()) - set(issued.keys)
    assert key(10**6) not in {one for record in applied.values() for one in record.keys}
