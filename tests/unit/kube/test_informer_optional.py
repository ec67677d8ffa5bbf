"""A kind that a cluster may not have, as that of the Gateway API: without it all is known, and it is seen once it is there."""

import asyncio

import pytest

from tests import clock, operator_process
from tests.unit.kube.test_informer_failures import OWNER, Watched
from vllm_operator.kube import errors, kinds, naming

ABSENT = errors.NoSuchKind(404, "Unknown", "the API server gave no reason")
ROUTE = naming.child(kinds.HTTP_ROUTE, OWNER, "vllm11", "edge", spec={"hostnames": ["a.example"]})


@clock.virtual
async def test_an_optional_kind_that_is_absent_holds_nothing_up() -> None:
    watched = Watched()
    watched.api.troubles.fail(ABSENT, kind="HTTPRoute")
    async with watched.running():
        await asyncio.wait_for(watched.informers.ready(), 1)
        assert watched.informers.knows("models")
        assert watched.failing() == set()
        await asyncio.sleep(600)
    assert 115 <= sum(ref.kind == "HTTPRoute" for _, ref in watched.api.calls) <= 121


@clock.virtual
async def test_a_kind_that_every_cluster_has_is_waited_for() -> None:
    watched = Watched()
    watched.api.troubles.fail(ABSENT, kind="Ingress")
    async with watched.running():
        await asyncio.sleep(60)
        assert not watched.informers.knows("models")
        assert {kind for kind, _, _ in watched.failing()} == {"Ingress"}


@clock.virtual
async def test_an_optional_kind_is_seen_once_it_is_there_and_forgotten_once_it_is_gone() -> None:
    watched = Watched()
    absent = watched.api.troubles.fail(ABSENT, kind="HTTPRoute")
    ref = kinds.ref(ROUTE)
    async with watched.running():
        await watched.informers.ready()
        watched.api.troubles.end(absent)
        await watched.api.create_by("vllm-operator", ROUTE)
        await asyncio.sleep(40)
        assert watched.store.get(ref)
        watched.api.troubles.fail(ABSENT, kind="HTTPRoute")
        watched.api.cut()
        await asyncio.sleep(1)
        assert watched.store.get(ref) is None
        watched.api.troubles.end()
        await watched.api.edit_by("vllm-operator", ref, {"metadata": {"annotations": {"a": "b"}}})
        await asyncio.sleep(40)
        assert watched.store.get(ref), "what is made or changed once the kind is back is newer than what was forgotten"


@pytest.mark.parametrize(("body", "known"), [({}, False), ({"kind": "Status", "reason": "NotFound"}, True)])
def test_a_path_that_the_api_server_does_not_know_is_told_from_an_object_that_is_not_there(
    body: kinds.Object, known: bool
) -> None:
    """To an unknown path it answers 404 in plain text."""
    assert isinstance(errors.of(404, body, kinds.HTTP_ROUTE), errors.NotFound)
    assert isinstance(errors.of(404, body, kinds.HTTP_ROUTE), errors.NoSuchKind) is not known


@clock.virtual
async def test_a_cluster_without_the_gateway_api_serves_its_models() -> None:
    world = operator_process.World()
    world.cluster.troubles.fail(ABSENT, kind="HTTPRoute")
    async with world.running() as process:
        key = await world.create("vllm11", "alice")
        await clock.until(world.is_done(key))
        await asyncio.sleep(90)
        assert process.manager.readiness() == (True, "ok")
