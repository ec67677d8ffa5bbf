"""What vLLM, torch and its other parts say -> what an admin is told: the rows that test_causes.py does not have.

`RECORDED`: printed by real vLLM 0.32 on CPUs. `QUOTED`: as the sources of vLLM 0.29 to 0.33, or torch, print it: for
accelerators, which these tests have not.
"""

import re
import time

import pytest

from tests.unit.engine import test_adapter_causes, test_causes, test_recorded_logs
from vllm_operator.engine import cause_rows, causes
from vllm_operator.probes import inquiries

SECONDS = 2.0
GENERAL = test_causes.GENERAL
VALUE = test_causes.value_error
ALLOCATION = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which"
LOADING = 'File "/x/gpu_model_runner.py", line 5050, in load_model\n    self.model = loader.load_model(\n'

ENDED_BY_SIGNALS = {
    said.format(number): f"KilledBySignal: its process {name} was ended by the signal {number}: {remedy}"
    for said, name in (
        ("RuntimeError: Worker proc VllmWorker-0 died unexpectedly (exit code: -{})", "VllmWorker-0"),
        (
            "RuntimeError: Engine core initialization failed. Failed core proc(s): {{'EngineCore_DP0': -{}}}",
            "EngineCore_DP0",
        ),
    )
    for number, remedy in (
        (9, "mostly for memory, so raise spec.resources.limits.memory"),
        (4, "choose a spec.engine.image for the node's processor"),
        (7, "mostly /dev/shm is full"),
        (11, "see the log"),
    )
}
RECORDED = {
    VALUE("Value error, max_num_batched_tokens (32) is smaller than max_model_len (64). This effectively limits"):
        "BadOption: --max-num-batched-tokens=32 is less than the context of 64",
    VALUE("Value error, Quantization method specified in the model config (gptq) does not match the quantization "
    "method specified "
          "in the `quantization` argument (awq)."): "BadOption: the weights are quantized by gptq, and --quantization says awq",
    VALUE("Value error, Unknown quantization method: nosuch. Must be one of ['awq', ..."):
        "BadOption: vLLM knows no quantization nosuch",
    VALUE("Value error, Cannot find the config file for awq"): "BadOption: the weights are not quantized by awq",
    f"ValueError: Load format `nosuch` is not supported{GENERAL}": "BadOption: vLLM knows no load format nosuch",
    "KeyError: 'invalid tool call parser: nosuch (chose from { apertus,cohere_command3,... })'":
        "BadOption: vLLM knows no tool call parser nosuch",
    "VLLMValidationError: The supplied chat template string (/nosuch.jinja) appears path-like, but doesn't exist! Tried: ...":
        "BadOption: the chat template /nosuch.jinja does not exist: bring it by spec.engine.files",
    VALUE("Value error, invalid literal for int() with base 10: 'half'"):
        "BadOption: a variable or an option has the value half, which is no whole number",
    "OSError: [Errno 98] Address already in use": "PortInUse: another process in the pod has vLLM's port",
    "OSError: You are trying to access a gated repo.\nMake sure to have access to it at https://huggingface.co/org/gated.":
        "SourceGated: the model is gated: ask for access",
    "Client error '401 Unauthorized' for url 'http://HUB/x'\nInvalid credentials in Authorization header":
        "SourceUnauthorized: the hub does not accept the token",
    "OSError: v9 is not a valid git identifier (branch name, tag name or commit id) that exists for this model name.":
        "RevisionNotFound: the repository has no such revision: correct what follows the @",
    "OSError: We couldn't connect to 'http://HUB' to load the files, and couldn't find them in the cached files.\nCheck your":
        "SourceUnreachable: vLLM cannot reach the source of the weights",
    "botocore.errorfactory.NoSuchBucket: An error occurred (NoSuchBucket) when calling the ListObjectsV2 operation":
        "SourceNotFound: there is no such bucket",
    "ModuleNotFoundError: No module named 'runai_model_streamer'": "UnsupportedModel: the image cannot stream weights",
    "OverflowError: cannot fit 'int' into an index-sized integer": "SourceBroken: a file of the weights is damaged",
    "OSError: It looks like the config file at '/models/x/config.json' is not a valid JSON file.":
        "SourceBroken: a file of the weights is damaged",
}  # fmt: skip

QUOTED = {
    f"{ALLOCATION} 1.20 GiB is free.{GENERAL}":
        "OutOfMemory: the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen",
    f"{LOADING}{ALLOCATION} 1.20 GiB is free.{GENERAL}":
        "OutOfMemory: the weights do not fit into the accelerator's memory of 23.65 GiB: ask for more accelerators",
    "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering":
        "OutOfMemory: the accelerator's memory is too small for 1024 requests at once: lower --max-num-seqs",
    "ValueError: Free memory on device cuda:0 (1.2/79.1 GiB) on startup is less than desired GPU memory utilization (0.92, 72.8 "
    "GiB). Decrease": "OutOfMemory: the accelerator has 1.2 of 79.1 GiB free, and vLLM wants 72.8 GiB",
    "ValueError: Available memory on node 0 (10.1/31.2 GiB) on startup is less than desired CPU memory "
    "utilization (0.92, 28.7 GiB).":
        "OutOfMemory: vLLM wants 28.7 GiB of memory, and 10.1 GiB are free: set VLLM_CPU_KVCACHE_SPACE",
    "ValueError: Available memory on node 0 (1.1/31.2 GiB) on kv cache allocation is less than requested memory for kv (7.2/9.1 "
    "GiB). Reduce": "OutOfMemory: the KV cache of 7.2 GiB is more than the 1.1 GiB that are free",
    "ValueError: The worker already uses 4.0 GiB (model weights and runtime), more than the 3.1 GiB of CPU memory reserved":
        "CacheTooSmall: the weights take 4.0 GiB of the 3.1 GiB that are reserved",
    "ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is "
    "needed, which is larger "
    "than the available KV cache memory (0.4 GiB). Try increasing": "CacheTooSmall: the KV cache has 0.4 GiB, and one request of "
    "131072 tokens needs 16.0 GiB: lower spec.engine.maxModelLen",
    "MemoryError": "OutOfMemory: vllm needs more memory than its limit: raise spec.resources.limits.memory",
    "RuntimeError: unable to mmap 1024 bytes from file </torch_1>: shared memory": "SharedMemoryTooSmall: /dev/shm is too small",
    VALUE("Value error, Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 "
    "GPU has compute "
          "capability 7.5."): "AcceleratorTooOld: Tesla T4 does not know bfloat16: set --dtype=half",
    VALUE("Value error, The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. Current "
          "capability: 80."): "AcceleratorTooOld: the accelerator is too old for weights quantized by fp8",
    "RuntimeError: CUDA error: no kernel image is available for execution on the device":
        "AcceleratorTooOld: the image has no code",
    "RuntimeError: The NVIDIA driver on your system is too old (found version 12020).": "AcceleratorNotUsable: the node's driver",
    "RuntimeError: Failed to infer device type, please set the environment variable": "AcceleratorNotUsable: vLLM finds no",
    "RuntimeError: No CUDA GPUs are available": "AcceleratorNotUsable: vLLM finds no accelerator in its container",
    "torch.AcceleratorError: CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be":
        "AcceleratorFailed: the accelerator failed (an illegal memory access was encountered)",
    "torch.distributed.DistBackendError: NCCL error in: /pytorch/x.cpp:317, unhandled system error, NCCL version 2.27":
        "AcceleratorFailed: the accelerators of the server cannot speak with each other (NCCL: unhandled system error)",
    VALUE("Value error, Model architectures ['XForCausalLM'] failed to be inspected. Please check the logs for more details."):
        "UnsupportedModel: this vLLM cannot load its code for the architecture 'XForCausalLM'",
    "KeyError: \"Reasoning parser 'nosuch' not found. Available parsers: deepseek_r1\"":
        "BadOption: vLLM knows no reasoning parser nosuch",
    "ValueError: GraniteMoe does not support LoRA yet.":
        "AdapterRejected: vLLM serves no adapters for the architecture GraniteMoe",
    "OSError: [Errno 28] No space left on device: '/home/vllm/.cache/x'": "DiskFull: a volume of the pod is full",
    "OSError: [Errno 28] No space left on device: '/psm_12ab'": "SharedMemoryTooSmall: /dev/shm is full",
    **ENDED_BY_SIGNALS,
    "TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight loading for large "
    "models. Waited 600s": "StartTimedOut: the engine did not start within vLLM's own 600 s",
    'failed to create containerd task: OCI runtime create failed: exec: "vllm": executable file not found in $PATH':
        "NotAnEngine: the image holds no command vllm",
    "exec /usr/bin/vllm: exec format error": "NotAnEngine: the image is made for another processor",
}  # fmt: skip


@pytest.mark.parametrize(("text", "says"), {**RECORDED, **QUOTED}.items())
def test_what_was_said_is_told_as_what_to_fix(text: str, says: str) -> None:
    for told in (causes.cause(text), causes.of_log(text)):
        assert told
        assert f"{told.reason}: {told.message}".startswith(says)


def everything() -> list[str]:
    logs = [test_recorded_logs.read(log.name) for log in test_recorded_logs.LOGS]
    return [*RECORDED, *QUOTED, *test_causes.RECORDED, *test_adapter_causes.RECORDED, *logs]


@pytest.mark.parametrize("row", cause_rows.CAUSES, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_every_row_was_taken_from_an_output(row: cause_rows.Row) -> None:
    assert any(re.search(row.pattern, text) for text in everything())


@pytest.mark.parametrize("row", cause_rows.CAUSES, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_every_row_ends_with_what_to_do(row: cause_rows.Row) -> None:
    said, colon, remedy = row.message.rpartition(": ")
    assert said
    assert colon
    assert remedy.split()[0] in {"choose", "correct", "set", "lower", "raise", "ask", "change", "leave", "update", "drain", "see",
                                 "bring", "let", "fetch", "mostly", "give", "if"}  # fmt: skip


OTHERS = [
    '/x.cu(12): error: argument of type "const half *" is incompatible with parameter of type "float *"',
    "ImportError: /lib/libgomp.so.1: cannot allocate memory in static TLS block",
]


@pytest.mark.parametrize("words", OTHERS)
def test_words_that_only_look_like_a_cause_are_told_as_they_are(words: str) -> None:
    assert causes.cause(words) == ("EngineFailed", words)


def test_an_error_that_was_survived_is_not_the_cause_of_a_kill() -> None:
    """A cache that may not be written is no reason to end."""
    survived = "PermissionError: [Errno 13] Permission denied: '/home/vllm/.cache/flashinfer'"
    told = causes.cause(f"{survived}\n{next(iter(ENDED_BY_SIGNALS))}")
    assert told
    assert told.reason == "KilledBySignal"


@pytest.mark.parametrize("row", cause_rows.OF_SERVERS, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_of_a_server_that_served_a_row_tells_numbers_and_fixed_words_alone(row: cause_rows.Row) -> None:
    """Their words may stand in the text of a client, and what is around them too."""
    groups = re.findall(r"[(](?![?])([^)]*)[)]", row.pattern.replace("\\(", "").replace("\\)", ""))
    assert not any(wide in group for group in groups for wide in (".+", ".*", r"\S", r"\w", "[^"))


@pytest.mark.parametrize(
    "piece",
    [", in load_model ", "Worker proc a ", "validation error for A\nb\n", "(A pid=1) ", "'a', ", "[", "(" * 50, "x" * 99,
     "unrecognized arguments: ", "error: argument ", "NCCL error ", "Worker failed with ", "add_lora method failed: "],
)  # fmt: skip
def test_no_log_takes_long(piece: str) -> None:
    """Whoever chooses an image writes the log: hostile ones are read in bounded time."""
    begun = time.process_time()
    causes.of_log((piece * 200_000)[: inquiries.BYTES])
    assert time.process_time() - begun < SECONDS
