"""The store holds what is newest, forgets what is gone for good, and tells which models something changed for."""

import copy
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import samples
from vllm_operator.kube import cache, kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid-1")
KEY = kinds.Key("models", "vllm11")


def secret(version: int, **data: str) -> kinds.Object:
    made = samples.secret(OWNER, **data)
    made["metadata"] |= {"resourceVersion": str(version), "uid": "s", "managedFields": []}
    return made


class Told(cache.Cache):
    """A cache that remembers whom it woke."""

    def __init__(self) -> None:
        self._told: list[kinds.Key] = []
        super().__init__(self._told.append)

    def told(self) -> tuple[kinds.Key, ...]:
        """Return the models that were woken since the last question."""
        found = tuple(self._told)
        self._told.clear()
        return found


REF = kinds.ref(samples.secret(OWNER))


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


class TestAnswersToWrites:
    def test_an_answer_that_is_as_expected_wakes_nobody(self) -> None:
        seen = Told()
        seen.put(secret(5), expected=secret(5))
        assert seen.told() == ()

    def test_an_answer_that_brings_more_than_was_written_wakes_its_model(self) -> None:
        """A spec that was changed a moment before our write of the status comes with its answer, and with nothing else."""
        seen = Told()
        seen.put(model(5))
        written = {**model(5), "status": {"url": "http://a/"}}
        seen.told()
        changed = {**written, "spec": {"paused": True}, "metadata": {**written["metadata"], "resourceVersion": "7"}}
        seen.put(changed, expected=written)
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
        monkeypatch.setattr(cache, "GRAVES", 3)
        seen = Told()
        for number in range(10):
            gone = secret(number + 1)
            gone["metadata"]["name"] = f"vllm11.{number}"
            seen.remove(gone)
        assert len(seen._ends) == 3

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


class TestModels:
    def test_a_model_is_found_by_its_key_and_is_not_its_own_child(self) -> None:
        seen = Told()
        seen.told()
        seen.put(model(1))
        assert seen.told() == (KEY,)
        assert seen.model(KEY) == model(1)
        assert seen.models() == (KEY,)
        assert seen.of(KEY) == ()

    def test_children_of_a_model_that_is_gone_make_no_model(self) -> None:
        seen = Told()
        seen.put(model(1))
        seen.put(secret(5))
        seen.remove(model(6))
        assert seen.models() == ()
        assert seen.model(KEY) is None
        assert len(seen.of(KEY)) == 1

    def test_an_object_that_changes_its_model_concerns_both(self) -> None:
        seen = Told()
        seen.put(secret(5))
        moved = secret(6)
        moved["metadata"]["labels"][naming.MODEL_LABEL] = "other"
        seen.told()
        seen.put(moved)
        assert set(seen.told()) == {KEY, kinds.Key("models", "other")}
        assert seen.of(KEY) == ()
        assert len(seen.of(kinds.Key("models", "other"))) == 1

    def test_what_says_no_model_is_not_kept(self) -> None:
        seen = Told()
        stripped = secret(5)
        del stripped["metadata"]["labels"]
        seen.told()
        seen.put(stripped)
        assert seen.told() == ()
        assert seen.get(REF) is None


class TestProjections:
    def test_of_managed_fields_only_what_is_ours_is_kept_and_apart(self) -> None:
        seen = Told()
        posted = secret(5)
        ours = {"manager": naming.FIELD_MANAGER, "operation": "Update", "fieldsV1": {"f:data": {"f:a": {}}}}
        theirs = {"manager": "kubectl", "operation": "Update", "fieldsV1": {"f:data": {"f:b": {}}}}
        posted["metadata"]["managedFields"] = [ours, theirs]
        seen.put(posted)
        assert "managedFields" not in (seen.get(REF) or {})["metadata"]
        assert seen.owned(REF) == {"f:data": {"f:a": {}}}

    def test_a_large_entry_of_a_secret_is_kept_as_its_digest_and_still_tells_a_change(self) -> None:
        seen = Told()
        seen.put(secret(5, a="QUFB" * 1000))
        assert len((seen.get(REF) or {})["data"]["a"]) < 100
        seen.told()
        seen.put(secret(6, a="QUFC" * 1000))
        assert seen.told() == (KEY,)

    def test_entries_that_are_read_back_are_kept_whole(self) -> None:
        seen = Told()
        seen.put(secret(5, **{"keys.json": "QUFB" * 1000}))
        assert (seen.get(REF) or {})["data"]["keys.json"] == "QUFB" * 1000

    def test_of_a_pod_only_what_status_needs_is_kept(self) -> None:
        container = {"name": "vllm", "ready": True, "state": {"running": {}}, "containerID": "x", "volumeMounts": []}
        seen = Told()
        seen.put(samples.pod(OWNER, 5, phase="Running", containerStatuses=[container], hostIP="1.2.3.4"))
        [pod] = seen.of(KEY)
        assert pod["spec"] == {
            "nodeName": "node",
            "initContainers": [{"name": "guard", "image": "envoy:1"}],
            "containers": [{"name": "vllm", "image": "engine:1"}],
        }
        assert pod["status"] == {
            "phase": "Running",
            "containerStatuses": [{"name": "vllm", "ready": True, "state": {"running": {}}}],
        }

    def test_what_is_taken_in_is_not_changed(self) -> None:
        pod = samples.pod(OWNER, 5, phase="Running")
        before = copy.deepcopy(pod)
        Told().put(pod)
        assert pod == before


class TestIndex:
    @given(st.lists(st.tuples(st.sampled_from(["put", "remove", "drop"]), st.integers(0, 3), st.sampled_from("ab"))))
    def test_the_index_by_model_and_the_objects_never_part(self, steps: list[tuple[str, int, str]]) -> None:
        seen = Told()
        versions = itertools.count(1)
        for what, number, name in steps:
            obj = secret(next(versions))
            obj["metadata"]["name"] = f"s{number}"
            obj["metadata"]["labels"][naming.MODEL_LABEL] = name
            if what == "drop":
                seen.drop(kinds.ref(obj))
            else:
                (seen.put if what == "put" else seen.remove)(obj)
        indexed = {kinds.ref(obj): name for name in "ab" for obj in seen.of(kinds.Key("models", name))}
        assert indexed == {ref: entry.key.name for ref, entry in seen._entries.items()}


def model(version: int) -> kinds.Object:
    made = samples.model()
    made["metadata"] |= {"resourceVersion": str(version), "uid": "uid-1"}
    return made
