"""The demo's model behind the edge: by Ingress and by HTTPRoute, and below a path, changed while it serves; and its time-outs.

What the edge and the guard were told is read from them: 15 minutes of silence are waited for by `make bench ONLY=silence`.
"""

import json
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from dev import contour, demo, demo_calls
from dev.embedded import cleanup, node
from tests import kubectl, waiting
from tests.e2e import conftest
from vllm_operator.keys import record

MODEL = "vllm11"
PATH = "/team/opt"
GATEWAY = {"name": contour.GATEWAY, "namespace": contour.GATEWAY_NAMESPACE}
SILENCE_SECONDS = 900


@pytest.fixture(scope="module")
def routed(admin: kubectl.Admin) -> Iterator[None]:
    """The demo's model behind the Gateway and below a path, with the demo's certificate; in the end as it was."""
    before = admin.get("vllm", MODEL)["spec"]["expose"]
    certificate = admin.get("secret", f"{MODEL}-tls")
    metadata = {"name": contour.CERTIFICATE, "namespace": contour.GATEWAY_NAMESPACE}
    demo.kubectl("apply", "-f", "-", stdin=json.dumps({**certificate, "metadata": metadata}))
    after = {"host": before["host"], "path": PATH, "gateway": {"parentRefs": [GATEWAY]}}
    pods = running(admin)
    admin.patch("vllm", MODEL, [{"op": "replace", "path": "/spec/expose", "value": after}], "json")
    waiting.until("the route", lambda: reason(admin) == "Exposed" and admin.get("httproute", MODEL), admin.world)
    waiting.until("the edge", lambda: answers(f"{PATH}/health"), admin.world)
    yield
    admin.patch("vllm", MODEL, [{"op": "replace", "path": "/spec/expose", "value": before}], "json")
    waiting.until("the Ingress alone", lambda: not admin.get("httproute", MODEL), admin.world)
    demo.await_edge()
    assert running(admin) == pods, "nothing was restarted"


def reason(admin: kubectl.Admin) -> str:
    return str(admin.condition(MODEL, "Exposed").get("reason", ""))


def running(admin: kubectl.Admin) -> set[str]:
    """Return the ids of the model's pods."""
    listed = admin.kubectl(
        "get", "pods", "-l", f"serving.byteshop.in/model={MODEL}", "-o", "jsonpath={.items[*].metadata.uid}"
    )
    return set(listed.split())


def answers(path: str) -> bool:
    """Tell whether the model answers at that path of its host."""
    ask = ["curl", "--silent", "--fail", f"https://{demo.HOST}{path}"]
    return demo_calls.run(ask, capture=True).returncode == 0


@pytest.mark.usefixtures("routed")
def test_the_model_answers_through_the_gateway_below_its_path(admin: kubectl.Admin, client: conftest.Client) -> None:
    body = {"model": "facebook/opt-125m", "prompt": "The future", "max_tokens": 4}
    conftest.answered(client.post(f"{PATH}/v1/completions", body), 200)
    assert client.get(f"{PATH}/v1/models", key="").status == 401
    assert client.get("/v1/models").status == 404, "the rest of the host is not this model's"
    assert [client.get(path, key="").status for path in (PATH, f"{PATH}/", f"{PATH}/guide")] == [200] * 3
    assert admin.get("vllm", MODEL)["status"]["url"] == f"https://{demo.HOST}{PATH}/"


@pytest.mark.usefixtures("routed")
def test_a_route_is_silent_for_as_long_as_an_answer_takes(admin: kubectl.Admin) -> None:
    assert edge_seconds() == {("0s", "0s")}
    assert guard_seconds(admin) >= SILENCE_SECONDS


def test_an_ingress_is_silent_for_as_long_as_an_answer_takes(admin: kubectl.Admin) -> None:
    waiting.until("the Ingress", lambda: reason(admin) == "Exposed", admin.world)
    assert edge_seconds() == {("0s", "0s")}
    assert guard_seconds(admin) >= SILENCE_SECONDS


def edge_seconds() -> set[tuple[str, str]]:
    """Return Contour's time-outs for the model's host: of a whole answer, and of silence within it; 0s: none."""
    configs = edge_configuration()["configs"]
    tables = [one["route_config"] for config in configs for one in config.get("dynamic_route_configs", ())]
    hosts = [host for table in tables for host in table.get("virtual_hosts", ()) if demo.HOST in host["domains"]]
    routes = [route["route"] for host in hosts for route in host["routes"] if "route" in route]
    silences = {route.get("idle_timeout", _stream_idle(configs)) for route in routes}
    return {(route["timeout"], silence) for route in routes for silence in silences}


def _stream_idle(configs: list[dict[str, Any]]) -> str:
    """Return the one silence that Contour's listeners allow."""
    listeners = [one["active_state"]["listener"] for config in configs for one in config.get("dynamic_listeners", ())]
    (found,) = set(_all(listeners, "stream_idle_timeout"))
    return found


def _all(node: Any, field: str) -> Iterator[str]:
    """Yield each value of a field, however deep."""
    for name, value in node.items() if isinstance(node, dict) else enumerate(node):
        if name == field:
            yield value
        elif isinstance(value, dict | list):
            yield from _all(value, field)


def edge_configuration() -> dict[str, Any]:
    """Return what Contour's Envoy runs, from its administration, a socket in the cluster's own files."""
    outer = cleanup.process()
    (inner,) = pathlib.Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
    socket = f"/proc/{inner}/root{node.DATA}/envoy-admin.sock"
    command = ["curl", "--silent", "--show-error", "--unix-socket", socket, "http://edge/config_dump"]
    found: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    return found


def guard_seconds(admin: kubectl.Admin) -> int:
    """Return the shortest silence that the guard allows on a way to vLLM."""
    routes = json.loads(record.decoded(admin.get("secret", f"{MODEL}.guard"), "routes.yaml"))
    ways = list(_all(routes, "idle_timeout"))
    assert ways
    return min(int(one.removesuffix("s")) for one in ways)
