"""What /progress says."""

import json

from vllm_operator.fetch import progress, server


def test_speed_and_time_left_are_those_of_the_last_seconds() -> None:
    state = progress.Progress(0.0)
    state.found(1000, 100, 3, 1)
    for second in range(1, 21):
        state.read(10, float(second))
    report = state.report(20.0)
    assert report["fetched"] == 300
    assert report["bytesPerSecond"] == 10
    assert report["secondsLeft"] == 70
    assert report["seconds"] == 20
    assert report["files"] == "1/3"


def test_what_was_there_before_the_start_is_no_speed() -> None:
    state = progress.Progress(0.0)
    state.found(1000, 900, 1, 0)
    assert state.report(1.0)["bytesPerSecond"] == 0
    assert state.report(1.0)["secondsLeft"] == 0


def test_a_stall_brings_the_speed_to_nothing() -> None:
    state = progress.Progress(0.0)
    state.found(1000, 0, 1, 0)
    state.read(500, 1.0)
    assert state.report(100.0)["bytesPerSecond"] == 0
    assert state.report(100.0)["seconds"] == 1, "a status that says nothing new is not written anew"


def test_a_reason_lasts_until_the_next_byte() -> None:
    state = progress.Progress(0.0)
    state.held_up("SourceRateLimited", "too many")
    assert state.report(1.0)["reason"] == "SourceRateLimited"
    state.read(1, 2.0)
    assert state.report(2.0)["reason"] == state.report(2.0)["message"] == ""


async def test_progress_is_served_as_json_and_nothing_else_is() -> None:
    import aiohttp  # noqa: PLC0415

    state = progress.Progress(0.0)
    state.found(10, 4, 2, 1)
    async with server.serving(0, lambda: state.report(1.0)) as port, aiohttp.ClientSession() as session:
        async with session.get(f"http://127.0.0.1:{port}/progress") as answer:
            assert json.loads(await answer.text())["fetched"] == 4
        async with session.get(f"http://127.0.0.1:{port}/") as answer:
            assert answer.status == 404


async def test_a_port_that_is_taken_costs_the_progress_alone() -> None:
    async with server.serving(0, dict) as port, server.serving(port, dict) as other:
        assert other == 0
