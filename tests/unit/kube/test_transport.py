"""Calls as they go over the wire, before a small server that answers as it is told."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web

from tests import clock, http_stub, logins
from vllm_operator.kube import client, errors, kinds, transport

REF = kinds.Ref("Secret", "models", "vllm11.key")
SECRET = {"kind": "Secret", "metadata": {"name": "a", "namespace": "models", "uid": "u", "resourceVersion": "1"}}
SERVICE = {"kind": "Service", "metadata": {"name": "a", "namespace": "models"}, "spec": {}}
Write = Callable[[client.ApiClient], Awaitable[object]]
WRITES: dict[str, Write] = {
    "create": lambda api: api.create(SECRET),
    "patch": lambda api: api.patch(REF, []),
    "merge": lambda api: api.merge(SECRET, "u"),
    "replace": lambda api: api.replace(SECRET),
    "delete": lambda api: api.delete(REF, "u"),
    "write_status": lambda api: api.write_status(SECRET, {}),
}


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
        stub = http_stub.Stub(http_stub.answering((code, http_stub.status(reason))))
        async with stub.running() as api:
            with pytest.raises(errors.ApiError) as raised:
                await api.get(REF)
        assert type(raised.value) is error
        assert stub.observed == [("get", "secrets", code)]

    async def test_nobody_there_is_unavailable_and_counted(self) -> None:
        observed: list[tuple[str, str, int]] = []
        nowhere = logins.Plain("http://127.0.0.1:9")
        async with client.ApiClient(lambda: nowhere, lambda *seen: observed.append(seen)) as api:
            with pytest.raises(errors.Unavailable, match="Cannot connect"):
                await api.get(REF)
        assert observed == [("get", "secrets", 0)]

    async def test_an_answer_that_is_no_json_is_unavailable(self) -> None:
        stub = http_stub.Stub(http_stub.answering(web.Response(text="<html>")))
        async with stub.running() as api:
            with pytest.raises(errors.Unavailable):
                await api.get(REF)

    async def test_a_log_that_does_not_come_holds_up_others_for_a_moment_only(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A node that hangs would else keep each reader of logs for as long as any call may take."""
        monkeypatch.setattr(transport, "TEXT_SECONDS", 0.05)

        async def hang(_: web.Request) -> web.Response:
            await asyncio.sleep(1)
            return web.Response(text="too late")

        async with http_stub.Stub(hang).running() as api:
            with pytest.raises(errors.Unavailable, match="TimeoutError"):
                await api.log(kinds.Ref("Pod", "models", "a"), "vllm", 10, 100, previous=True)

    async def test_a_proxys_error_page_is_an_error_too(self) -> None:
        stub = http_stub.Stub(http_stub.answering(web.Response(text="<html>secret</html>", status=502)))
        async with stub.running() as api:
            with pytest.raises(errors.Unavailable) as raised:
                await api.get(REF)
        assert "html" not in str(raised.value)

    async def test_a_failed_test_of_a_patch_is_a_conflict(self) -> None:
        refusal = {"kind": "Status", "reason": "Invalid", "message": "the server rejected our request", "details": {}}
        stub = http_stub.Stub(http_stub.answering((422, refusal)))
        async with stub.running() as api:
            with pytest.raises(errors.Conflict):
                await api.get(REF)


class TestTokens:
    async def test_an_invalid_token_is_read_anew_and_the_call_made_again(self) -> None:
        stub = http_stub.Stub(http_stub.answering((401, http_stub.status("Unauthorized")), (200, {})))
        async with stub.running() as api:
            api._connection._authorization()
            stub.token = "second"
            assert await api.get(REF) == {}
        assert stub.tokens == ["Bearer first", "Bearer second"]

    async def test_a_token_that_stays_invalid_is_an_error(self) -> None:
        stub = http_stub.Stub(http_stub.answering((401, http_stub.status("Unauthorized"))))
        async with stub.running() as api:
            with pytest.raises(errors.Denied):
                await api.get(REF)
        assert len(stub.requests) == 1

    async def test_calls_that_are_refused_together_all_go_on_with_the_new_token(self) -> None:
        async def answer(request: web.Request) -> web.StreamResponse:
            await asyncio.sleep(0.05)
            good = request.headers["Authorization"] == "Bearer second"
            return web.json_response({} if good else http_stub.status("Unauthorized"), status=200 if good else 401)

        stub = http_stub.Stub(answer)
        async with stub.running() as api:
            api._connection._authorization()
            stub.token = "second"
            assert await asyncio.gather(*(api.get(REF) for _ in range(10))) == [{}] * 10

    async def test_a_watch_that_is_refused_leads_to_a_new_login(self) -> None:
        stub = http_stub.Stub(http_stub.answering((401, http_stub.status("Unauthorized")), (200, {})))
        async with stub.running() as api:
            with pytest.raises(errors.Denied):
                await anext(api.watch(kinds.SECRET, "5"))
            stub.token = "second"
            await api.get(REF)
        assert stub.tokens == ["Bearer first", "Bearer second"]

    async def test_a_rotated_token_is_read_within_a_minute(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "LOGIN_SECONDS", 0.0)
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.running() as api:
            await api.get(REF)
            stub.token = "second"
            await api.get(REF)
        assert stub.tokens == ["Bearer first", "Bearer second"]


class TestPatience:
    async def test_a_refusal_that_names_a_time_is_waited_out(self) -> None:
        stub = http_stub.Stub(
            http_stub.answering((429, http_stub.status("TooManyRequests"), {"Retry-After": "0"}), (200, {}))
        )
        async with stub.running() as api:
            assert await api.get(REF) == {}
        assert [code for _, _, code in stub.observed] == [429, 200]

    async def test_a_lasting_refusal_is_an_error_that_says_how_long(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(transport, "LONGEST_WAIT", 0.0)
        stub = http_stub.Stub(http_stub.answering((429, http_stub.status("TooManyRequests"), {"Retry-After": "7"})))
        async with stub.running() as api:
            with pytest.raises(errors.Throttled) as raised:
                await api.get(REF)
        assert raised.value.retry_after == 7
        assert len(stub.requests) == transport.PATIENCE + 1

    async def test_who_is_asked_for_patience_keeps_no_place_that_others_need(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(transport, "IN_FLIGHT", 1)
        monkeypatch.setattr(client, "ADDRESSES_IN_FLIGHT", 1)
        stub = http_stub.Stub(
            http_stub.answering((429, http_stub.status("TooManyRequests"), {"Retry-After": "60"}), (200, {}))
        )
        async with stub.running() as api:
            patient = asyncio.create_task(api.create(SERVICE))
            await clock.until(lambda: bool(stub.observed))
            async with asyncio.timeout(transport.LONGEST_WAIT - 1):
                await api.create(SERVICE)
            assert not patient.done()
            patient.cancel()


class TestPermission:
    @pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
    @pytest.mark.parametrize("warm", [False, True], ids=["first call", "open connection"])
    async def test_without_permission_no_byte_of_a_write_leaves(self, write: Write, warm: bool) -> None:
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.running() as api:
            if warm:
                await api.get(REF)
            stub.requests.clear()
            api.permit_by(_refuse)
            with pytest.raises(errors.Lost):
                await write(api)
            assert stub.requests == []
            await api.get(REF)

    async def test_the_lease_itself_needs_none(self) -> None:
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.running() as api:
            api.permit_by(_refuse)
            await api.replace({"kind": "Lease", "metadata": {"name": "a", "namespace": "models"}})
        assert [method for method, _ in stub.requests] == ["PUT"]


def _refuse() -> None:
    raise errors.Lost("not held")
