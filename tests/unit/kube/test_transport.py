"""Calls as they go over the wire, before a small server that answers as it is told."""

import asyncio
import contextlib
import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable

import orjson
import pytest
from aiohttp import test_utils, web

from vllm_operator.controller import leader_election
from vllm_operator.kube import client, credentials, errors, kinds, transport

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
REF = kinds.Ref("Secret", "models", "vllm11.key")


class Bench:
    """A server, a cluster that calls it, and what both saw."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.requests: list[tuple[str, str]] = []
        self.tokens: list[str] = []
        self.observed: list[tuple[str, str, int]] = []
        self.token = "first"

    async def serve(self, request: web.Request) -> web.StreamResponse:
        await request.read()
        self.requests.append((request.method, request.path_qs))
        self.tokens.append(request.headers.get("Authorization", ""))
        return await self.answer(request)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[client.ApiClient]:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self.serve)
        async with test_utils.TestServer(application) as server:
            who = credentials.Credentials(str(server.make_url("")).rstrip("/"), None, lambda: self.token)
            async with client.ApiClient(who, lambda *seen: self.observed.append(seen)) as api:
                yield api


def answering(*answers: web.StreamResponse | tuple[int, object] | tuple[int, object, dict[str, str]]) -> Answer:
    left = list(answers)

    async def answer(_: web.Request) -> web.StreamResponse:
        one = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(one, web.StreamResponse):
            return one
        return web.json_response(one[1], status=one[0], headers=one[2] if len(one) > 2 else None)  # type: ignore[arg-type]

    return answer


def status(reason: str, message: str = "no") -> dict[str, object]:
    return {"kind": "Status", "reason": reason, "message": message, "details": {"name": "x"}}


class TestErrors:
    @pytest.mark.parametrize(
        ("code", "reason", "error"),
        [
            (404, "NotFound", errors.NotFound),
            (409, "Conflict", errors.Conflict),
            (409, "AlreadyExists", errors.AlreadyExists),
            (410, "Expired", errors.Gone),
            (400, "BadRequest", errors.Invalid),
            (422, "Invalid", errors.Invalid),
            (403, "Forbidden", errors.Denied),
            (500, "InternalError", errors.Unavailable),
            (504, "Timeout", errors.Unavailable),
        ],
    )
    async def test_each_answer_has_its_error(self, code: int, reason: str, error: type[errors.ApiError]) -> None:
        bench = Bench(answering((code, status(reason))))
        async with bench.running() as api:
            with pytest.raises(errors.ApiError) as raised:
                await api.get(REF)
        assert type(raised.value) is error
        assert bench.observed == [("get", "secrets", code)]

    async def test_nobody_there_is_unavailable_and_counted(self) -> None:
        observed: list[tuple[str, str, int]] = []
        who = credentials.Credentials("http://127.0.0.1:9", None, lambda: "")
        async with client.ApiClient(who, lambda *seen: observed.append(seen)) as api:
            with pytest.raises(errors.Unavailable, match="Cannot connect"):
                await api.get(REF)
        assert observed == [("get", "secrets", 0)]

    async def test_an_answer_that_is_no_json_is_unavailable(self) -> None:
        bench = Bench(answering(web.Response(text="<html>")))
        async with bench.running() as api:
            with pytest.raises(errors.Unavailable):
                await api.get(REF)

    async def test_a_proxys_error_page_is_an_error_too(self) -> None:
        bench = Bench(answering(web.Response(text="<html>secret</html>", status=502)))
        async with bench.running() as api:
            with pytest.raises(errors.Unavailable) as raised:
                await api.get(REF)
        assert "html" not in str(raised.value)

    async def test_a_failed_test_of_a_patch_is_a_conflict(self) -> None:
        refusal = {"kind": "Status", "reason": "Invalid", "message": "the server rejected our request", "details": {}}
        bench = Bench(answering((422, refusal)))
        async with bench.running() as api:
            with pytest.raises(errors.Conflict):
                await api.get(REF)


class TestTokens:
    async def test_an_invalid_token_is_read_anew_and_the_call_made_again(self) -> None:
        bench = Bench(answering((401, status("Unauthorized")), (200, {})))
        async with bench.running() as api:
            api._connection._authorization()
            bench.token = "second"
            assert await api.get(REF) == {}
        assert bench.tokens == ["Bearer first", "Bearer second"]

    async def test_a_token_that_stays_invalid_is_an_error(self) -> None:
        bench = Bench(answering((401, status("Unauthorized"))))
        async with bench.running() as api:
            with pytest.raises(errors.Denied):
                await api.get(REF)
        assert len(bench.requests) == 1

    async def test_a_rotated_token_is_read_within_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "TOKEN_SECONDS", 0.0)
        bench = Bench(answering((200, {})))
        async with bench.running() as api:
            await api.get(REF)
            bench.token = "second"
            await api.get(REF)
        assert bench.tokens == ["Bearer first", "Bearer second"]


class TestPatience:
    async def test_a_refusal_that_names_a_time_is_waited_out(self) -> None:
        bench = Bench(answering((429, status("TooManyRequests"), {"Retry-After": "0"}), (200, {})))
        async with bench.running() as api:
            assert await api.get(REF) == {}
        assert [code for _, _, code in bench.observed] == [429, 200]

    async def test_a_lasting_refusal_is_an_error_that_says_how_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "LONGEST_WAIT", 0.0)
        bench = Bench(answering((429, status("TooManyRequests"), {"Retry-After": "7"})))
        async with bench.running() as api:
            with pytest.raises(errors.Throttled) as raised:
                await api.get(REF)
        assert raised.value.retry_after == 7
        assert len(bench.requests) == transport.PATIENCE + 1


class TestPermission:
    async def test_without_permission_no_byte_of_a_write_leaves(self) -> None:
        bench = Bench(answering((200, {})))
        secret = {
            "kind": "Secret",
            "metadata": {"name": "a", "namespace": "models", "uid": "u", "resourceVersion": "1"},
        }
        async with bench.running() as api:
            for warm in (False, True):
                if warm:
                    await api.get(REF)
                bench.requests.clear()
                api.permit_by(_refuse)
                writes = [
                    api.create(secret), api.apply(secret, "u"), api.overwrite(secret, "u"), api.replace(secret),
                    api.delete(REF, "u"), api.write_status(secret, {}), api.scale(REF._replace(kind="Deployment"), "u", 1),
                ]  # fmt: skip
                for write in writes:
                    with pytest.raises(leader_election.Lost):
                        await write
                assert bench.requests == []
                await api.get(REF)

    async def test_the_lease_itself_needs_none(self) -> None:
        bench = Bench(answering((200, {})))
        async with bench.running() as api:
            api.permit_by(_refuse)
            await api.replace({"kind": "Lease", "metadata": {"name": "a", "namespace": "models"}})
        assert [method for method, _ in bench.requests] == ["PUT"]


def _refuse() -> None:
    raise leader_election.Lost("not held")


class TestLimits:
    @pytest.mark.parametrize(("spec", "most"), [({}, client.ADDRESSES_IN_FLIGHT), ({"clusterIP": "None"}, 20)])
    async def test_few_services_with_an_address_are_created_at_once(self, spec: dict[str, str], most: int) -> None:
        now, seen = 0, 0
        release = asyncio.Event()

        async def answer(_: web.Request) -> web.StreamResponse:
            nonlocal now, seen
            now += 1
            seen = max(seen, now)
            if seen == most:
                asyncio.get_running_loop().call_later(0.2, release.set)  # time for one more to come
            await release.wait()
            now -= 1
            return web.json_response({})

        service = {"kind": "Service", "metadata": {"name": "a", "namespace": "models"}, "spec": spec}
        async with Bench(answer).running() as api, asyncio.timeout(20):
            await asyncio.gather(*(api.create(service) for _ in range(20)))
        assert seen == most


class TestWatch:
    async def test_lines_of_any_length_and_in_any_pieces_arrive_whole(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            big = b'{"type":"ADDED","object":{"metadata":{"name":"%s"}}}\n' % (b"x" * 1_000_000)
            for at in range(0, len(big), 300_007):
                await response.write(big[at : at + 300_007])
            await response.write(b'{"type":"BOOKMARK","object":{"metadata":{}}}\n{"type":"ADDED","obj')
            return response

        async with Bench(answer).running() as api:
            seen = [event async for event in api.watch(kinds.SECRET, "5", "models", "label")]
        assert [happened for happened, _ in seen] == ["ADDED", "BOOKMARK"]
        assert len(seen[0][1]["metadata"]["name"]) == 1_000_000

    async def test_what_is_asked_for(self) -> None:
        bench = Bench(answering(web.Response(body=b"")))
        async with bench.running() as api:
            assert [event async for event in api.watch(kinds.INGRESS, "5", "models", "label")] == []
        [(_, path)] = bench.requests
        assert path.startswith(
            "/apis/networking.k8s.io/v1/namespaces/models/ingresses?watch=true&allowWatchBookmarks=true"
        )
        assert "resourceVersion=5" in path
        assert "labelSelector=label" in path

    @pytest.mark.parametrize("inside", [True, False])
    async def test_a_forgotten_version_is_gone_however_it_is_told(self, inside: bool) -> None:
        told = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version"}
        line = web.Response(body=orjson.dumps({"type": "ERROR", "object": told}) + b"\n")
        bench = Bench(answering(line if inside else (410, told)))
        async with bench.running() as api:
            with pytest.raises(errors.Gone):
                _ = [event async for event in api.watch(kinds.SECRET, "5")]

    async def test_silence_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "SILENCE_SECONDS", 0.05)
        ended = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            response = web.StreamResponse()
            await response.prepare(request)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), 20)
            return response

        async with Bench(answer).running() as api:
            with pytest.raises(errors.Unavailable):
                _ = [event async for event in api.watch(kinds.SECRET, "5")]
            ended.set()


class TestCredentials:
    def test_a_kubeconfig_that_runs_a_program_is_refused_in_words(self, tmp_path: pathlib.Path) -> None:
        path = tmp_path / "config"
        path.write_text(
            "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            " clusters: [{name: a, cluster: {server: 'http://x'}}], users: [{name: a, user: {exec: {command: b}}}]}"
        )
        with pytest.raises(ValueError, match="token or a client certificate"):
            credentials.kubeconfig(path)

    def test_a_token_file_is_read_each_time(self, tmp_path: pathlib.Path) -> None:
        (tmp_path / "config").write_text(
            "{current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            " clusters: [{name: a, cluster: {server: 'http://x/'}}], users: [{name: a, user: {tokenFile: token}}]}"
        )
        who = credentials.kubeconfig(tmp_path / "config")
        for token in ("one", "two"):
            (tmp_path / "token").write_text(f"{token}\n")
            assert (who.server, who.token()) == ("http://x", token)
