"""Pauses grow with the time that something fails, stay below their limit, and differ."""

from vllm_operator.kube import backoff


def test_pauses_double_up_to_the_longest() -> None:
    steady, lasting, pauses = backoff.Backoff(first=15, longest=300, jitter=0), 0.0, []
    for _ in range(7):
        pauses.append(steady.pause(lasting))
        lasting += pauses[-1]
    assert pauses == [15, 30, 60, 120, 240, 300, 300]


def test_a_part_is_taken_off_at_random_so_that_nothing_comes_in_step() -> None:
    spread = backoff.Backoff(first=10, longest=300, jitter=0.25)
    pauses = [spread.pause(0) for _ in range(100)]
    assert all(7.5 <= pause <= 10 for pause in pauses)
    assert len(set(pauses)) > 1
