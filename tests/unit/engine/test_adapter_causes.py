"""What vLLM 0.32 said of LoRA adapters before it ended, recorded at the paths that the operator gives -> what is told."""

import pytest

from vllm_operator.engine import causes
from vllm_operator.engine.causes import Cause

FAILED = "ValueError: Call to add_lora method failed: Worker failed with error '"
ROOT = "', please check the stack trace above for the root cause"
NAMED = "the adapter team/x"
SIZES = "The size of tensor a (64) must match the size of tensor b (128) at non-singleton dimension 1"
MODULES = "{'v_proj', 'fc1', 'out_proj', 'k_proj', 'fc2', 'q_proj'}"
CORRECT = ": correct spec.model.adapters"
RECORDED = {
    f"{FAILED}LoRA rank 128 is greater than max_lora_rank 64.{ROOT}":
        f"{NAMED} has the rank 128, and the engine has room for 64: raise --max-lora-rank in spec.engine.args",
    f"{FAILED}{SIZES}{ROOT}":
        f"{NAMED} was made for another model ({SIZES}){CORRECT}",
    f"{FAILED}While loading /adapters/team%2Fx, expected target modules in {MODULES} but received "
    f"['model.decoder.layers.0.self_attn.foo_proj', 'model.decoder.layers.1.self_attn.foo_proj']. Please verify that the loaded "
    f"LoRA module is correct{ROOT}":
        f"{NAMED} was made for another model, as these weights have no model.decoder.layers.0.self_attn.foo_proj{CORRECT}",
    "ValueError: Loading lora team/x failed: No adapter found for /adapters/team%2Fx":
        f"the source of the adapter team/x holds no adapter_config.json{CORRECT}",
    "ValueError: The lora adapter 'team/x' conflicts with a served base model.":
        f"{NAMED} is named like the model: give it another name",
    f"{FAILED}Adapter bias is not supported.{ROOT}":
        f"vLLM refuses {NAMED}: Adapter bias is not supported{CORRECT}",
    f"{FAILED}/adapters/team%2Fx doesn't contain tensors{ROOT}":
        f"vLLM refuses {NAMED}: /adapters/team/x doesn't contain tensors{CORRECT}",
    f"{FAILED}Error while deserializing header: invalid header length{ROOT}":
        f"vLLM refuses {NAMED}: Error while deserializing header: invalid header length{CORRECT}",
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), RECORDED.items())
def test_an_adapter_that_vllm_refuses_is_named(text: str, message: str) -> None:
    assert causes.cause(text, ("team/x",)) == Cause("AdapterRejected", message)


@pytest.mark.parametrize(("names", "told"), [((), "an adapter has"), (("a", "b"), "one of the adapters a, b has")])
def test_where_vllm_does_not_say_which_adapter_all_are_named(names: tuple[str, ...], told: str) -> None:
    found = causes.cause(next(iter(RECORDED)), names)
    assert found
    assert found.message.startswith(told)
