"""What the cache keeps decoded: what is read again and again, and nothing else."""

import sys

from tests.told_cache import REF, Told, model, secret
from vllm_operator.kube import at_hand, kinds, naming


def of_model(number: int) -> kinds.Object:
    one = secret(5)
    one["metadata"] |= {"name": f"s{number}", "labels": {naming.MODEL_LABEL: f"m{number}"}}
    return one


def test_an_object_is_decoded_once_until_it_changes() -> None:
    seen = Told()
    seen.put(secret(5))
    before = seen.get(REF)
    assert seen.get(REF) is before
    seen.put(secret(6, a="other"))
    assert (seen.get(REF) or {})["data"] == {"a": "other"}


def test_what_is_large_is_kept_in_less_room_and_read_as_it_is() -> None:
    seen, large = Told(), secret(5, **{"keys.json": "QUFB" * 1000})
    seen.put(large)
    assert len(seen._entries[REF].raw) < 1000
    assert (seen.get(REF) or {})["data"] == large["data"]
    seen.told()
    seen.put({**large, "metadata": {**large["metadata"], "resourceVersion": "6"}})
    assert seen.told() == (), "the same again is no news"


def test_what_is_gone_is_not_kept_decoded() -> None:
    seen = Told()
    seen.put(model(5))
    seen.put(secret(6))
    before = seen.get(REF)
    held = sys.getrefcount(before)
    seen.remove(secret(7))
    assert sys.getrefcount(before) == held - 1


def test_no_more_models_are_kept_decoded_than_are_worked_on() -> None:
    seen = Told()
    objects = [of_model(number) for number in range(at_hand.MODELS + 1)]
    for one in objects:
        seen.put(one)
    before = seen.get(kinds.ref(objects[0]))
    for one in objects[1:]:
        seen.get(kinds.ref(one))
    assert seen.get(kinds.ref(objects[0])) is not before
