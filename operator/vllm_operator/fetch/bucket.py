"""Buckets of S3 and Google Cloud Storage: list, and sign URLs for the bytes, by obstore.

Without keys a bucket is asked as anybody may: the node's own identity is never used. A bucket has no revisions, so the listing is
pinned by its ETags, and an object that was written again since is not taken.
"""

import contextlib
import datetime as dt
import posixpath
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import quote

import obstore
from obstore import exceptions
from obstore import store as stores

from vllm_operator.fetch import bucket_answers, failures, http_client, listing, plan, settings

SIGNED_FOR = dt.timedelta(hours=1)
REGION = "us-east-1"
GOOGLE = "https://storage.googleapis.com"
GOOGLE_KEY = "GOOGLE_APPLICATION_CREDENTIALS_JSON"
IDENTITIES = ("AWS_ACCESS_KEY_ID", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI")
"""Any of these means that requests are signed: keys of the spec's Secret, or an identity that the pod's ServiceAccount has."""
AMAZON_KEYS = {
    "access_key_id": "AWS_ACCESS_KEY_ID",
    "secret_access_key": "AWS_SECRET_ACCESS_KEY",
    "session_token": "AWS_SESSION_TOKEN",
}
CLIENT = {"connect_timeout": "20s", "read_timeout": "60s"}
PAGE = 1000
Store = stores.S3Store | stores.GCSStore


class Bucket:
    """One prefix of a bucket."""

    def __init__(
        self,
        client: http_client.Client,
        source: settings.Source,
        endpoints: Mapping[str, str],
        credentials: Mapping[str, str],
    ) -> None:
        self._client = client
        self._source = source
        self._endpoint = endpoints.get(source.scheme, "")
        self._credentials = credentials
        names = (GOOGLE_KEY,) if source.scheme == "gs" else IDENTITIES
        self._signed = any(name in credentials for name in names)

    async def list_files(self) -> listing.Listing:
        """Return the wanted objects below the prefix."""
        found: list[Any] = []
        with self._failing():
            async for page in obstore.list(self._store(), prefix=self._source.detail or None, chunk_size=PAGE):
                found += page
                if len(found) > 2 * listing.MOST_FILES:
                    break
        if not found:
            raise bucket_answers.of_answer(bucket_answers.NOT_FOUND, "", self._source, signed=self._signed)
        source = self._source
        files = listing.wanted(_files(found, source.detail), source.files, source.text, has_code=source.has_code)
        return listing.Listing(listing.pinned(files), files)

    def take(self, revision: str) -> None:
        """Do nothing: each object is pinned by its ETag."""

    @contextlib.asynccontextmanager
    async def read(self, file: listing.File, asked: plan.Range) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the asked bytes of an object, in blocks."""
        async with self._client.get(await self._url(file), "", asked) as answer:
            if answer.status not in (http_client.OK, http_client.PARTIAL):
                raise bucket_answers.of_answer(answer.status, "", self._source, signed=self._signed)
            if file.version and answer.headers.get("ETag", file.version) != file.version:
                raise self._written_again(file)
            yield http_client.blocks(answer, file.size, asked)

    async def _url(self, file: listing.File) -> str:
        key = f"{self._source.detail}/{file.path}".lstrip("/")
        if not self._signed:
            return f"{self._open_url()}/{quote(key)}"
        with self._failing():
            return await obstore.sign_async(self._store(), "GET", key, SIGNED_FOR)

    def _open_url(self) -> str:
        """Return the bucket's URL: path style at an endpoint, which needs no wildcard name."""
        if self._source.scheme == "gs" or self._endpoint:
            return f"{self._endpoint or GOOGLE}/{self._source.place}"
        return f"https://s3.{self._region()}.amazonaws.com/{self._source.place}"

    def _region(self) -> str:
        return self._credentials.get("AWS_REGION", REGION)

    def _store(self) -> Store:
        """Return the library's store; its own retries are off, since `download` pauses."""
        client: Any = CLIENT | {"allow_http": self._endpoint.startswith("http://")}
        if self._source.scheme == "gs":
            return stores.GCSStore(
                self._source.place, config=self._google(), client_options=client, retry_config={"max_retries": 0}
            )
        return stores.S3Store(
            self._source.place, config=self._amazon(), client_options=client, retry_config={"max_retries": 0}
        )

    def _google(self) -> Any:
        config: dict[str, Any] = {"base_url": self._endpoint} if self._endpoint else {}
        if self._signed:
            return config | {"service_account_key": self._credentials[GOOGLE_KEY]}
        return config | {"skip_signature": True}

    def _amazon(self) -> Any:
        config: dict[str, Any] = {"region": self._region()}
        if self._endpoint:
            config |= {"endpoint": self._endpoint, "virtual_hosted_style_request": False}
        if not self._signed:
            return config | {"skip_signature": True}
        given = {key: self._credentials.get(name, "") for key, name in AMAZON_KEYS.items()}
        return config | {key: value for key, value in given.items() if value}

    @contextlib.contextmanager
    def _failing(self) -> Iterator[None]:
        try:
            yield
        except (exceptions.BaseError, OSError, ValueError) as error:
            raise bucket_answers.of_text(str(error), self._source, signed=self._signed) from None

    def _written_again(self, file: listing.File) -> failures.Failure:
        told = (
            f"{self._source.shown} has a file {failures.shown(file.path)} that was written again after the fetch began"
        )
        remedy = "change the upgrade annotation to fetch what is there now"
        return failures.Failure(failures.REVISION_NOT_FOUND, told, remedy)


def _files(found: Sequence[Any], prefix: str) -> list[listing.File]:
    """Return the objects as files; empty ones that stand for a directory are none."""
    above = {posixpath.dirname(one["path"]) for one in found} | {prefix}
    kept = (one for one in found if one["size"] or one["path"] not in above)
    start = len(prefix) + 1 if prefix else 0
    return [listing.File(one["path"][start:], one["size"], version=one["e_tag"] or "") for one in kept]
