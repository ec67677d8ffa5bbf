"""The load: ModelDeployments that ten parallel clients create, change and delete."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterable

from tests.bench.scale import wire
from vllm_operator.kube import kinds

CLIENTS = 10
PREFIX = "m-"
MODELS = "/apis/serving.byteshop.in/v1alpha1/namespaces/default/modeldeployments"
SECRETS = "/api/v1/namespaces/default/secrets"
EDITS: dict[str, object] = {"maxModelLen": {"maxModelLen": 1024}, "args": {"args": ["--max-num-seqs=8"]}}
"""One changed field each, of spec.engine."""
FOREIGN_BYTES = 1_000_000

Act = Callable[[str], Awaitable[object]]


def names(count: int) -> list[str]:
    """Return the models' names, all of one length."""
    return [f"{PREFIX}{number:05}" for number in range(count)]


def model(name: str, **spec: object) -> dict[str, object]:
    """Return a ModelDeployment with all its kinds of children; `spec` is set besides."""
    return {
        "apiVersion": "serving.byteshop.in/v1alpha1",
        "kind": "ModelDeployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {
            "model": {"source": "file:///models/facebook/opt-125m"},
            "expose": {"host": f"{name}.example", "ingress": {"className": "contour"}},
            **spec,
        },
    }


async def create(api: wire.Api, chosen: Iterable[str]) -> None:
    """Create models."""
    await parallel(chosen, lambda name: api.ask("POST", MODELS, model(name)))


async def edit(api: wire.Api, chosen: Iterable[str], what: str) -> None:
    """Change one field of models."""
    patch = {"spec": {"engine": EDITS[what]}}
    await parallel(chosen, lambda name: api.ask("PATCH", f"{MODELS}/{name}", patch, wire.MERGE))


async def wake(api: wire.Api, chosen: Iterable[str], number: int) -> None:
    """Change what changes nothing: an annotation that the operator keeps, as one of its own, and that says nothing."""
    patch = {"metadata": {"annotations": {f"{kinds.GROUP}/woken": str(number)}}}
    await parallel(chosen, lambda name: api.ask("PATCH", f"{MODELS}/{name}", patch, wire.MERGE))


async def foreign(api: wire.Api, count: int) -> None:
    """Create large Secrets that have nothing to do with models."""
    data = {"data": "QUFB" * (FOREIGN_BYTES // 3)}

    async def one(number: str) -> object:
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": f"foreign-{number}"}, "data": data}
        return await api.ask("POST", SECRETS, body)

    await parallel(map(str, range(count)), one, 2)


async def delete(api: wire.Api, chosen: Iterable[str]) -> None:
    """Delete models; what they own follows."""
    await parallel(chosen, lambda name: api.ask("DELETE", f"{MODELS}/{name}"))


async def parallel(chosen: Iterable[str], act: Act, clients: int = CLIENTS) -> None:
    """Let `clients` parallel clients act on the next one each, until all were acted on."""
    waiting = iter(chosen)

    async def client() -> None:
        for name in waiting:
            await act(name)

    await asyncio.gather(*itertools.starmap(client, [()] * clients))
