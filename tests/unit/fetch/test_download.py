"""Cut, slow, wrong and full: what is fetched is whole all the same, and nothing is fetched twice without need."""

import asyncio
import errno
import os
import pathlib

import pytest

from tests import fake_hub, fetching, hub_faults
from vllm_operator.fetch import directory, download, failures, patience, plan

MIB = 1 << 20
LARGE = fetching.WEIGHTS * 70  # three ranges
CDN = "signature="


@pytest.fixture
def large(rig: fetching.Rig) -> fetching.Rig:
    rig.put("model.safetensors", LARGE)
    return rig


async def test_ranges_that_are_cut_go_on_at_the_byte_where_they_were(large: fetching.Rig) -> None:
    large.hub.faults = [fake_hub.Fault(CDN, hub_faults.cutting(5 * MIB), times=4)]
    await large.fetch()
    assert large.fetched["model.safetensors"] == LARGE
    asked = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in large.hub.ranges]
    assert sum(end + 1 - start for start, end in asked) < len(LARGE) + 4 * plan.RANGE
    assert len({start for start, _ in asked}) == len(asked) >= 6


async def test_a_cut_connection_is_a_reason_while_it_lasts(large: fetching.Rig) -> None:
    large.hub.faults = [fake_hub.Fault(CDN, hub_faults.cutting(0), times=1000)]
    failure = await large.fails()
    assert failure.reason == failures.UNREACHABLE
    assert "cut" in failure.message


async def test_a_wrong_file_is_fetched_once_more(large: fetching.Rig) -> None:
    large.hub.faults = [fake_hub.Fault(CDN, hub_faults.lying())]
    await large.fetch()
    assert large.fetched["model.safetensors"] == LARGE
    assert large.state.fetched == large.state.size


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
async def test_a_file_that_stays_wrong_is_named_is_not_kept_and_heals(rig: fetching.Rig, name: str) -> None:
    rig.hub.faults = [fake_hub.Fault(f"{name}?" if "model" in name else f"/{name}", hub_faults.lying(), times=2)]
    failure = await rig.fails()
    assert failure.reason == failures.WRONG_DIGEST
    assert name in failure.message
    assert name not in rig.fetched
    assert not rig.whole
    await rig.fetch()
    assert rig.whole


async def test_the_models_digest_is_checked_before_large_files_are_fetched(rig: fetching.Rig) -> None:
    failure = await rig.fails(digest=f"sha256:{'0' * 64}")
    assert failure.reason == failures.WRONG_DIGEST
    assert rig.hub.asked("cdn") == []
    assert not rig.whole
    right = (await rig.fetch()).digest
    assert (await rig.fetch(digest=right)).digest == right


async def test_a_whole_directory_asks_nobody_and_writes_nothing(rig: fetching.Rig) -> None:
    first = await rig.fetch()
    rig.hub.seen.clear()
    before = {file: file.stat().st_mtime_ns for file in rig.into.rglob("*")}
    assert await rig.fetch(endpoints={"hf": "http://127.0.0.1:9"}) == first
    assert rig.hub.seen == []
    assert {file: file.stat().st_mtime_ns for file in rig.into.rglob("*")} == before


async def test_a_later_start_goes_on_with_the_commit_of_the_first_and_only_with_what_is_left(
    large: fetching.Rig,
) -> None:
    large.hub.refs["org/tiny"] = {"main": "a" * 40}
    large.hub.faults = [fake_hub.Fault("model.safetensors?", hub_faults.refusing(404), times=1)]
    large.hub.faults = [fake_hub.Fault("/resolve/" + "a" * 40 + "/model", hub_faults.refusing(404))]
    assert (await large.fails()).reason == failures.SOURCE_NOT_FOUND
    large.hub.refs["org/tiny"] = {"main": "b" * 40, "old": "a" * 40}
    large.hub.seen.clear()
    assert (await large.fetch()).revision == "a" * 40
    assert not [path for path in large.hub.asked("hub") if "/api/" in path or "config.json" in path]


async def test_a_finished_file_that_was_damaged_since_is_fetched_again_and_no_other(large: fetching.Rig) -> None:
    await large.fetch()
    os.truncate(large.into / "config.json", 3)
    large.hub.seen.clear()
    assert not large.whole
    large.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(404))]
    await large.fails()
    assert not (large.into / ".complete").exists()
    await large.fetch()
    assert large.whole
    assert [path for path in large.hub.asked("hub") if "/resolve/" not in path or "config.json" not in path] == []


async def test_two_fetchers_of_one_directory_wait_for_each_other_and_fetch_once(
    large: fetching.Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    reopened: list[str] = []
    monkeypatch.setattr(directory.Directory, "reopen", lambda one: reopened.append(one.path))
    results = await asyncio.gather(large.fetch(), large.fetch(), large.fetch())
    assert len(set(results)) == 1
    assert len(large.hub.ranges) == 3
    assert len(reopened) == 1


async def test_what_fails_after_hours_of_bytes_has_ten_minutes_of_its_own(rig: fetching.Rig) -> None:
    waits = patience.Patience(rig.state, rig.hurried.clock)
    cut = failures.Transient(failures.UNREACHABLE, "cut", "wait")
    await rig.hurried.sleep(7200)
    rig.state.read(1, rig.hurried.now())
    await waits.wait(cut, 1)
    await rig.hurried.sleep(600)
    with pytest.raises(failures.Failure, match="cut"):
        await waits.wait(cut, 2)


async def test_more_than_was_asked_for_is_not_taken(rig: fetching.Rig) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.chunked(b"more"))]
    await rig.fetch()
    assert rig.fetched["config.json"] == fetching.FILES["config.json"]
    assert len(rig.hub.asked("hub")) == len(set(rig.hub.asked("hub")))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (hub_faults.chunked(status=200, Content_Length="7"), failures.WRONG_DIGEST),
        (hub_faults.chunked(status=206, Content_Range="bytes 0-7/99"), failures.WRONG_DIGEST),
        (hub_faults.chunked(status=206), failures.REFUSED),
        (hub_faults.chunked(status=206, Content_Range="bytes 1-8/8"), failures.REFUSED),
    ],
)
async def test_an_answer_with_other_bytes_than_those_asked_for_is_named(
    rig: fetching.Rig, answer: fake_hub.Answer, reason: str
) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", answer)]
    assert (await rig.fails()).reason == reason
    assert "config.json" not in rig.fetched


async def test_a_directory_that_somebody_else_writes_to_is_not_marked_as_whole(large: fetching.Rig) -> None:
    go_on = asyncio.Event()
    large.hub.faults = [fake_hub.Fault(CDN, hub_faults.holding(go_on), times=3)]
    task = asyncio.create_task(large.fails())
    await fetching.until(lambda: large.state.whole == 2)
    (large.into / "config.json").unlink()
    go_on.set()
    assert (await task).reason == failures.UNWRITABLE
    assert not (large.into / ".complete").exists()
    await large.fetch()
    assert large.whole


async def test_a_stopped_fetch_keeps_what_came(large: fetching.Rig) -> None:
    never = asyncio.Event()
    large.hub.faults = [fake_hub.Fault(CDN, hub_faults.holding(never, after=24 * MIB), times=3)]
    task = asyncio.create_task(large.fetch())
    await fetching.until(lambda: large.state.fetched >= 44 * MIB)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    large.hub.ranges.clear()
    await large.fetch()
    assert large.fetched["model.safetensors"] == LARGE
    asked = [tuple(map(int, one.removeprefix("bytes=").split("-"))) for one in large.hub.ranges]
    assert sum(end + 1 - start for start, end in asked) <= 26 * MIB


async def test_a_volume_that_is_too_small_is_said_before_a_byte_comes(
    large: fetching.Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(directory.Directory, "free", lambda _: MIB)
    failure = await large.fails()
    assert failure.reason == failures.DISK_FULL
    assert failure.message.endswith(": make it larger.")
    assert large.hub.ranges == []
    assert not [path for path in large.hub.asked("hub") if "/resolve/" in path]


@pytest.mark.parametrize(
    ("number", "reason"),
    [(errno.ENOSPC, failures.DISK_FULL), (errno.EDQUOT, failures.DISK_FULL), (errno.EIO, failures.UNWRITABLE)],
)
async def test_a_volume_that_fails_meanwhile_is_a_reason_and_heals(
    large: fetching.Rig, monkeypatch: pytest.MonkeyPatch, number: int, reason: str
) -> None:
    def failing(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    with monkeypatch.context() as patched:
        patched.setattr(download, "_write", failing)
        assert (await large.fails()).reason == reason
    await large.fetch()
    assert large.whole


async def test_a_directory_that_cannot_be_made_is_unwritable(large: fetching.Rig, tmp_path: pathlib.Path) -> None:
    (tmp_path / "into").write_text("a file")
    assert (await large.fails()).reason == failures.UNWRITABLE
