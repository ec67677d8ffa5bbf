"""Every field that the operator sends is put back when somebody edits it; how soon, `make bench ONLY=drift` measures."""

import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests import drift, kubectl, waiting
from tests.golden import render
from tests.integration import api_server, conftest
from vllm_operator import config

NAME = "drifting"
SETTINGS = config.Config(engine_images=render.ENGINES)
SPEC: dict[str, Any] = {
    "replicas": 2,
    "expose": {"host": "drifting.example", "ingress": {"className": "contour"}},
    "engine": {"env": [{"name": "VLLM_LOG_STATS_INTERVAL", "value": "30"}]},
    "resources": {"requests": {"cpu": "1"}},
}


@pytest.fixture(scope="module")
def model(served: pathlib.Path, operator: conftest.Operator) -> Iterator[dict[str, Any]]:
    del operator
    admin = kubectl.Admin(served)
    admin.apply(kubectl.model(NAME, **SPEC))
    waiting.until("its status", lambda: admin.condition(NAME), admin.world)
    yield admin.get("vllm", NAME)
    admin.kubectl("delete", "vllm", NAME)


@pytest.mark.parametrize("kind", ["Deployment", "Service", "Secret", "Ingress", "NetworkPolicy", "PodDisruptionBudget"])
def test_every_field_that_is_sent_is_put_back(server: api_server.ApiServer, model: dict[str, Any], kind: str) -> None:
    sent = [one for one in drift.sent(model, SETTINGS) if one["kind"] == kind]
    repairs = [repair for one in sent for repair in drift.repaired(server, one)]
    assert sum(repair.seconds is not None for repair in repairs) > 5, repairs
