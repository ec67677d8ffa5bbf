"""The cache finds objects by their model, and keeps of each what is read and no more."""

import base64
import copy
import itertools

from hypothesis import given
from hypothesis import strategies as st

from tests import samples
from tests.told_cache import KEY, OWNER, REF, Told, model, secret
from vllm_operator import keys
from vllm_operator.api import access
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming, projection


def longest(number: int) -> keys.Issued:
    """Return a record with as many and as long keys as there may be."""
    first, *others = (f"sk-{number:0127d}{place}" for place in range(keys.MOST_PREVIOUS + 1))
    return keys.Issued(first, keys.LATEST, keys.LATEST, tuple(keys.Previous(one, keys.LATEST) for one in others))


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


class TestStamps:
    def test_a_stamp_is_another_after_each_change_and_the_same_without_one(self) -> None:
        seen = Told()
        stamps = [seen.stamp(KEY)]
        for change in (
            lambda: seen.put(secret(5)),
            lambda: seen.put(secret(6)),
            lambda: seen.put(model(3)),
            lambda: seen.drop(REF),
            lambda: seen.remove(model(7)),
            lambda: seen.put(model(8)),
        ):
            change()
            stamps.append(seen.stamp(KEY))
        assert len({*stamps, 0}) == len(stamps) - 1, "only with nothing left it is as at the beginning"
        seen.put(secret(4))
        seen.remove(model(2))
        assert seen.stamp(KEY) == stamps[-1]

    def test_an_exchange_of_two_objects_that_are_older_than_a_third_is_a_change(self) -> None:
        seen = Told()
        seen.put(secret(5))
        seen.put(model(9))
        before = seen.stamp(KEY)
        other = secret(6)
        other["metadata"]["name"] = "other"
        seen.put(other)
        seen.drop(REF)
        assert seen.stamp(KEY) != before

    def test_an_object_that_changes_its_model_changes_both(self) -> None:
        seen, other = Told(), kinds.Key("models", "other")
        seen.put(secret(5))
        seen.put(model(1))
        before = seen.stamp(KEY), seen.stamp(other)
        moved = secret(6)
        moved["metadata"]["labels"][naming.MODEL_LABEL] = other.name
        seen.put(moved)
        assert seen.stamp(KEY) != before[0]
        assert seen.stamp(other) != before[1]


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

    def test_of_an_entry_that_is_read_back_no_more_is_kept_than_the_operator_writes(self) -> None:
        seen = Told()
        clients = {f"{number:063d}": longest(number) for number in range(access.MOST_CLIENTS)}
        written = base64.b64encode(record.noted(clients, keys.LATEST)["keys.json"].encode()).decode()
        seen.put(secret(5, **{"keys.json": written}))
        assert (seen.get(REF) or {})["data"]["keys.json"] == written
        for version, name in enumerate(sorted(projection.READ_ENTRIES), 6):
            seen.put(secret(version, **{name: "QUFB" * 250_000}))
            assert (seen.get(REF) or {})["data"][name].startswith(projection.DIGEST)

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
