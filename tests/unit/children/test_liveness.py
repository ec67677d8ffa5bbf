"""How long a server may stand still: the guard's share of engine.stallTimeout and the kubelet's make the whole of it."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.children.test_pod import engine, guard
from vllm_operator import api
from vllm_operator.children import liveness
from vllm_operator.guard import watch


def watched(**said: Any) -> dict[str, str]:
    """Return the variables of the guard's container."""
    return {one["name"]: one["value"] for one in guard(**said).get("env", [])}


def probe(**said: Any) -> dict[str, Any]:
    found: dict[str, Any] = engine(**said)["livenessProbe"]
    return found


def test_the_kubelet_asks_in_a_form_that_a_guard_of_an_earlier_operator_answers_too() -> None:
    """Its configuration knows no /alive, and a probe that is answered 404 would restart every server."""
    header = {"name": "x-probe", "value": "alive"}
    assert probe()["httpGet"] == {"path": "/ready", "port": 8002, "scheme": "HTTP", "httpHeaders": [header]}


@pytest.mark.parametrize(("timeout", "silence"), [("3m", 75), ("2m", 15), ("24h", 86_295)])
def test_guard_and_kubelet_share_the_time(timeout: str, silence: int) -> None:
    assert watched(engine={"stallTimeout": timeout})["ENGINE_STALL_SECONDS"] == str(silence)


@pytest.mark.parametrize("timeout", ["0s", "2m", "3m", "24h"])
def test_a_guard_that_is_away_has_two_minutes_whatever_the_timeout(timeout: str) -> None:
    found = probe(engine={"stallTimeout": timeout})
    assert found["periodSeconds"] * found["failureThreshold"] == 120


def test_the_kubelet_waits_for_all_that_the_guard_asks() -> None:
    assert probe()["timeoutSeconds"] > watch.FOR_ALL > watch.FOR_STATS + watch.FOR_METRICS + watch.FOR_TOKEN


@given(st.integers(120, 86_400))
def test_a_server_is_restarted_when_the_whole_time_is_over_and_not_before(seconds: int) -> None:
    """The kubelet's last failure comes seven periods after the guard's first, which comes within a period of its own time."""
    spec = api.parse({"model": {"source": "pvc://weights"}, "engine": {"stallTimeout": f"{seconds}s"}})
    silence = int(liveness.variables(spec)["ENGINE_STALL_SECONDS"])
    assert silence + (liveness.FAILURES - 1) * liveness.PERIOD == seconds
    assert silence >= liveness.PERIOD


def test_zero_switches_the_watch_off_and_leaves_health() -> None:
    assert watched(engine={"stallTimeout": "0s"}) == {}
    assert "env" not in guard(engine={"stallTimeout": "0s"})
    assert probe(engine={"stallTimeout": "0s"})["periodSeconds"] == 15


@pytest.mark.parametrize(
    ("task", "path"), [("Generate", "/v1/completions"), ("Embed", "/v1/embeddings"), ("Transcribe", "/v1/audio/transcriptions")]
)  # fmt: skip
def test_the_engine_is_asked_for_what_its_task_makes(task: str, path: str) -> None:
    found = watched(model={"source": "pvc://weights/a/b", "task": task, "servedName": "b"})
    assert found["ENGINE_PROOF_PATH"] == path
    assert '"b"' in found["ENGINE_PROOF_BODY"] or "b%0D%0A" in found["ENGINE_PROOF_BODY"]
    assert len(found["ENGINE_PROOF_BODY"]) < 1024


def test_a_server_that_hangs_is_not_waited_for_as_one_that_drains_is() -> None:
    found = engine(engine={"drainTimeout": "1h"})
    assert (
        found["lifecycle"]["preStop"]["sleep"]["seconds"]
        < found["livenessProbe"]["terminationGracePeriodSeconds"]
        <= 30
    )
