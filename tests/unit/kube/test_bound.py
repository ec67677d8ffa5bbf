"""Whatever carries a model's label: it takes no more memory than there is, and costs no namespace but its own."""

import asyncio
import collections
import pathlib
import random

import pytest

from tests import clock, fake_apiserver, samples
from vllm_operator.controller import memory
from vllm_operator.kube import bound, cache, informer, kinds, naming, own_fields

MOST = 100_000
THEIRS = naming.Owner("theirs", "large", "uid-2")
OURS = naming.Owner("models", "vllm11", "uid-1")


def secret(owner: naming.Owner, name: str, size: int = 0) -> kinds.Object:
    """Return a labelled Secret with `size` characters that do not compress, in what is kept as it is."""
    noise = random.Random(name).randbytes(size // 2).hex()  # noqa: S311 - no secret
    made = samples.secret(owner, name)
    made["metadata"]["annotations"] = {"noise": noise}
    return made


def versioned(obj: kinds.Object, version: int) -> kinds.Object:
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version), "uid": "x", "managedFields": []}}


def test_the_namespace_that_takes_the_most_is_left_out_and_no_other() -> None:
    seen = cache.Cache(most=MOST)
    seen.put(versioned(secret(OURS, "ours"), 1))
    for number in range(200):
        seen.put(versioned(secret(THEIRS, f"s{number}", 5000), number + 2))
    assert seen.left_out() == {"theirs"}
    assert seen.of(THEIRS.key) == ()
    assert len(seen.of(OURS.key)) == 1


def test_one_large_object_leaves_out_no_second_namespace() -> None:
    """What is counted while a namespace is let go of is still too much, and no other is to pay for it."""
    seen = cache.Cache(most=MOST)
    for number in range(15):
        seen.put(versioned(secret(OURS, f"ours{number}"), number + 1))
    for number in range(14):
        seen.put(versioned(secret(THEIRS, f"s{number}"), number + 100))
    seen.put(versioned(secret(THEIRS, "large", 2 * MOST), 200))
    assert seen.left_out() == {"theirs"}


class Kept:
    """Objects of 1,000 bytes, in room for a hundred."""

    def __init__(self) -> None:
        self.bound = bound.Bound(MOST, [kinds.SECRET])
        self._counts: collections.Counter[str] = collections.Counter()

    def add(self, namespace: str, number: int) -> None:
        for _ in range(number):
            self._counts[namespace] += 1
            if out := self.bound.add(kinds.Key(namespace, "m"), 1000, 1):
                for _ in range(self._counts.pop(out)):
                    self.bound.remove(kinds.Key(out, "m"), 1000, 1)
                if out == namespace:
                    return

    def list_again(self, namespace: str, number: int) -> None:
        self.bound.begin(kinds.SECRET, "")
        self.add(namespace, number)
        self.bound.end(kinds.SECRET, "")


def test_namespaces_do_not_take_turns_in_being_left_out() -> None:
    """Whoever is listed again has little of its own at first, and is not to push out who has less in all."""
    kept = Kept()
    kept.add("models", 44)
    kept.add("others", 19)
    kept.add("theirs", 47)
    for _ in range(3):
        (out,) = kept.bound.left_out()
        kept.list_again(out, {"models": 44, "theirs": 47}[out])
    assert kept.bound.left_out() == {"theirs"}


def test_large_sets_of_our_fields_are_not_remembered() -> None:
    shared = own_fields.OwnFields()
    for size in (10, 1000):
        data = {f"f:{number:060d}": {} for number in range(size)}
        entry = {
            "manager": naming.FIELD_MANAGER,
            "operation": "Update",
            "fieldsType": "FieldsV1",
            "fieldsV1": {"f:data": data},
        }
        obj = {"kind": "Secret", "metadata": {"managedFields": [entry]}}
        first, again = shared.of(obj)[1], shared.of(obj)[1]
        assert first > 0
        assert again == (0 if size == 10 else first)


def test_many_small_objects_are_counted_too() -> None:
    seen = cache.Cache(most=MOST)
    for number in range(MOST // bound.OVERHEAD):
        seen.put(versioned(samples.secret(THEIRS, f"s{number}"), number + 1))
    assert seen.left_out() == {"theirs"}


def test_what_compresses_well_is_not_read_at_once_without_a_bound() -> None:
    seen = cache.Cache()
    for number in range(bound.MOST_DECODED // 1_000_000 + 1):
        large = samples.secret(THEIRS, f"s{number}")
        large["metadata"]["annotations"] = {"zeros": "0" * 1_000_000}
        seen.put(versioned(large, number + 1))
    assert seen.left_out() == {"theirs"}


def test_what_goes_makes_room_and_changes_count_once() -> None:
    seen = cache.Cache(most=MOST)
    for version in range(1, 200):
        seen.put(versioned(secret(THEIRS, f"s{version % 3}", 5000), version))
    seen.remove(versioned(secret(THEIRS, "s0"), 1000))
    assert not seen.left_out()
    assert len(seen.of(THEIRS.key)) == 2


@clock.virtual
async def test_a_namespace_is_worked_on_again_once_all_of_it_has_room() -> None:
    """Not sooner: what is not known of it would look deleted, and with it the keys of its clients."""
    api, woken = fake_apiserver.FakeCluster(), list[kinds.Key]()

    def wake(key: kinds.Key) -> None:
        if followed.knows(key.namespace):
            woken.append(key)

    seen = cache.Cache(wake, most=MOST)
    followed = informer.Informers(api, seen, (), lambda _: None)
    await api.create(samples.model())
    await api.create(secret(OURS, "key"))
    large = [secret(naming.Owner(OURS.namespace, "x", ""), f"s{number}", 5000) for number in range(40)]
    for one in large:
        await api.create(one)
    async with asyncio.TaskGroup() as group:
        following = group.create_task(followed.run())
        await clock.until(lambda: bool(seen.left_out()))
        assert not followed.knows(OURS.namespace)
        assert followed.knows("others")
        assert [(one.namespace, one.reason) for one in followed.failures()] == [(OURS.namespace, informer.LEFT_OUT)]
        for one in large:
            await api.delete_by("kubectl", kinds.ref(one))
        await asyncio.sleep(60)
        woken.clear()
        api.cut()  # as each watch ends after some minutes
        await clock.until(lambda: followed.knows(OURS.namespace))
        assert len(seen.of(OURS.key)) == 1
        assert woken == [OURS.key], "it is worked on now that all is known"
        assert not followed.failures()
        following.cancel()


@pytest.mark.parametrize(("said", "most"), [("536870912\n", 320 * 2**20), ("1000\n", 500), ("max\n", 2**62)])
def test_objects_take_what_the_container_leaves_them(tmp_path: pathlib.Path, said: str, most: int) -> None:
    limit = tmp_path / "memory.max"
    limit.write_text(said)
    assert min(memory.for_objects(limit), 2**62) == most
