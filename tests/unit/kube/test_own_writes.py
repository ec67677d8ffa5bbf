"""What is expected of the answer to a write of ours, and what is news in it."""

import pytest

from tests.told_cache import KEY, REF, Told, secret
from vllm_operator.kube import kinds, own_writes


async def answered(answer: kinds.Object) -> kinds.Object:
    return answer


@pytest.mark.parametrize(("made", "told"), [("ours", ()), ("a webhook's", (KEY,))])
async def test_a_creation_is_news_only_where_it_does_not_hold_what_was_sent(
    made: str, told: tuple[kinds.Key, ...]
) -> None:
    seen = Told()
    wanted = secret(5, a="ours")
    answer = {**secret(5, a=made), "immutable": False}  # and what the API server fills in
    await own_writes.written(seen, REF, answered(answer), own_writes.created(wanted))
    assert seen.told() == told
