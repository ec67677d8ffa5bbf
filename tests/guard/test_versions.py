"""Every Envoy that guards may run does what the newest does: keys, limits, pages of other origins, and what is counted.

And a guard whose static part is older than the operator takes today's live part: nothing that revokes is ever refused.
"""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from tests.guard import envoys, rig
from vllm_operator import guard

if TYPE_CHECKING:
    from tests.guard.conftest import Start

EARLIER = sorted((pathlib.Path(__file__).parent / "earlier").glob("*.yaml"))
PAGE = "https://app.example.com"


def allowed(*keys: str) -> guard.Access:
    client = guard.Client("team-a", guard.RateLimit(2, "Hour"), tuple(guard.Credential(key) for key in keys))
    return guard.Access((client,), "localhost", (PAGE,), "org/model-3.1", path="/opt")


@pytest.fixture(params=envoys.versions(), ids=lambda version: f"{version[0]}.{version[1]}")
def envoy(request: pytest.FixtureRequest) -> envoys.Envoy:
    return envoys.find(request.param)


def test_every_envoy_guards(start: Start, envoy: envoys.Envoy) -> None:
    running = start(allowed(rig.STALE, rig.KEY), envoy=envoy)
    replies = [running.ask("GET", f"{path}/v1/models", rig.KEY, origin=PAGE) for path in ("", "/opt", "/opt")]
    assert [reply.status for reply in replies] == [200, 200, 429]
    assert [reply.headers["x-ratelimit-remaining"] for reply in replies] == ["1", "0", "0"]
    assert replies[2].headers["access-control-allow-origin"] == PAGE
    assert 1790 <= int(replies[2].headers["retry-after"]) <= 1800
    running.change(allowed(rig.KEY))
    assert [running.ask("GET", "/v1/models", key).status for key in (rig.STALE, rig.KEY)] == [401, 429]
    assert running.ask("POST", "/v1/load_lora_adapter", rig.KEY).status == 404
    assert running.state().rejected == 0
    counted = running.private(guard.STATS_PATH).body.decode()
    assert 'envoy_guard_requests{model="org/model-3.1",client="team-a",code="429"} 2' in counted


@pytest.mark.parametrize("file", EARLIER, ids=lambda file: file.stem)
def test_guard_of_an_earlier_operator_takes_the_live_part_of_today(
    start: Start, envoy: envoys.Envoy, file: pathlib.Path
) -> None:
    running = start(allowed(rig.STALE, rig.KEY), lambda bootstrap: _become(bootstrap, file), envoy)
    assert running.ask("GET", "/v1/models", rig.STALE, origin=PAGE).status == 200
    running.change(allowed(rig.KEY))
    assert [running.ask("GET", "/v1/models", key).status for key in (rig.STALE, rig.KEY)] == [401, 200]
    assert [running.ask("GET", path).status for path in ("/", "/opt/health")] == [200, 200]
    name, value = guard.ALIVE_HEADER
    assert running.private(guard.READY_PATH, **{name: value}).status == 200
    assert running.ask("OPTIONS", "/v1/models", origin=PAGE, access_control_request_method="GET").status in {401, 404}
    assert running.state().rejected == 0


def _become(bootstrap: dict[str, Any], file: pathlib.Path) -> None:
    """Replace the static part with an earlier one, which stands where this one does."""
    earlier = yaml.safe_load(file.read_text())
    for name in ("listeners", "clusters"):
        here = {one["name"]: one for one in bootstrap["static_resources"][name]}
        for one in earlier["static_resources"][name]:
            for field in {"address", "load_assignment"} & set(one):
                one[field] = here[one["name"]][field]
    (public,) = (one for one in earlier["static_resources"]["listeners"] if one["name"] == "public")
    (now,) = (one for one in bootstrap["static_resources"]["listeners"] if one["name"] == "public")
    _manager(public)["rds"] = _manager(now)["rds"]
    earlier["admin"] = bootstrap["admin"]
    bootstrap.clear()
    bootstrap.update(earlier)


def _manager(listener: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][0]["typed_config"]
    return found
