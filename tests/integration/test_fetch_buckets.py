"""The fetcher before a real S3 server, which checks signatures: versitygw over a directory."""

import os
import pathlib
import signal
import subprocess
from collections.abc import Iterator

import obstore
import pytest
from obstore import store

from dev import binaries
from tests import fetching, waiting
from tests.guard import fake_engine
from vllm_operator.fetch import failures

SOURCE = "s3://models/tiny"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDTEST", "AWS_SECRET_ACCESS_KEY": "a-secret-of-the-test"}
CONTENT = {"config.json": b"{}", "sub dir/model+1.safetensors": fetching.WEIGHTS * 40, "pytorch_model.bin": b"no"}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the server, with the bucket `models`."""
    root = tmp_path_factory.mktemp("s3")
    (root / "data/models").mkdir(parents=True)
    port = fake_engine.free_port()
    command = [str(binaries.directory("versitygw") / "versitygw"), "--quiet", "--port", f"127.0.0.1:{port}"]
    env = {**os.environ, "ROOT_ACCESS_KEY": KEYS["AWS_ACCESS_KEY_ID"], "ROOT_SECRET_KEY": KEYS["AWS_SECRET_ACCESS_KEY"]}
    with (root / "log").open("w") as log:
        process = subprocess.Popen([*command, "posix", str(root / "data")], env=env, stdout=log, stderr=log)
    url = f"http://127.0.0.1:{port}"
    try:
        waiting.until("filling the bucket", lambda: _filled(url), (root / "log").read_text)
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(10)


@pytest.fixture
def rig(tmp_path: pathlib.Path) -> fetching.Rig:
    return fetching.Rig(tmp_path)


async def test_a_bucket_is_fetched_with_keys_in_ranges_and_again_without_a_request(
    rig: fetching.Rig, endpoint: str
) -> None:
    first = await rig.fetch(SOURCE, endpoints={"s3": endpoint}, credentials=KEYS)
    assert rig.fetched == {name: content for name, content in CONTENT.items() if not name.endswith(".bin")}
    assert first.files == 2
    assert await rig.fetch(SOURCE, endpoints={"s3": "http://127.0.0.1:9"}, credentials=KEYS) == first


async def test_what_is_written_again_is_another_revision(rig: fetching.Rig, endpoint: str) -> None:
    first = await rig.fetch(SOURCE, endpoints={"s3": endpoint}, credentials=KEYS, files=("*.json",))
    obstore.put(_bucket(endpoint), "tiny/config.json", b"[]")
    (rig.into / "config.json").unlink()
    failure = await rig.fails(SOURCE, endpoints={"s3": endpoint}, credentials=KEYS, files=("*.json",))
    assert failure.reason == failures.REVISION_NOT_FOUND
    rig.into = rig.into.with_name("anew")
    second = await rig.fetch(SOURCE, endpoints={"s3": endpoint}, credentials=KEYS, files=("*.json",))
    assert second.revision != first.revision
    obstore.put(_bucket(endpoint), "tiny/config.json", CONTENT["config.json"])


@pytest.mark.parametrize(
    ("source", "keys", "reason"),
    [
        (SOURCE, {**KEYS, "AWS_SECRET_ACCESS_KEY": "another"}, failures.UNAUTHORIZED),
        (SOURCE, {**KEYS, "AWS_ACCESS_KEY_ID": "AKIDNOBODY"}, failures.UNAUTHORIZED),
        (SOURCE, {}, failures.UNAUTHORIZED),
        ("s3://nosuch/tiny", KEYS, failures.SOURCE_NOT_FOUND),
        ("s3://models/nosuch", KEYS, failures.SOURCE_NOT_FOUND),
    ],
)
async def test_each_refusal_of_a_real_server_has_its_reason(
    rig: fetching.Rig, endpoint: str, source: str, keys: dict[str, str], reason: str
) -> None:
    failure = await rig.fails(source, endpoints={"s3": endpoint}, credentials=keys, token="")
    assert failure.reason == reason
    assert not [secret for secret in keys.values() if secret in failure.message]


def _bucket(url: str) -> store.S3Store:
    keys = {"access_key_id": KEYS["AWS_ACCESS_KEY_ID"], "secret_access_key": KEYS["AWS_SECRET_ACCESS_KEY"]}
    return store.S3Store("models", config={"endpoint": url, **keys}, client_options={"allow_http": True})  # type: ignore[typeddict-item]


def _filled(url: str) -> bool:
    for name, content in CONTENT.items():
        obstore.put(_bucket(url), f"tiny/{name}", content)
    return True
