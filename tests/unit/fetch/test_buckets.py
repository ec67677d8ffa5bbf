"""From buckets: as anybody and with a key, pinned by ETags, and what each refusal is called."""

import json
import pathlib
from collections.abc import AsyncIterator
from typing import NamedTuple

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests import fake_bucket, fetching
from vllm_operator.fetch import bucket_answers, failures, settings

SOURCE = "gs://models/tiny"


class Place(NamedTuple):
    """A bucket and the rig that fetches from it."""

    bucket: fake_bucket.Bucket
    rig: fetching.Rig
    url: str

    @property
    def endpoints(self) -> dict[str, str]:
        return {"gs": self.url, "s3": self.url}


@pytest.fixture
async def place(tmp_path: pathlib.Path) -> AsyncIterator[Place]:
    rig = fetching.Rig(tmp_path)
    for name, content in {"model.safetensors": fetching.WEIGHTS, "sub/config.json": b"{}", "a b+ü.json": b"[]"}.items():
        rig.put(name, content, "models/tiny")
    rig.put("other.json", b"of another prefix", "models/tiny2")
    one = fake_bucket.Bucket(rig.root)
    async with one.serving() as url:
        yield Place(one, rig, url)


@pytest.mark.parametrize("source", [SOURCE, "s3://models/tiny"])
async def test_an_open_bucket_is_read_without_any_identity(place: Place, source: str) -> None:
    result = await place.rig.fetch(source, endpoints=place.endpoints, token="")
    assert place.rig.fetched == {"model.safetensors": fetching.WEIGHTS, "sub/config.json": b"{}", "a b+ü.json": b"[]"}
    assert place.rig.whole
    assert len(result.revision) == 40
    assert {who for _, _, who in place.bucket.seen} == {""}


async def test_empty_objects_that_stand_for_directories_are_no_files(place: Place) -> None:
    place.bucket.markers = ["tiny/", "tiny/sub/"]
    await place.rig.fetch(SOURCE, endpoints=place.endpoints, token="", files=("*",))
    assert sorted(place.rig.fetched) == ["a b+ü.json", "model.safetensors", "sub/config.json"]


async def test_a_service_accounts_key_signs_what_is_asked_and_stays_here(place: Place) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    account = {
        "type": "service_account", "private_key": key.private_bytes(*kind).decode(), "private_key_id": "k1",
        "client_email": "reader@project.iam.gserviceaccount.com",
    }  # fmt: skip
    credentials = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": json.dumps(account)}
    await place.rig.fetch(SOURCE, endpoints=place.endpoints, credentials=credentials)
    read = [query for path, query, _ in place.bucket.seen if path.endswith("model.safetensors")]
    assert read
    assert all(query["X-Goog-Credential"].startswith("reader@project") for query in read)
    assert "PRIVATE" not in str(place.bucket.seen)


@pytest.mark.parametrize("key", ["{", "{}", '{"private_key": "s3cret", "client_email": "a", "private_key_id": "b"}'])
async def test_a_key_that_is_none_is_unauthorized_and_not_shown(place: Place, key: str) -> None:
    credentials = {"GOOGLE_APPLICATION_CREDENTIALS_JSON": key}
    failure = await place.rig.fails(SOURCE, endpoints=place.endpoints, credentials=credentials)
    assert failure.reason == failures.UNAUTHORIZED
    assert "s3cret" not in failure.message


async def test_an_object_that_is_written_again_meanwhile_is_not_taken(place: Place) -> None:
    await place.rig.fetch(SOURCE, endpoints=place.endpoints, token="")
    (place.rig.into / "model.safetensors").unlink()
    place.bucket.etags["model.safetensors"] = '"fedcba"'
    failure = await place.rig.fails(SOURCE, endpoints=place.endpoints, token="")
    assert failure.reason == failures.REVISION_NOT_FOUND
    assert "model.safetensors" in failure.message


@pytest.mark.parametrize(
    ("status", "code", "reason"),
    [
        (403, "AccessDenied", failures.UNAUTHORIZED),
        (401, "", failures.UNAUTHORIZED),
        (404, "NoSuchBucket", failures.SOURCE_NOT_FOUND),
        (400, "AuthorizationHeaderMalformed", failures.REFUSED),
        (418, "", failures.REFUSED),
    ],
)
async def test_each_refusal_of_a_listing_has_its_reason(place: Place, status: int, code: str, reason: str) -> None:
    place.bucket.faults = [(status, code)]
    failure = await place.rig.fails(SOURCE, endpoints=place.endpoints, token="")
    assert failure.reason == reason
    assert "models/tiny" in failure.message


@pytest.mark.parametrize(("status", "code"), [(503, "SlowDown"), (429, ""), (500, "InternalError")])
async def test_a_bucket_that_is_busy_is_asked_again(place: Place, status: int, code: str) -> None:
    place.bucket.faults = [(status, code)] * 2
    await place.rig.fetch(SOURCE, endpoints=place.endpoints, token="")
    assert place.rig.whole
    assert len(place.rig.hurried.slept) == 2


async def test_a_prefix_that_holds_nothing_is_not_found_and_a_service_that_is_away_is_unreachable(place: Place) -> None:
    nothing = await place.rig.fails("gs://models/none", endpoints=place.endpoints, token="")
    assert nothing.reason == failures.SOURCE_NOT_FOUND
    away = await place.rig.fails(SOURCE, endpoints={"gs": "http://127.0.0.1:9"}, token="")
    assert away.reason == failures.UNREACHABLE


def test_what_a_library_says_is_never_repeated() -> None:
    text = "Error: Signature=5ecre7 <Code>SignatureDoesNotMatch</Code> non-2xx status code: 403 Forbidden"
    found = bucket_answers.of_text(text, settings.source("s3://models/tiny", "/w"), signed=True)
    assert found.reason == failures.UNAUTHORIZED
    assert "5ecre7" not in found.message
