"""From the hub: what is fetched, whom the token reaches, and what each refusal is called."""

import hashlib
import pathlib
from typing import Any

import pytest
from aiohttp import web

from tests import fake_hub, fetching, hub_faults
from vllm_operator.fetch import download, failures, listing, plan

OTHER_COMMIT = "b" * 40


async def test_a_repository_is_fetched_as_it_is_and_marked_as_whole(rig: fetching.Rig) -> None:
    rig.put("sub/dir/x.json", b"[]")
    rig.put("empty.txt", b"")
    result = await rig.fetch()
    wanted = {"sub/dir/x.json": b"[]", "empty.txt": b"", **fetching.FILES}
    del wanted["README.md"]
    assert rig.fetched == wanted
    assert rig.whole
    hashes = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in wanted.items()}
    assert result == (rig.hub.commit("org/tiny"), listing.digest(hashes), sum(map(len, wanted.values())), len(wanted))
    assert (rig.state.fetched, rig.state.size, rig.state.whole, rig.state.files) == (result.bytes, result.bytes, 5, 5)


async def test_the_token_reaches_the_hub_and_no_other_server(rig: fetching.Rig) -> None:
    await rig.fetch()
    tokens = {server: {token for where, _, token in rig.hub.seen if where == server} for server in ("hub", "cdn")}
    assert tokens == {"hub": {f"Bearer {fake_hub.GOOD}"}, "cdn": {""}}


async def test_a_tag_is_resolved_once_and_only_the_commit_is_read(rig: fetching.Rig) -> None:
    rig.hub.refs["org/tiny"] = {"v1.2": "a" * 40, "main": OTHER_COMMIT}
    result = await rig.fetch(f"{fetching.SOURCE}@v1.2")
    assert result.revision == "a" * 40
    named = [path for path in rig.hub.asked("hub") if "v1.2" in path]
    assert len(named) == 1
    assert not [path for path in rig.hub.asked("hub") if OTHER_COMMIT in path]


@pytest.mark.parametrize(
    ("source", "token", "reason"),
    [
        ("hf://org/tiny", "hf_wrong", failures.UNAUTHORIZED),
        ("hf://org/private", "", failures.UNAUTHORIZED),
        ("hf://org/private", fake_hub.STRANGER, failures.SOURCE_NOT_FOUND),
        ("hf://org/missing", fake_hub.GOOD, failures.SOURCE_NOT_FOUND),
        ("hf://org/gated", "", failures.GATED),
        ("hf://org/gated", fake_hub.STRANGER, failures.GATED),
        ("hf://org/tiny@v9", fake_hub.GOOD, failures.REVISION_NOT_FOUND),
    ],
)
async def test_each_refusal_has_its_reason_and_a_remedy_and_shows_no_token(
    rig: fetching.Rig, source: str, token: str, reason: str
) -> None:
    for name in ("private", "gated"):
        rig.put("model.safetensors", b"x", f"org/{name}")
    rig.hub.private, rig.hub.gated = {"org/private"}, {"org/gated"}
    failure = await rig.fails(source, token=token)
    assert failure.reason == reason
    assert source.partition("@")[0].removeprefix("hf://") in failure.message
    assert not token or token not in failure.message
    assert rig.hurried.slept == []


async def test_what_was_refused_heals_when_the_token_may(rig: fetching.Rig) -> None:
    rig.hub.gated = {"org/tiny"}
    assert (await rig.fails(token=fake_hub.STRANGER)).reason == failures.GATED
    rig.hub.gated = set()
    await rig.fetch(token=fake_hub.STRANGER)
    assert rig.whole


@pytest.mark.parametrize("where", ["/api/models/org/tiny/revision", "/tree/", "config.json", "model.safetensors"])
async def test_retry_after_is_kept_wherever_it_is_said(rig: fetching.Rig, where: str) -> None:
    rig.hub.faults = [
        fake_hub.Fault(where, hub_faults.refusing(429, Retry_After="7")),
        fake_hub.Fault(where, hub_faults.refusing(503, Retry_After="9")),
    ]
    await rig.fetch()
    asked = sorted(rig.hurried.slept)
    assert len(asked) == 2
    assert 7 <= asked[0] <= 7 * 1.25
    assert 9 <= asked[1] <= 9 * 1.25


async def test_too_many_requests_that_last_end_after_ten_minutes_without_a_byte(rig: fetching.Rig) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(429, Retry_After="30"), times=1000)]
    failure = await rig.fails()
    assert failure.reason == failures.RATE_LIMITED
    assert 600 <= sum(rig.hurried.slept) <= 900
    assert rig.state.reason == failures.RATE_LIMITED


async def test_a_hub_that_is_down_is_unreachable_and_named(rig: fetching.Rig) -> None:
    failure = await rig.fails(endpoints={"hf": "http://127.0.0.1:9"})
    assert failure.reason == failures.UNREACHABLE
    assert "127.0.0.1" in failure.message
    failure = await rig.fails(endpoints={"hf": "http://hub.invalid"})
    assert "hub.invalid" in failure.message


async def test_a_hub_that_works_again_is_gone_on_with(rig: fetching.Rig) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(502), times=5)]
    await rig.fetch()
    assert rig.whole
    assert rig.hurried.slept[4] >= 8 > rig.hurried.slept[0]


@pytest.fixture
def ranged(rig: fetching.Rig, monkeypatch: pytest.MonkeyPatch) -> fetching.Rig:
    """A rig with a file of forty ranges."""
    monkeypatch.setattr(plan, "RANGE", len(fetching.WEIGHTS))
    rig.put("model.safetensors", fetching.WEIGHTS * 40)
    return rig


async def test_the_hub_is_not_asked_for_every_range_and_the_token_stays_there(ranged: fetching.Rig) -> None:
    await ranged.fetch()
    assert len(ranged.hub.asked("cdn")) == 40
    assert len([path for path in ranged.hub.asked("hub") if "model.safetensors" in path]) <= download.WORKERS
    assert {token for where, _, token in ranged.hub.seen if where == "cdn"} == {""}


async def test_a_file_server_whose_signature_ended_is_asked_through_the_hub_again(ranged: fetching.Rig) -> None:
    async def renewed(_: web.Request, file: pathlib.Path | None) -> web.StreamResponse:
        if len(ranged.hub.ranges) <= 20 and file:
            return web.FileResponse(file)
        ranged.hub.signature = "another"
        return web.Response(status=403)

    ranged.hub.faults = [fake_hub.Fault(f"signature={fake_hub.SIGNATURE}", renewed, times=21)]
    await ranged.fetch()
    assert ranged.whole
    assert sum(ranged.hurried.slept) < 60


@pytest.mark.parametrize("status", [402, 418, 451])
async def test_any_other_answer_is_named_by_its_status(rig: fetching.Rig, status: int) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(status))]
    failure = await rig.fails()
    assert failure.reason == failures.REFUSED
    assert str(status) in failure.message


@pytest.mark.parametrize(
    "entry",
    [
        {"type": "file", "path": "../outside.json", "size": 1},
        {"type": "file", "path": "/tmp/outside.json", "size": 1},
        {"type": "file", "path": "a.json", "size": -1},
        {"type": "file", "path": None, "size": 1},
        {"type": "file", "path": "a.json", "size": True},
        {"type": "file", "path": "a.json", "lfs": "x"},
        {"type": "file", "path": "a.json"},
    ],
)
async def test_a_hostile_listing_is_refused_and_writes_nothing(rig: fetching.Rig, entry: dict[str, Any]) -> None:
    entries = [{"type": "file", "path": "model.safetensors", "size": 1}, entry]
    rig.hub.faults = [fake_hub.Fault("/tree/", hub_faults.listing(*entries))]
    failure = await rig.fails(files=("*",))
    assert failure.reason == failures.REFUSED
    assert rig.fetched == {}


@pytest.mark.parametrize("body", [{}, [], {"sha": "main"}, {"sha": 5}, "x"])
async def test_what_does_not_speak_the_hubs_api_is_named(rig: fetching.Rig, body: Any) -> None:
    rig.hub.faults = [fake_hub.Fault("/revision/", hub_faults.listing(body))]
    assert "hub's API" in (await rig.fails()).message
