"""The hub's API, or a mirror's: a revision -> a commit -> the files with their hashes -> the bytes.

GET /api/models/ORG/NAME/revision/REVISION          the commit
GET /api/models/ORG/NAME/tree/COMMIT?recursive=true the files, in pages: sizes, SHA-256 of large ones, git's hash of small ones
GET /ORG/NAME/resolve/COMMIT/FILE                   the bytes, or a redirect to the servers of large files, which has an end

A redirect's target is kept and asked for the next ranges, since the hub counts requests; it is forgotten when it is refused.
"""

import contextlib
import re
from collections.abc import AsyncIterator, Mapping
from typing import Any
from urllib.parse import quote

from vllm_operator.fetch import failures, http_client, listing, plan, settings

COMMIT = re.compile(r"[0-9a-f]{40}")
SHA256 = re.compile(r"[0-9a-f]{64}")
NEXT = re.compile(r'<([^<>]+)>\s*;\s*rel="?next"?')
MOST_PAGES = 200
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


class Hub:
    """One repository of the hub."""

    def __init__(self, client: http_client.Client, source: settings.Source, endpoint: str, token: str) -> None:
        self._client = client
        self._source = source
        self._endpoint = endpoint or settings.HUB
        self._token = token
        self._located: dict[str, str] = {}
        self._commit = ""

    async def list_files(self) -> listing.Listing:
        """Return the wanted files at the commit that the revision names now."""
        found = await self._json(f"{self._api()}/revision/{quote(self._source.detail, safe='')}")
        commit = found.get("sha", "") if isinstance(found, dict) else ""
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            raise self._refused("names no commit")
        files = [file async for file in self._files(commit)]
        source = self._source
        chosen = listing.wanted(files, source.files, source.text, has_code=source.has_code)
        return listing.Listing(commit, chosen)

    def take(self, revision: str) -> None:
        """Read from this commit from now on."""
        self._commit = revision

    @contextlib.asynccontextmanager
    async def read(self, file: listing.File, asked: plan.Range) -> AsyncIterator[AsyncIterator[bytes]]:
        """Yield the asked bytes of a file, in blocks."""
        kept = self._located.get(file.path)
        url = kept or f"{self._endpoint}/{self._source.place}/resolve/{self._commit}/{quote(file.path)}"
        async with self._client.get(url, "" if kept else self._token, asked) as answer:
            if answer.status not in (http_client.OK, http_client.PARTIAL):
                self._located.pop(file.path, None)
                raise self._failure(answer, moved=answer.moved or bool(kept))
            if answer.moved:
                self._located[file.path] = answer.url
            yield http_client.blocks(answer, file.size, asked)

    async def _files(self, commit: str) -> AsyncIterator[listing.File]:
        url = f"{self._api()}/tree/{commit}?recursive=true&expand=false"
        for _ in range(MOST_PAGES):
            answer, found = await self._client.json(url, self._token)
            if answer.status != http_client.OK:
                raise self._failure(answer)
            if not isinstance(found, list):
                raise self._refused("lists no files")
            for entry in found:
                if file := _file(entry):
                    yield file
            match = NEXT.search(answer.headers.get("Link", ""))
            if not match:
                return
            url = self._next(match[1])
        raise self._refused("lists files without an end")

    def _next(self, url: str) -> str:
        """Return the next page's URL, at the endpoint that was asked, whatever host a mirror copied."""
        path = "/api/models/" + url.partition("/api/models/")[2]
        return f"{self._endpoint}{path}"

    async def _json(self, url: str) -> Any:
        answer, found = await self._client.json(url, self._token)
        if answer.status != http_client.OK:
            raise self._failure(answer)
        return found

    def _api(self) -> str:
        return f"{self._endpoint}/api/models/{self._source.place}"

    def _failure(self, answer: http_client.Answer, *, moved: bool = False) -> failures.Failure:
        if moved:
            told = f"The server of large files answers {answer.status}"
            return failures.Transient(failures.REFUSED, told, "the hub is asked for another address")
        return failure(answer.status, answer.headers, self._source, has_token=bool(self._token), commit=self._commit)

    def _refused(self, what: str) -> failures.Failure:
        told = f"{http_client.host(self._endpoint)} {what} for {self._source.shown}"
        return failures.Failure(failures.REFUSED, told, "see to it that it speaks the hub's API, or use another mirror")


def failure(
    status: int, headers: Mapping[str, str], source: settings.Source, *, has_token: bool, commit: str = ""
) -> failures.Failure:
    """Return what an answer of the hub means. Its codes count before the status, as in its own client.

    `commit`: the one that is read, where that is known already.
    """
    text, code = source.shown, headers.get("X-Error-Code", "")
    if commit and code in ("RevisionNotFound", "EntryNotFound"):
        told = (
            f"The hub does not give all files of {failures.shown(source.place)} at {commit[:12]}, where the fetch began"
        )
        remedy = "change the upgrade annotation to fetch what is there now"
        return failures.Failure(failures.REVISION_NOT_FOUND, told, remedy)
    if code == "RevisionNotFound":
        told = f"{failures.shown(source.place)} has no branch, tag or commit {failures.shown(source.detail)}"
        return failures.Failure(failures.REVISION_NOT_FOUND, told, "correct what follows the @ in model.source")
    if code == "GatedRepo" or (status == FORBIDDEN and code != "RepoNotFound"):
        return failures.Failure(failures.GATED, *_gated(text, source.place, has_token=has_token))
    if status == UNAUTHORIZED:
        return failures.Failure(failures.UNAUTHORIZED, *_unauthorized(text, has_token=has_token))
    if status == NOT_FOUND or code == "RepoNotFound":
        told = f"The hub has no {text}, or does not show it to this token" if has_token else f"The hub has no {text}"
        return failures.Failure(failures.SOURCE_NOT_FOUND, told, "correct model.source, or give the token access")
    told = f"The hub answers {status} for {text}"
    return failures.Failure(failures.REFUSED, told, "look at the hub's or the mirror's state")


def _gated(text: str, place: str, *, has_token: bool) -> tuple[str, str]:
    """Return what happened, and the remedy; at most 193 characters of it are the repository's name."""
    ask = f"ask for access on {settings.HUB}/{place}"
    if has_token:
        told = f"{text} is gated, and the token's account has no access"
        return told, f"{ask}, or use another account's token"
    return f"{text} is gated", f"{ask}, and name a Secret with HF_TOKEN in model.credentialsSecretRef"


def _unauthorized(text: str, *, has_token: bool) -> tuple[str, str]:
    """Return what happened, and the remedy."""
    if has_token:
        return f"The hub does not accept the token for {text}", "put a valid HF_TOKEN into its Secret"
    remedy = "correct model.source, or, where it is private, name a Secret with HF_TOKEN in model.credentialsSecretRef"
    return f"The hub shows {text} to nobody without a token", remedy


def _file(entry: Any) -> listing.File | None:
    """Return one entry of a tree; None for a directory. What is no hash is not checked against."""
    if not isinstance(entry, dict) or entry.get("type") != "file":
        return None
    large = entry.get("lfs")
    about = large if isinstance(large, dict) else {} if large else entry
    path, size = entry.get("path"), about.get("size")
    if not isinstance(path, str) or type(size) is not int:
        return listing.File(str(path), -1)
    if large:
        return listing.File(path, size, sha256=_hash(SHA256, about.get("oid")))
    return listing.File(path, size, blob=_hash(COMMIT, about.get("oid")))


def _hash(form: re.Pattern[str], found: Any) -> str:
    return found if isinstance(found, str) and form.fullmatch(found) else ""
