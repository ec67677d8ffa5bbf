"""`kubectl vllm fit`: the arithmetic, against figures that vLLM itself gave for well-known weights."""

from typing import Any

import kubectl_vllm as plugin
import pytest

GIB = 2**30
LLAMA_8B = {
    "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096,
    "max_position_embeddings": 131072,
}  # fmt: skip
OPT_125M = {"num_hidden_layers": 12, "num_attention_heads": 12, "hidden_size": 768, "max_position_embeddings": 2048}
DEEPSEEK_V3 = {
    "num_hidden_layers": 61,
    "num_attention_heads": 128,
    "hidden_size": 7168,
    "kv_lora_rank": 512,
    "qk_rope_head_dim": 64,
}
ONE = {"resources": {"limits": {"nvidia.com/gpu": 1}}}


def cache(
    config: dict[str, Any], split: int | None = 1, options: dict[str, str] | None = None, **engine: Any
) -> plugin.Cache:
    return plugin.cache_of(config, options or {}, split, {"engine": engine})


@pytest.mark.parametrize(
    ("config", "split", "kibibytes"),
    [(LLAMA_8B, 1, 128), (LLAMA_8B, 4, 32), (LLAMA_8B, 16, 16), (OPT_125M, 1, 36), (DEEPSEEK_V3, 8, 68.625)],
    ids=["grouped heads", "split", "more accelerators than heads", "one head each", "latent, whole on each"],
)
def test_a_token_takes_what_layers_heads_and_split_say(config: dict[str, Any], split: int, kibibytes: float) -> None:
    assert cache(config, split).per_token == kibibytes * 1024


def test_the_type_of_the_cache_and_a_shorter_context_count() -> None:
    assert cache(LLAMA_8B, options={"kv-cache-dtype": "fp8_e4m3"}).per_token == 64 * 1024
    assert cache(LLAMA_8B, options={"dtype": "float32"}).per_token == 256 * 1024
    assert cache(LLAMA_8B).context == 131072
    assert cache(LLAMA_8B, maxModelLen=4096).context == 4096
    assert cache(LLAMA_8B, maxModelLen="auto").context == 131072
    assert cache({"text_config": LLAMA_8B}).per_token == 128 * 1024


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"num_hidden_layers": 4},
        {**LLAMA_8B, "layer_types": ["linear_attention"]},
        {**LLAMA_8B, "mamba_d_state": 1},
        {"num_hidden_layers": "9" * 99, "hidden_size": [1], "num_attention_heads": -1, "layer_types": 3},
    ],
    ids=["none", "no heads", "linear layers", "Mamba", "nonsense"],
)
def test_what_keeps_no_plain_keys_and_values_is_not_guessed(config: dict[str, Any]) -> None:
    assert cache(config).per_token is None


@pytest.mark.parametrize(
    ("weights", "context", "memory", "verdict"),
    [
        (15, 131072, 80, "fits"),
        (15, 131072, 24, "does not fit"),
        (15, 8192, 24, "fits"),
        (140, 8192, 80, "does not fit"),
        (15, 32768, 22, "cannot tell"),
    ],
    ids=["room", "context too long", "shorter context", "weights alone", "close"],
)
def test_a_verdict_is_given_where_it_is_clear(weights: int, context: int, memory: int, verdict: str) -> None:
    told = cache({**LLAMA_8B, "max_position_embeddings": context})
    assert plugin.judged(weights * GIB, told, memory * GIB, 0.9, 1)[0] == verdict


def test_weights_are_divided_among_accelerators() -> None:
    assert plugin.judged(140 * GIB, cache(LLAMA_8B, 4), 80.0 * GIB, 0.9, 4)[0] == "fits"


def test_a_shorter_context_that_would_fit_is_named() -> None:
    reason = plugin.judged(15 * GIB, cache(LLAMA_8B), 24.0 * GIB, 0.9, 1)[1]
    longest = int(reason.rpartition("about ")[2].split()[0])
    assert plugin.judged(15 * GIB, cache(LLAMA_8B, maxModelLen=longest), 24.0 * GIB, 0.9, 1)[0] == "fits"


def test_sliding_windows_need_at_most_so_much_and_are_never_refused_for_it() -> None:
    told = cache({**LLAMA_8B, "layer_types": ["sliding_attention", "full_attention"]})
    assert told.is_most
    assert plugin.judged(15 * GIB, told, 24.0 * GIB, 0.9, 1)[0] == "cannot tell"


@pytest.mark.parametrize(
    ("missing", "name"), [({"total": None}, "weights"), ({"memory": None}, "memory"), ({"split": None}, "split")]
)
def test_what_is_not_known_is_named(missing: dict[str, Any], name: str) -> None:
    known: dict[str, Any] = {"total": GIB, "cache": cache(LLAMA_8B), "memory": 80.0 * GIB, "share": 0.9, "split": 1}
    assert plugin.judged(**{**known, **missing}) == ("cannot tell", f"not known: {name}")


@pytest.mark.parametrize(
    ("args", "split"),
    [
        ([], 2),
        (["--tensor-parallel-size=4", "--pipeline_parallel_size=2"], 8),
        (["--data-parallel-size=2"], None),
        (["--quantization=fp8"], None),
    ],
)
def test_the_split_is_the_options_or_all_accelerators(args: list[str], split: int | None) -> None:
    spec = {"resources": {"limits": {"nvidia.com/gpu": 2, "memory": "9Gi"}}, "engine": {"args": args}}
    assert plugin.split_of(spec, plugin.options_of(spec)) == split


def test_memory_is_the_largest_fitting_accelerators_as_labels_say_it() -> None:
    def node(name: str, count: str, **labels: str) -> dict[str, Any]:
        named = {label.replace("_", "/"): value for label, value in labels.items()}
        return {"metadata": {"name": name, "labels": named}, "status": {"allocatable": {"nvidia.com/gpu": count}}}

    small, large = (
        node("a", "8", **{"nvidia.com_gpu.memory": "24576"}),
        node("b", "1", **{"nvidia.com_gpu.memory": "81920"}),
    )
    assert plugin.place_on_accelerators([small, large], {"nvidia.com/gpu": 1}).memory == 80 * GIB
    assert plugin.place_on_accelerators([small, large], {"nvidia.com/gpu": 2}).memory == 24 * GIB
    assert plugin.place_on_accelerators([small, large], {"nvidia.com/gpu": 9}).memory == 0
    assert plugin.place_on_accelerators([node("c", "1")], {"nvidia.com/gpu": 1}).memory is None
    assert plugin.chosen_nodes([small, large], {"scheduling": {"nodeSelector": {"zone": "x"}}}) == []


def test_without_accelerators_the_servers_own_memory_counts() -> None:
    assert plugin.place_on_cpu({"resources": {"limits": {"memory": "8Gi"}}}, None).memory == 8 * GIB
    assert plugin.share_of({}, {}) == 1.0
    assert plugin.share_of(ONE, {"gpu-memory-utilization": "0.5"}) == 0.5
