"""Each promise is asked of the cluster in memory and of the real API server."""

import uuid
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest

from tests import fake_apiserver, logins
from tests.integration.conformance import bench as benches

if TYPE_CHECKING:
    import pathlib


@pytest.fixture(params=["memory", "real"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[benches.Bench]:
    namespace = f"conformance-{uuid.uuid4().hex[:10]}"
    if request.param == "memory":
        api = fake_apiserver.FakeCluster()
        yield await benches.bench(api, api, namespace)
        return
    served: pathlib.Path = request.getfixturevalue("served")
    async with benches.RealCluster(logins.kubeconfig(served)) as real:
        await benches.create_namespace(real, namespace)
        yield await benches.bench(real, benches.Others(real), namespace)
