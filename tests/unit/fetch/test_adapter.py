"""An adapter that the engine could not serve is refused by name once it is fetched, before an accelerator is taken."""

import json
import pathlib
from typing import Any

import pytest

from tests import fetching, lora
from vllm_operator.fetch import adapter, failures, fetcher, http_client, settings

LAYER = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.fixture
def base(tmp_path: pathlib.Path) -> settings.Source:
    return written(tmp_path / "model", "config.json", {"text_config": {"hidden_size": 64}, "layers": [1, 2]})


def written(folder: pathlib.Path, name: str, content: Any) -> settings.Source:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(json.dumps(content))
    return settings.source("hf://org/x", str(folder))._replace(
        adapter="" if name == "config.json" else "team/x", max_rank=64
    )


def adapted(folder: pathlib.Path, width: int = 64, **config: Any) -> settings.Source:
    """Return an adapter as PEFT writes one, without the numbers in it."""
    head = json.dumps(
        {f"{LAYER}.lora_A.weight": {"dtype": "F32", "shape": [8, width], "data_offsets": [0, 0]}}
    ).encode()
    found = written(folder / "adapter", adapter.CONFIG, {"peft_type": "LORA", "r": 8, **config})
    (folder / "adapter" / adapter.WEIGHTS).write_bytes(len(head).to_bytes(8, "little") + head)
    return found


def refusal(source: settings.Source, model: settings.Source | None) -> str:
    with pytest.raises(failures.Failure) as raised:
        adapter.check(source, model)
    assert raised.value.reason == "AdapterRejected"
    assert "team/x" in raised.value.message
    return raised.value.message


def test_a_fitting_adapter_passes_and_a_model_is_not_looked_at(tmp_path: pathlib.Path, base: settings.Source) -> None:
    adapter.check(adapted(tmp_path), base)
    adapter.check(adapted(tmp_path, width=128), None)
    adapter.check(base, base)


@pytest.mark.parametrize("config", [{"r": 128}, {"rank_pattern": {"q_proj": 100}}])
def test_a_rank_that_is_too_large_is_named_with_what_to_write(tmp_path: pathlib.Path, config: dict[str, Any]) -> None:
    assert "write --max-lora-rank=128 into" in refusal(adapted(tmp_path, **config), None)
    adapter.check(adapted(tmp_path, **config)._replace(max_rank=128), None)
    adapter.check(adapted(tmp_path, **config)._replace(max_rank=0), None)


def test_a_rank_that_vllm_never_serves_is_named(tmp_path: pathlib.Path) -> None:
    assert "vLLM serves 512 at most" in refusal(adapted(tmp_path, r=1024), None)


def test_an_adapter_of_another_base_is_named(tmp_path: pathlib.Path, base: settings.Source) -> None:
    assert "another model, with layers of 128" in refusal(adapted(tmp_path, width=128), base)


@pytest.mark.parametrize("config", ["", "{", "[]", '{"r": true}', '{"r": -1}', "[" * 99_999])
def test_what_is_no_adapter_is_named(tmp_path: pathlib.Path, config: str) -> None:
    found = adapted(tmp_path)
    (tmp_path / "adapter" / adapter.CONFIG).write_text(config)
    assert "holds no adapter_config.json" in refusal(found, None)


@pytest.mark.parametrize(
    "head", [b"", b"\0" * 8, b"\xff" * 99, b"\2" + b"\0" * 7 + b"[]", (9).to_bytes(8, "little") + b'{"a":"b"}']
)
def test_weights_that_say_nothing_are_left_to_vllm(tmp_path: pathlib.Path, base: settings.Source, head: bytes) -> None:
    found = adapted(tmp_path)
    (tmp_path / "adapter" / adapter.WEIGHTS).write_bytes(head)
    adapter.check(found, base)


async def test_the_fetcher_ends_by_an_adapter_that_cannot_be_served(rig: fetching.Rig) -> None:
    for name, content in lora.files(rank=128).items():
        rig.put(name, content, "org/lora")
    sources = [{"source": fetching.SOURCE, "into": str(rig.into)},
               {"source": "hf://org/lora", "into": f"{rig.into}-lora", "adapter": "team/x", "maxRank": 64}]  # fmt: skip
    told = settings.read(
        {
            "FETCH_SOURCES": json.dumps(sources),
            "FETCH_ENDPOINTS": json.dumps({"hf": rig.hub.url}),
            "HF_TOKEN": "hf_good",
        }
    )
    async with http_client.Client() as client:
        with pytest.raises(failures.Failure, match="AdapterRejected: The adapter team/x: it has the rank 128"):
            await fetcher.Fetcher(told, client, rig.state, rig.hurried.clock).all()
    assert rig.whole
