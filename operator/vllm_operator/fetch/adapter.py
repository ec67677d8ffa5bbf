"""Whether a fetched LoRA adapter can be served, as far as its files say: before an accelerator is taken for it.

Reads adapter_config.json as PEFT writes it, the heads of adapter_model.safetensors, and the model's config.json. Each may be
anything. What these do not say is left to vLLM.
"""

import json
import os
from collections.abc import Iterator
from typing import Any

from vllm_operator.fetch import failures, settings

CONFIG, WEIGHTS, MODEL_CONFIG = "adapter_config.json", "adapter_model.safetensors", "config.json"
LARGEST = 4 << 20
"""In bytes: the largest configuration, or head of weights, that is read."""
RANKS = (8, 16, 32, 64, 128, 256, 320, 512)
"""The largest ranks that vLLM 0.32 can be given, from 8 on."""
FROM_HIDDEN = ".q_proj.lora_A.weight"
"""The end of the names of tensors that take what the model's layers hold: their second dimension is in its configuration."""


def check(source: settings.Source, model: settings.Source | None) -> None:
    """Raise `failures.Failure` where the adapter of `source`, if it is one, cannot be served; `model`: where its base lies."""
    if not source.adapter:
        return
    config = _json(_read(source.into, CONFIG))
    if not isinstance(config, dict) or not _is_count(config.get("r")):
        told = f"{source.shown} holds no {CONFIG} with a rank, as LoRA adapters have"
        raise _rejected(source, told, "correct its source")
    _check_rank(source, _rank(config))
    _check_base(source, model)


def _check_rank(source: settings.Source, rank: int) -> None:
    if not source.max_rank or rank <= source.max_rank:
        return
    room = next((one for one in RANKS if one >= rank), None)
    remedy = f"write --max-lora-rank={room} into spec.engine.args" if room else f"vLLM serves {RANKS[-1]} at most"
    raise _rejected(source, f"it has the rank {rank}, and the engine has room for {source.max_rank}", remedy)


def _check_base(source: settings.Source, model: settings.Source | None) -> None:
    """Raise where no layer of the model is as wide as those that the adapter was made for."""
    widths = set(_widths(_head(source.into))) if model else set()
    known = set(_numbers(_json(_read(model.into, MODEL_CONFIG)))) if model else set()
    if widths and known and not widths & known:
        listed = ", ".join(map(str, sorted(widths)[:3]))
        told = f"it was made for another model, with layers of {listed}"
        raise _rejected(source, told, "name an adapter of this model")


def _rejected(source: settings.Source, why: str, remedy: str) -> failures.Failure:
    return failures.Failure(failures.ADAPTER_REJECTED, f"The adapter {failures.shown(source.adapter)}: {why}", remedy)


def _rank(config: dict[str, Any]) -> int:
    """Return the largest rank of any layer."""
    pattern = config.get("rank_pattern")
    others = pattern.values() if isinstance(pattern, dict) else ()
    ranks: list[int] = [config["r"], *filter(_is_count, others)]
    return max(ranks)


def _widths(head: Any) -> Iterator[int]:
    for name, tensor in head.items() if isinstance(head, dict) else ():
        shape = tensor.get("shape") if isinstance(tensor, dict) else None
        if name.endswith(FROM_HIDDEN) and isinstance(shape, list) and len(shape) > 1 and _is_count(shape[1]):
            yield shape[1]


def _numbers(config: Any) -> Iterator[int]:
    """Yield every number of a configuration, however deep."""
    waiting = [config]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict | list):
            waiting.extend(one.values() if isinstance(one, dict) else one)
        elif _is_count(one):
            yield one


def _head(directory: str) -> Any:
    """Return what the file of weights says of its tensors; None where it says nothing."""
    length = int.from_bytes(_read(directory, WEIGHTS, 8), "little")
    return _json(_read(directory, WEIGHTS, 8 + length)[8:]) if 0 < length <= LARGEST else None


def _read(directory: str, name: str, most: int = LARGEST) -> bytes:
    """Return the beginning of a file, nothing where none can be read; no symbolic link is followed."""
    try:
        with open(os.open(f"{directory}/{name}", os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb") as file:  # noqa: PTH123
            return file.read(most)
    except OSError:
        return b""


def _json(text: bytes) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_count(value: Any) -> bool:
    return type(value) is int and value > 0
