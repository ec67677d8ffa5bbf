"""A model is gone where the API server says so of the model itself; a 404 of somebody before it says nothing."""

import pytest

from tests import harness
from vllm_operator.kube import errors, kinds

PAGE: kinds.Object = {}
PROXYS: kinds.Object = {"error": "no such route"}


class Told(harness.OperatorHarness):
    """A model of which a child vanished, so that the operator asks for the model."""

    async def lose(self, answer: errors.ApiError) -> None:
        """Delete a client's Secret while the model is answered for with `answer`, and let the operator work."""
        await self.begin({"name": "a"})
        await self.delete("vllm11.key.a")
        self.hear()
        self.api.troubles.fail(answer, "get", kind=kinds.MODEL_DEPLOYMENT.kind)
        await self.go_on()

    def is_known(self) -> bool:
        return self.cache.get(harness.MODEL) is not None


@pytest.mark.parametrize("body", [PAGE, PROXYS], ids=["a page", "JSON"])
async def test_a_404_that_is_no_answer_of_the_api_server_makes_no_model_forgotten(body: kinds.Object) -> None:
    home = Told()
    await home.lose(errors.of(404, body, kinds.MODEL_DEPLOYMENT))
    assert home.is_known()
    assert home.key("a"), "its client has a Secret again"


async def test_a_model_that_the_api_server_does_not_find_is_forgotten() -> None:
    home = Told()
    body = {"kind": "Status", "reason": "NotFound", "message": "not found"}
    await home.lose(errors.of(404, body, kinds.MODEL_DEPLOYMENT))
    assert not home.is_known()
    assert not home.key("a")


@pytest.mark.parametrize("body", [PAGE, PROXYS], ids=["a page", "JSON"])
@pytest.mark.parametrize("kind", [kinds.SECRET, kinds.DEPLOYMENT], ids=lambda kind: kind.kind)
def test_a_404_of_a_proxy_for_a_kind_of_every_cluster_is_no_answer(kind: kinds.Kind, body: kinds.Object) -> None:
    assert type(errors.of(404, body, kind)) is errors.Unavailable


class Changed(Told):
    """A model that the API server answers with another than the operator was told of."""

    async def lose_as(self, **metadata: object) -> list[tuple[str, kinds.Ref]]:
        """Delete a client's Secret, let the model be another, of which no watch told, and return what is written then."""
        await self.begin({"name": "a"})
        await self.delete("vllm11.key.a")
        self.hear()
        live = self.api.objects[harness.MODEL]
        self.api.objects[harness.MODEL] = {**live, "metadata": {**live["metadata"], **metadata}}
        before = len(self.api.calls)
        await self.go_on()
        return [(verb, ref) for verb, ref in self.api.calls[before:] if verb not in ("get", "exists", "list")]


@pytest.mark.parametrize(
    "metadata", [{"uid": "another"}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}], ids=["uid", "deletion"]
)
async def test_nothing_is_made_for_a_model_that_is_another_or_goes(metadata: dict[str, object]) -> None:
    assert await Changed().lose_as(**metadata) == []


async def test_a_secret_that_vanished_is_made_again_for_a_model_that_is_there() -> None:
    assert ("create", kinds.Ref("Secret", "models", "vllm11.key.a")) in await Changed().lose_as()
