"""LoRA adapters of the tiny OPT, written as PEFT writes them; each changes what the model says."""

import array
import json
import random

RANK, WIDTH, LAYERS = 8, 64, 2


def files(width: int = WIDTH, rank: int = RANK) -> dict[str, bytes]:
    """Return the files of an adapter whose layers are so wide."""
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 64, "target_modules": ["q_proj", "v_proj"], "bias": "none"}
    return {"adapter_config.json": json.dumps(config).encode(), "adapter_model.safetensors": _weights(width, rank)}


def _weights(width: int, rank: int) -> bytes:
    chance = random.Random(0)  # noqa: S311 - the same numbers each time
    names = (
        f"base_model.model.model.decoder.layers.{layer}.self_attn.{name}.lora_{side}.weight"
        for layer in range(LAYERS)
        for name in ("q_proj", "v_proj")
        for side in "AB"
    )
    size, head, numbers = 4 * width * rank, {}, array.array("f")
    for at, name in enumerate(names):
        shape = [rank, width] if ".lora_A." in name else [width, rank]
        head[name] = {"dtype": "F32", "shape": shape, "data_offsets": [at * size, (at + 1) * size]}
        numbers.extend(chance.gauss() for _ in range(width * rank))
    text = json.dumps(head).encode()
    return len(text).to_bytes(8, "little") + text + numbers.tobytes()
