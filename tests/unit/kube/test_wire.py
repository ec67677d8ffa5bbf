"""What goes over the wire: queries, bodies and what is made of answers, to the letter that the API server wants."""

import json

import pytest
from aiohttp import web

from tests import http_stub
from vllm_operator.kube import client, diff, errors, failures, kinds, naming, requests

SECRET = kinds.Ref("Secret", "models", "a")
MODEL = {
    "apiVersion": "serving.byteshop.in/v1alpha1", "kind": "ModelDeployment",
    "metadata": {"name": "llama", "namespace": "models", "uid": "u"},
}  # fmt: skip


def test_a_watch_ends_by_itself_and_brings_bookmarks() -> None:
    assert requests.watching("7", 300, "a=b") == {
        "watch": "true", "allowWatchBookmarks": "true", "resourceVersion": "7", "timeoutSeconds": "300", "labelSelector": "a=b",
    }  # fmt: skip


def test_an_event_is_about_the_model() -> None:
    event = requests.kubernetes_event(MODEL, "Serving", "words", 1_800_000_000.5, warning=True)
    assert event["regarding"] == {
        "apiVersion": "serving.byteshop.in/v1alpha1", "kind": "ModelDeployment", "name": "llama", "namespace": "models",
        "uid": "u",
    }  # fmt: skip
    assert event["metadata"] == {"name": f"llama.{int(1_800_000_000.5 * 1e9):x}", "namespace": "models"}
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "Serving", "words")
    assert event["eventTime"] == "2027-01-15T08:00:00.500000Z"
    assert event["reportingController"] == "serving.byteshop.in/vllm-operator"
    assert requests.kubernetes_event(MODEL, "Serving", "words", 0.0, warning=False)["type"] == "Normal"


async def test_items_of_a_list_know_what_they_are_and_pages_follow_each_other() -> None:
    first = {"metadata": {"resourceVersion": "5", "continue": "more"}, "items": [{"metadata": {"name": "a"}}]}
    second = {"metadata": {"resourceVersion": "6"}, "items": [{"metadata": {"name": "b"}}]}
    stub = http_stub.Stub(http_stub.answering((200, first), (200, second)))
    async with stub.running() as api:
        pages = [page async for page in api.list(kinds.DEPLOYMENT, "models", "a=b")]
    assert [page.resource_version for page in pages] == ["5", "6"]
    assert [page.items for page in pages] == [
        [{"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}}] for name in "ab"
    ]
    assert "continue=more" in stub.requests[1][1]
    assert all("labelSelector=a%3Db" in path or "labelSelector=a=b" in path for _, path in stub.requests)


async def test_a_page_of_large_objects_is_not_read_but_asked_for_in_smaller_ones(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(client, "PAGE_BYTES", 50_000)
    names = [f"o{number}" for number in range(120)]
    large = {"o10", "o11", "o12", "o40"}

    async def answer(request: web.Request) -> web.StreamResponse:
        begin, limit = int(request.query.get("continue", 0)), int(request.query["limit"])
        items = [
            {"metadata": {"name": name, "annotations": {"a": "x" * (60_000 if name in large else 10)}}}
            for name in names[begin : begin + limit]
        ]
        more = {"continue": str(begin + limit)} if begin + limit < len(names) else {}
        return web.json_response({"metadata": {"resourceVersion": "5", **more}, "items": items})

    stub = http_stub.Stub(answer)
    async with stub.running() as api:
        pages = [page.items async for page in api.list(kinds.SECRET)]
    assert [one["metadata"]["name"] for page in pages for one in page] == names
    assert all(len(page) == 1 for page in pages if large & {one["metadata"]["name"] for one in page})
    assert len(stub.requests) < 40, "where all is small again, pages grow again"


async def test_labels_are_merged_into_the_object_of_that_uid_alone() -> None:
    bodies = []

    async def answer(request: web.Request) -> web.StreamResponse:
        bodies.append((request.content_type, json.loads(await request.read())))
        return web.json_response({"metadata": {}})

    async with http_stub.Stub(answer).running() as api:
        await api.merge({"kind": "Secret", "metadata": {"name": "a", "namespace": "models", "labels": {"b": "c"}}}, "u")
    [(kind, body)] = bodies
    assert kind == "application/merge-patch+json"
    assert body["metadata"] == {"name": "a", "namespace": "models", "labels": {"b": "c"}, "uid": "u"}


@pytest.mark.parametrize("field", ["metadata.uid", "spec.replicas"])
def test_a_precondition_that_failed_is_told_from_a_refusal(field: str) -> None:
    status = {"reason": "Invalid", "details": {"causes": [{"field": field, "reason": "FieldValueInvalid"}]}}
    found = errors.of(422, status, kinds.DEPLOYMENT)
    assert isinstance(found, errors.Conflict) is (field == "metadata.uid")


def test_what_a_write_met_is_never_true() -> None:
    for met in (
        failures.NotOwned(SECRET, "Job x"), failures.Contested(["/spec/type"]), errors.Invalid(422, "Invalid", "m"),
        errors.Denied(403, "Forbidden", "m"), errors.Unavailable(500, "InternalError", "m"), ValueError("x"),
    ):  # fmt: skip
        found = failures.value(SECRET, met)
        assert found.status == "False"
        assert str(SECRET) in found.message


def test_a_secret_of_another_type_is_made_anew() -> None:
    owner = naming.Owner("models", "llama", "u")
    ours = naming.child(kinds.SECRET, owner, "a", "client", type="Opaque", data={})
    assert diff.immutable(ours, {**ours, "type": "kubernetes.io/tls"}) == "type"
    assert diff.immutable({**ours, "type": "kubernetes.io/tls"}, {**ours, "type": "kubernetes.io/tls"}) is None
