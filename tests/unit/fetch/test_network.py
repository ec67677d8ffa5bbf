"""Networks as they are: private certificate authorities, proxies, silence, and more than one source."""

import asyncio
import json
import pathlib
import ssl

import pytest

from dev import pki
from tests import fake_bucket, fake_hub, fetching, hub_faults
from tests.unit.fetch import test_process as processes
from vllm_operator.fetch import failures, http_client

MIB = 1 << 20


def serving(path: pathlib.Path) -> ssl.SSLContext:
    """Return what a server needs; its authority is path/ca.crt."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pki.issue(pki.authority(path), path, "server", user="server", hosts=("127.0.0.1",)))
    return context


async def test_a_private_authority_is_trusted_where_the_environment_names_it(tmp_path: pathlib.Path) -> None:
    rig, bundle = fetching.Rig(tmp_path), str(tmp_path / "ca.crt")
    bucket = fake_bucket.Bucket(rig.root)
    tls = serving(tmp_path)
    async with rig.serving(tls), bucket.serving(tls) as store:
        program = processes.Program(rig, tmp_path)
        sources = [
            {"source": fetching.SOURCE, "into": str(rig.into)},
            {"source": "s3://org/tiny", "into": f"{rig.into}-s3"},
        ]
        endpoints = json.dumps({"hf": rig.hub.url, "s3": store})
        assert (
            await program.end(SSL_CERT_FILE=bundle, FETCH_SOURCES=json.dumps(sources), FETCH_ENDPOINTS=endpoints) == 0
        )
        assert rig.whole
        assert bucket.seen


async def test_an_unknown_authority_is_named_and_not_trusted(tmp_path: pathlib.Path) -> None:
    rig = fetching.Rig(tmp_path)
    async with rig.serving(serving(tmp_path)):
        failure = await rig.fails()
    assert failure.reason == failures.UNREACHABLE
    assert "certificate" in failure.message
    assert rig.hub.seen == []


async def test_hub_and_bucket_are_asked_through_the_proxy(rig: fetching.Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("http_proxy", rig.hub.url)
    await rig.fetch(endpoints={"hf": "http://hub.invalid"})
    assert rig.whole
    bucket = fake_bucket.Bucket(rig.root)
    async with bucket.serving() as proxy:
        monkeypatch.setenv("http_proxy", proxy)
        rig.into = rig.into.with_name("other")
        await rig.fetch("gs://org/tiny", endpoints={"gs": "http://store.invalid"}, token="")
    assert rig.whole


async def test_a_server_that_falls_silent_is_as_good_as_cut(rig: fetching.Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_client, "READ_SECONDS", 0.3)
    rig.put("model.safetensors", fetching.WEIGHTS * 20)
    rig.hub.faults = [fake_hub.Fault("signature=", hub_faults.holding(asyncio.Event(), after=8 * MIB))]
    await rig.fetch()
    assert rig.fetched["model.safetensors"] == fetching.WEIGHTS * 20
    assert rig.hub.ranges[1] != "bytes=0-20971519"


async def test_adapters_are_fetched_beside_the_model_and_the_result_is_the_models(rig: fetching.Rig) -> None:
    rig.put("adapter_model.safetensors", b"lora", "org/lora")
    result = await rig.fetch(adapters=("hf://org/lora",))
    assert result.revision == rig.state.revision == rig.hub.commit("org/tiny")
    assert (rig.into.with_name("adapter-0") / "adapter_model.safetensors").read_bytes() == b"lora"
    assert (rig.state.whole, rig.state.files) == (4, 4)
    assert rig.state.fetched == rig.state.size == result.bytes + 4


async def test_a_mirrors_password_is_in_no_message(rig: fetching.Rig) -> None:
    rig.hub.faults = [fake_hub.Fault("/revision/", hub_faults.listing())]
    endpoint = rig.hub.url.replace("//", "//user:s3cret@")
    failure = await rig.fails(endpoints={"hf": endpoint}, token="")
    assert "s3cret" not in failure.message


@pytest.mark.parametrize("place", ["http://[::1", "file:///etc/passwd", "//", "http://a:b:c/"])
async def test_a_redirect_to_nowhere_is_a_reason(rig: fetching.Rig, place: str) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(302, Location=place), times=99)]
    assert (await rig.fails()).reason in (failures.REFUSED, failures.UNREACHABLE)


async def test_a_redirect_in_a_circle_ends(rig: fetching.Rig) -> None:
    rig.hub.faults = [
        fake_hub.Fault("/revision/", hub_faults.refusing(307, Location="/api/models/org/tiny/revision/main"), times=9)
    ]
    failure = await rig.fails()
    assert failure.reason == failures.REFUSED
    assert "circle" in failure.message


async def test_a_commit_that_the_hub_lost_is_named_with_the_way_on(rig: fetching.Rig) -> None:
    rig.hub.faults = [fake_hub.Fault("config.json", hub_faults.refusing(404, X_Error_Code="EntryNotFound"))]
    failure = await rig.fails()
    assert failure.reason == failures.REVISION_NOT_FOUND
    assert "upgrade" in failure.message
