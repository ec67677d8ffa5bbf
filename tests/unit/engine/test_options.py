"""What vLLM is started with: the operator's own arguments, which carry the spec's fields, and then the admin's."""

import pytest

from vllm_operator import api, config
from vllm_operator.engine import environment, options


def given(**spec: object) -> list[str]:
    """Return the arguments of `vllm serve` for a spec."""
    return options.arguments(api.Spec.model_validate({"model": {"source": "file:///models/a/b"}, **spec}))


def test_the_engine_listens_on_loopback_alone_whatever_is_asked() -> None:
    for args in ([], ["--host=0.0.0.0"]):
        assert [one for one in given(engine={"args": args}) if one.startswith("--host")] == ["--host=127.0.0.1"]


@pytest.mark.parametrize(("timeout", "seconds"), [("60s", 60), ("2m", 120), ("1h", 3600)])
def test_the_drain_timeout_is_how_long_vllm_goes_on_with_requests(timeout: str, seconds: int) -> None:
    assert f"--shutdown-timeout={seconds}" in given(engine={"drainTimeout": timeout})


def test_the_longest_context_reaches_vllm_and_is_left_to_the_weights_where_none_is_named() -> None:
    assert "--max-model-len=4096" in given(engine={"maxModelLen": 4096})
    assert not [one for one in given() if one.startswith("--max-model-len")]


def test_vllm_chooses_the_context_where_it_may() -> None:
    assert "--max-model-len=auto" in given(engine={"maxModelLen": "auto"})


def test_every_name_of_a_model_reaches_vllm_the_one_that_is_told_first() -> None:
    found = given(
        model={"source": "file:///models/a/b", "servedNames": ["gpt-4", "a/b", "x:y"]},
        engine={"args": ["--enforce-eager"]},
    )
    assert found[-5:] == ["--served-model-name", "a/b", "gpt-4", "x:y", "--enforce-eager"]
    assert not [one for one in found if one.startswith("--served-model-name=")]


def test_the_name_that_clients_send_reaches_vllm() -> None:
    assert "--served-model-name=llama" in given(model={"source": "file:///models/a/b", "servedName": "llama"})
    assert "--served-model-name=a/b" in given()


def test_the_documented_defaults_hold_and_not_those_of_the_weights() -> None:
    assert "--generation-config=vllm" in given()


def test_a_refused_option_that_came_in_by_an_older_schema_never_reaches_vllm() -> None:
    found = given(engine={"args": ["--port=1", "--enforce-eager"]})
    assert "--enforce-eager" in found
    assert "--port=1" not in found
    assert "--port=8001" in found


@pytest.mark.parametrize(
    ("args", "held"),
    [
        ((), options.SEATS + 64),
        (("--max-num-seqs=4",), 68),
        (("--max_num_seqs=4",), 68),
        (("--max-num-se=4",), 68),
        (("--max-num-seqs=4", "--max-num-seqs=8"), 72),
        (("--max-num-seqs=four",), options.SEATS + 64),
        (("--max-num-seqs=" + "9" * 999,), options.SEATS + 64),
        (("--max-num-scheduled-tokens=4",), options.SEATS + 64),
    ],
)
def test_what_runs_is_not_counted_as_waiting(args: tuple[str, ...], held: int) -> None:
    assert f"--max-num-queued-reqs={held}" in given(engine={"args": args})


def test_what_probes_ask_is_not_logged_unless_the_spec_says_what_is() -> None:
    assert "--disable-access-log-for-endpoints=/health,/metrics" in given()
    for own in (
        "--disable-access-log-for-endpoints=/ping",
        "--disable_access_log=/ping",
        "--disable-uvicorn-access-log",
    ):
        assert [one for one in given(engine={"args": [own]}) if "access" in one] == [own]


def test_a_stream_that_waits_says_so_unless_the_spec_says_how_often() -> None:
    assert "--sse-keep-alive-interval=15" in given()
    assert [one for one in given(engine={"args": ["--sse-keep=5"]}) if "sse" in one] == ["--sse-keep=5"]
    assert not [one for one in given(model={"source": "file:///models/a/b", "task": "Embed"}) if "sse" in one]


def test_the_operators_variables_win() -> None:
    engine = api.Engine(env=(api.Env(name="HOME", value="/evil"), api.Env(name="A", value="")))
    found = {entry["name"]: entry.get("value") for entry in environment.environment(engine, config.Config())}
    assert found["HOME"] == environment.HOME
    assert found["A"] is None


def test_long_context_is_an_explicit_choice() -> None:
    named = [entry["name"] for entry in environment.environment(api.Engine(allow_long_context=True), config.Config())]
    assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN" in named
    assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN" not in [
        entry["name"] for entry in environment.environment(api.Engine(), config.Config())
    ]


def test_the_engine_tells_nobody_how_it_is_used_and_looks_for_nothing_elsewhere() -> None:
    found = {entry["name"]: entry.get("value") for entry in environment.environment(api.Engine(), config.Config())}
    assert (found["VLLM_NO_USAGE_STATS"], found["HF_HUB_OFFLINE"]) == ("1", "1")


def test_every_cache_of_the_engine_is_in_a_volume_of_the_pod() -> None:
    found = {entry["name"]: entry.get("value", "") for entry in environment.environment(api.Engine(), config.Config())}
    assert found["HOME"] == "/home/vllm"
    for name in ("HF_HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "VLLM_CACHE_ROOT", "TRITON_CACHE_DIR",
                 "TORCHINDUCTOR_CACHE_DIR", "FLASHINFER_WORKSPACE_BASE", "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR"):  # fmt: skip
        assert found[name].startswith("/home/vllm/")


def test_what_one_request_may_ask_for_is_bounded_unless_the_spec_says_how() -> None:
    assert f"--max-num-queued-tokens={options.MOST_QUEUED_TOKENS}" in given()
    own = "--max_num_queued_tokens=1000"
    assert [one for one in given(engine={"args": [own]}) if "tokens" in one] == [own]
    assert bounds() == {"VLLM_MAX_N_SEQUENCES": ["64"], "VLLM_MAX_COMPLETION_PROMPTS": ["128"]}
    assert bounds({"name": "VLLM_MAX_N_SEQUENCES", "value": "512"})["VLLM_MAX_N_SEQUENCES"] == ["512"]


def bounds(*own: dict[str, str]) -> dict[str, list[str]]:
    """Return the values that an engine with these variables has of each bound of one request."""
    found = environment.environment(api.Engine.model_validate({"env": own}), config.Config())
    return {name: [one["value"] for one in found if one["name"] == name] for name in environment.REQUEST}
