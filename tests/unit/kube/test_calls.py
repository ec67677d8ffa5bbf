"""Each call of the client as the API server gets it: method, path, query, content type and body."""

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import pytest
from aiohttp import web

from tests import http_stub
from vllm_operator.kube import client, kinds

PATH = "/api/v1/namespaces/models/secrets"
REF = kinds.Ref("Secret", "models", "vllm11.key")
POD = kinds.Ref("Pod", "models", "a")
SECRET = {
    "apiVersion": "v1", "kind": "Secret",
    "metadata": {"name": "vllm11.key", "namespace": "models", "uid": "u", "resourceVersion": "1"}, "data": {"a": "Yg=="},
}  # fmt: skip
OPERATIONS = [{"op": "remove", "path": "/data/a"}]
EVENTS = {"items": [
    {"metadata": {"name": "late"}, "eventTime": "2026-01-01T00:00:01.000000Z"},
    {"metadata": {"name": "early"}, "eventTime": "2026-01-01T00:00:00.000000Z"},
]}  # fmt: skip


class Call(NamedTuple):
    """What is asked of the client, and what comes over the wire for it; `query` is encoded as it is sent."""

    ask: Callable[[client.ApiClient], Awaitable[object]]
    method: str
    path: str
    query: dict[str, str] = {}  # noqa: RUF012 - never changed
    content: str = ""
    body: Any = None
    answer: object = {}


CALLS = {
    "get": Call(lambda api: api.get(REF), "GET", f"{PATH}/vllm11.key"),
    "log": Call(
        lambda api: api.log(POD, "vllm", 10, 100, previous=True), "GET", "/api/v1/namespaces/models/pods/a/log",
        {"container": "vllm", "tailLines": "10", "limitBytes": "100", "previous": "true"},
    ),
    "log of now": Call(
        lambda api: api.log(POD, "vllm", 10, 100, previous=False), "GET", "/api/v1/namespaces/models/pods/a/log",
        {"container": "vllm", "tailLines": "10", "limitBytes": "100"},
    ),
    "events": Call(
        lambda api: api.events_on(SECRET), "GET", "/apis/events.k8s.io/v1/namespaces/models/events",
        {"fieldSelector": "regarding.uid=u", "limit": "100"}, answer=EVENTS,
    ),
    "create": Call(
        lambda api: api.create(SECRET), "POST", PATH,
        {"fieldManager": "vllm-operator", "fieldValidation": "Strict"}, "application/json", SECRET,
    ),
    "patch": Call(
        lambda api: api.patch(REF, OPERATIONS), "PATCH", f"{PATH}/vllm11.key",
        {"fieldManager": "vllm-operator"}, "application/json-patch+json", OPERATIONS,
    ),
    "merge": Call(
        lambda api: api.merge({**SECRET, "metadata": {"name": "vllm11.key", "namespace": "models"}}, "u2"),
        "PATCH", f"{PATH}/vllm11.key", {"fieldManager": "vllm-operator"}, "application/merge-patch+json",
        {**SECRET, "metadata": {"name": "vllm11.key", "namespace": "models", "uid": "u2"}},
    ),
    "replace": Call(
        lambda api: api.replace(SECRET), "PUT", f"{PATH}/vllm11.key",
        {"fieldManager": "vllm-operator"}, "application/json", SECRET,
    ),
    "delete": Call(
        lambda api: api.delete(REF, "u"), "DELETE", f"{PATH}/vllm11.key", {}, "application/json",
        {"preconditions": {"uid": "u"}, "propagationPolicy": "Background"},
    ),
    "write_status": Call(
        lambda api: api.write_status(SECRET, {"phase": "x"}), "PATCH", f"{PATH}/vllm11.key/status",
        {"fieldManager": "vllm-operator"}, "application/json-patch+json",
        [{"op": "test", "path": "/metadata/uid", "value": "u"}, {"op": "add", "path": "/status", "value": {"phase": "x"}}],
    ),
}  # fmt: skip


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
async def test_a_call_is_as_the_api_server_wants_it(call: Call) -> None:
    got: list[tuple[str, str, dict[str, str], str, Any]] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        text = await request.text()
        content = request.headers.get("Content-Type", "") if text else ""
        got.append((request.method, request.path, dict(request.query), content, json.loads(text) if text else None))
        return web.json_response(call.answer)

    async with http_stub.Stub(answer).running() as api:
        await call.ask(api)
    assert got == [(call.method, call.path, call.query, call.content, call.body)]


async def test_events_come_in_the_order_in_which_they_happened() -> None:
    async with http_stub.Stub(http_stub.answering((200, EVENTS))).running() as api:
        assert [one["metadata"]["name"] for one in await api.events_on(SECRET)] == ["early", "late"]


async def test_only_metadata_is_asked_for_to_learn_whether_there_is_an_object() -> None:
    accepted: list[str] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        accepted.append(request.headers["Accept"])
        return web.json_response({})

    async with http_stub.Stub(answer).running() as api:
        assert await api.exists(REF)
    assert accepted == ["application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"]


async def test_an_event_is_whole() -> None:
    got: list[Any] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        got.append((request.path, await request.json()))
        return web.json_response({})

    async with http_stub.Stub(answer).running() as api:
        await api.create_event(SECRET, "Rotated", "a note", warning=True)
    ((path, event),) = got
    assert path == "/apis/events.k8s.io/v1/namespaces/models/events"
    assert event["metadata"]["namespace"] == "models"
    assert event["metadata"]["name"].startswith("vllm11.key.")
    assert (event["type"], event["reason"], event["action"], event["note"]) == (
        "Warning",
        "Rotated",
        "Rotated",
        "a note",
    )
    assert event["regarding"] == {
        "apiVersion": "v1", "kind": "Secret", "uid": "u", "name": "vllm11.key", "namespace": "models",
    }  # fmt: skip
    assert event["reportingController"] == "serving.byteshop.in/vllm-operator"
    assert event["reportingInstance"] == "vllm-operator"
