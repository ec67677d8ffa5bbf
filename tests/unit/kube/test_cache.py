"""The cache holds what is newest, forgets what is gone for good, and wakes the models that something changed for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.told_cache import KEY, REF, Told, model, secret
from vllm_operator.kube import ends, kinds


class TestNewestWins:
    def test_a_new_object_concerns_its_model(self) -> None:
        seen = Told()
        seen.told()
        seen.put(secret(5))
        assert seen.told() == (KEY,)
        assert [kinds.ref(obj) for obj in seen.of(KEY)] == [REF]

    def test_the_echo_of_a_write_wakes_nobody(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.told()
        seen.put(secret(5))
        assert seen.told() == ()

    def test_an_older_object_changes_nothing(self) -> None:
        seen = Told()
        seen.put(secret(5, a="bmV3"))
        seen.told()
        seen.put(secret(4, a="b2xk"))
        assert seen.told() == ()
        assert (seen.get(REF) or {})["data"] == {"a": "bmV3"}

    def test_versions_are_numbers(self) -> None:
        seen = Told()
        seen.put(secret(9))
        seen.told()
        seen.put(secret(10, a="bmV3"))
        assert seen.told() == (KEY,)

    def test_a_version_that_brought_nothing_relevant_is_taken_in_silently(self) -> None:
        seen = Told()
        seen.put(secret(5))
        later = secret(6)
        later["metadata"]["managedFields"] = [{"manager": "kubectl", "operation": "Update"}]
        seen.told()
        seen.put(later)
        assert seen.told() == ()
        assert (seen.get(REF) or {})["metadata"]["resourceVersion"] == "6"

    @given(st.permutations(range(1, 7)))
    def test_any_order_of_events_ends_in_the_same(self, order: list[int]) -> None:
        seen = Told()
        for version in order:
            seen.put(secret(version, a=str(version)))
        assert (seen.get(REF) or {})["data"] == {"a": "6"}


def itself(answer: kinds.Object) -> kinds.Object:
    return answer


class TestAnswersToWrites:
    def test_an_answer_that_is_as_expected_wakes_nobody(self) -> None:
        seen = Told()
        seen.hold(REF)
        seen.release(REF, secret(5), itself)
        assert seen.told() == ()
        assert seen.get(REF)

    def test_a_watch_that_shows_the_write_before_its_answer_wakes_nobody(self) -> None:
        seen = Told()
        seen.hold(REF)
        seen.put(secret(5))
        seen.release(REF, secret(5), itself)
        assert seen.told() == ()

    def test_what_follows_the_write_before_its_answer_wakes_its_model(self) -> None:
        seen = Told()
        seen.hold(REF)
        seen.put(secret(5))
        seen.put(secret(6, a="other"))
        seen.release(REF, secret(5), itself)
        assert seen.told() == (KEY,)

    def test_what_a_watch_shows_during_a_write_that_fails_wakes_its_model(self) -> None:
        seen = Told()
        seen.hold(REF)
        seen.put(secret(5))
        assert seen.told() == ()
        seen.release(REF, None, itself)
        assert seen.told() == (KEY,)

    def test_a_write_of_which_the_api_server_keeps_nothing_wakes_nobody(self) -> None:
        """An older CRD has no such field: the answer is the object as it was, and another run would only write it again."""
        seen = Told()
        seen.put(model(5))
        seen.told()
        ref = kinds.ref(model(5))
        seen.hold(ref)
        seen.release(ref, model(5), lambda _: {**model(5), "status": {"of": "a newer release"}})
        assert seen.told() == ()

    def test_two_writes_of_one_object_at_once_cost_each_other_nothing(self) -> None:
        seen = Told()
        seen.hold(REF)
        seen.hold(REF)
        seen.release(REF, secret(5), itself)
        seen.release(REF, secret(6, a="other"), itself)
        assert (seen.get(REF) or {})["data"] == {"a": "other"}

    @pytest.mark.parametrize("early", [False, True])
    def test_an_answer_that_brings_more_than_was_written_wakes_its_model(self, early: bool) -> None:
        """A spec that was changed a moment before our write of the status comes with its answer, and with nothing else."""
        seen = Told()
        seen.put(model(5))
        ref = kinds.ref(model(5))
        written = {**model(5), "status": {"url": "http://a/"}}
        seen.told()
        changed = {**written, "spec": {"paused": True}, "metadata": {**written["metadata"], "resourceVersion": "7"}}
        seen.hold(ref)
        if early:
            seen.put(changed)
        seen.release(ref, changed, lambda _: written)
        assert seen.told() == (KEY,)


class TestGoneIsGone:
    def test_the_answer_to_a_write_that_comes_after_the_end_brings_nothing_back(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.told()
        seen.remove(secret(8))
        assert seen.told() == (KEY,)
        seen.told()
        seen.put(secret(7))
        assert seen.told() == ()
        assert seen.get(REF) is None

    def test_an_end_that_is_told_late_does_not_take_the_successor(self) -> None:
        seen = Told()
        seen.put(secret(9))
        seen.told()
        seen.remove(secret(8))
        assert seen.told() == ()
        assert seen.get(REF) is not None

    def test_a_successor_is_taken_in(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.remove(secret(8))
        seen.told()
        seen.put(secret(9))
        assert seen.told() == (KEY,)

    def test_what_a_read_did_not_find_is_dropped(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.drop(REF)
        seen.told()
        seen.put(secret(5))
        assert seen.told() == ()
        assert seen.of(KEY) == ()

    def test_ends_are_not_remembered_for_ever(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ends, "MOST", 3)
        seen, refs = Told(), []
        for number in range(10):
            gone = secret(number + 1)
            gone["metadata"]["name"] = f"vllm11.{number}"
            seen.remove(gone)
            refs.append(kinds.ref(gone))
        assert [ref for ref in refs if seen.has_vanished(ref)] == refs[-3:]

    @given(st.permutations(["put 5", "put 7", "remove 8"]))
    def test_any_order_of_answers_and_the_end_ends_in_nothing(self, order: list[str]) -> None:
        seen = Told()
        for step in order:
            what, version = step.split()
            (seen.put if what == "put" else seen.remove)(secret(int(version)))
        assert seen.get(REF) is None


class TestPurge:
    def test_what_a_list_no_longer_held_is_gone(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.told()
        seen.purge(kinds.SECRET, "", set(), "9")
        assert seen.told() == (KEY,)
        assert seen.get(REF) is None

    def test_what_is_newer_than_the_list_stays(self) -> None:
        seen = Told()
        seen.put(secret(10))
        seen.told()
        seen.purge(kinds.SECRET, "", set(), "9")
        assert seen.told() == ()

    @pytest.mark.parametrize(("kind", "namespace"), [(kinds.SERVICE, ""), (kinds.SECRET, "other")])
    def test_other_kinds_and_namespaces_stay(self, kind: kinds.Kind, namespace: str) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.told()
        seen.purge(kind, namespace, set(), "9")
        assert seen.told() == ()
        assert seen.get(REF) is not None
