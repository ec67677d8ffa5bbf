"""What vLLM 0.32 said before it ended -> what an admin is told. Each text was recorded; `...` in the middle of one was cut here.

Where an engine process fails, the general last line follows. A termination message is the end of a log, so it begins anywhere.
"""

import time

import pytest

from vllm_operator.engine import causes, log_lines
from vllm_operator.engine.causes import Cause

PYDANTIC = "\n    For further information visit https://errors.pydantic.dev/2.14/v/value_error"
GENERAL = "\nRuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {}"
BAD = "vLLM refuses an option: "
CORRECT = ": correct spec.engine.args"
NEWER = "choose other weights, or a newer spec.engine.image"
WHERE = "the weights are not where spec.model.source says"
NOWHERE = f"{WHERE}: correct it, or put them there"
BROKEN = "a file of the weights is damaged or cut short: fetch or copy the weights again"
UNSEEN = f"{WHERE}, or the pod's user may not enter their directory: correct the one or the other"


def value_error(sentence: str) -> str:
    """Return what is printed where vLLM's own check of its configuration fails."""
    inputs = " [type=value_error, input_value=ArgsKwargs((), {'model': ...}), input_type=ArgsKwargs]"
    return f"pydantic_core._pydantic_core.ValidationError: 1 validation error for ModelConfig\n  {sentence}{inputs}{PYDANTIC}"


OPTIONS = {
    "vllm: error: unrecognized arguments: --no-such-option 1":
        Cause("UnknownOption", f"vLLM does not know the option --no-such-option 1{CORRECT}"),
    "vllm: error: unrecognized arguments: --max-num-queued-reqs=1024 --shutdown-timeout=30":
        Cause("EngineTooOld",
              "this vLLM is older than 0.29 and does not know --shutdown-timeout: choose a newer spec.engine.image"),
    "vllm serve: error: argument --max-num-batched-tokens: invalid human_readable_int value: 'abc'":
        Cause("BadOption", f"{BAD}--max-num-batched-tokens: invalid human_readable_int value: 'abc'{CORRECT}"),
    "vllm serve: error: argument --dtype: invalid choice: 'float9' (choose from 'auto', 'bfloat16', 'float')":
        Cause("BadOption", f"{BAD}--dtype: invalid choice: 'float9' (choose from 'auto', 'bfloat16', 'float'){CORRECT}"),
    "vllm serve: error: argument --max-lora-rank: invalid choice: 7 (choose from 1, 8, 16, 32, 64, 128, 256, 320, 512)":
        Cause("BadOption",
              f"{BAD}--max-lora-rank: invalid choice: 7 (choose from 1, 8, 16, 32, 64, 128, 256, 320, 512){CORRECT}"),
    "pydantic_core._pydantic_core.ValidationError: 1 validation error for CacheConfig\ngpu_memory_utilization\n"
    "  Input should be less than or equal to 1 [type=less_than_equal, input_value=7.0, input_type=float]\n"
    "    For further information visit https://errors.pydantic.dev/2.14/v/less_than_equal":
        Cause("BadOption", f"{BAD}gpu_memory_utilization: Input should be less than or equal to 1{CORRECT}"),
}  # fmt: skip

RESOURCES = {
    value_error("Value error, Total number of attention heads (2) must be divisible by tensor parallel size (3)."):
        Cause("BadOption",
              "2 attention heads cannot be split among 3 accelerators: change spec.resources, or set --tensor-parallel-size"),
    value_error("Value error, User-specified max_model_len (8192) is greater than the derived max_model_len "
                "(max_position_embeddings=4096.0 or model_max_length=None in model's config.json). To allow overriding this "
                "maximum, set the env var VLLM_ALLOW_LONG_MAX_MODEL_LEN=1. ..."):
        Cause("ContextTooLong",
              "spec.engine.maxModelLen 8192 is more than the 4096 that the weights declare: lower it, or set allowLongContext"),
    "ValueError: To serve at least one request with the model's max seq len (8000000), (3.81 GiB KV cache is needed, which is "
    "larger than the available KV cache memory (1.0 GiB). Based on the available memory, the estimated maximum model length is "
    "2097024. Try increasing ..." + GENERAL:
        Cause("CacheTooSmall",
              "the memory for the KV cache is too small for this context: set spec.engine.maxModelLen to 2097024 or less"),
    "ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization` when initializing the "
    "engine (...)" + GENERAL:
        Cause("CacheTooSmall",
              "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    "RuntimeError: Worker failed with error 'Available memory on node 0 (15.32/22.59 GiB) on kv cache allocation is less than "
    "requested memory for kv (400.0 GiB). Decrease --kv-cache-memory-bytes, VLLM_CPU_KVCACHE_SPACE, or reduce CPU memory used "
    "by other processes.'" + GENERAL:
        Cause("OutOfMemory",
              "the KV cache of 400.0 GiB is more than the 15.32 GiB that are free: lower VLLM_CPU_KVCACHE_SPACE"),
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB" + GENERAL:
        Cause("OutOfMemory", "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
    "RuntimeError: Insufficient space in /dev/shm for shared-memory allocation: 160 MiB required, 64 MiB free. Increase "
    "/dev/shm (e.g. --shm-size or --ipc=host)." + GENERAL:
        Cause("SharedMemoryTooSmall",
              "/dev/shm has 64 MiB free and vLLM needs 160 MiB: raise spec.resources.limits.memory, to which it counts"),
}  # fmt: skip

WEIGHTS = {
    value_error("Value error, The repository /models/a/b contains custom code which must be executed to correctly load the "
                "model. You can inspect the repository content at /models/a/b .\n You can inspect the repository content at "
                "https://hf.co//models/a/b.\nPlease pass the argument `trust_remote_code=True` to allow custom code to be run."):
        Cause("RemoteCodeNotTrusted",
              "the weights bring code that has to run: set spec.engine.trustRemoteCode, which the chart's allow.remoteCode must "
              "allow"),
    value_error("Value error, Model architectures ['FooBarForCausalLM'] are not supported for now. Supported architectures: "
                "dict_keys(['AfmoeForCausalLM', 'ZambaForCausalLM'])"):
        Cause("UnsupportedModel", f"this vLLM does not serve the architecture 'FooBarForCausalLM': {NEWER}"),
    "rCausalLM', 'Zamba2ForCausalLM', 'TransformersForCausalLM', 'TransformersMoEForCausalLM']) [type=value_error, "
    f"input_value=ArgsKwargs((), {{'model': ...}}), input_type=ArgsKwargs]{PYDANTIC}":
        Cause("UnsupportedModel", f"this vLLM does not serve the architecture of the weights: {NEWER}"),
    value_error("Value error, The checkpoint you are trying to load has model type `foobar` but Transformers does not recognize "
                "this architecture. This could be because of an issue with the checkpoint, or because your version of "
                "Transformers is out of date."):
        Cause("UnsupportedModel", f"this vLLM does not know the model type foobar: {NEWER}"),
    value_error("Value error, Invalid repository ID or local directory specified: 'org/noconfig'.\nPlease verify the following "
                "requirements:\n1. Provide a valid Hugging Face repository ID."): Cause("SourceNotFound", NOWHERE),
    "OSError: Repo id must be in the form 'repo_name' or 'namespace/repo_name': '/models/nosuch'. Use `repo_type` argument if "
    "needed.": Cause("SourceNotFound", UNSEEN),
    "huggingface_hub.errors.RepositoryNotFoundError: 404 Client Error.\nOSError: org/missing is not a local folder and is not a "
    "valid model identifier listed on 'https://huggingface.co/models'\nIf this is a private repository, make sure to pass a "
    "token": Cause("SourceNotFound", NOWHERE),
    "RuntimeError: Cannot find any model weights with `org/noweights`" + GENERAL:
        Cause("SourceNotFound", "the source's directory holds no weights: correct spec.model.source"),
    "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: header too large" + GENERAL:
        Cause("SourceBroken", BROKEN),
    "safetensors._safetensors_rust.SafetensorError: Error while deserializing header: incomplete metadata, file not fully "
    "covered" + GENERAL: Cause("SourceBroken", BROKEN),
}  # fmt: skip

AS_SAID = (
    "ValueError: Invalid data-parallel launch options: `--nnodes 2` must evenly divide the total world size (3). Adjust ...",
    "FileNotFoundError: [Errno 2] No such file or directory: '/nosuch.yaml'",
    "yaml.parser.ParserError: while parsing a flow sequence",
)
"""What no row of the table knows is told as vLLM said it."""

AROUND = {
    "while parsing a flow": '\n  in "/x.yaml", line 1, column 4',
}
"""What followed some of them."""


def _recorded(sentence: str) -> str:
    if sentence.startswith("Value error"):
        return value_error(sentence)
    return sentence + next((after for part, after in AROUND.items() if part in sentence), GENERAL)


SAID = {_recorded(sentence): Cause(causes.UNKNOWN, sentence) for sentence in AS_SAID}
RECORDED = {**OPTIONS, **RESOURCES, **WEIGHTS, **SAID}
PROCESSES = ("(APIServer pid=1) ", "(EngineCore pid=88) ERROR 11-23 18:12:33 [core.py:953] ")


@pytest.mark.parametrize(("text", "cause"), RECORDED.items())
def test_what_vllm_said_is_told_as_what_to_fix(text: str, cause: Cause) -> None:
    assert causes.cause(text) == cause


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize(("text", "cause"), RECORDED.items())
def test_whichever_process_said_it_the_cause_is_the_same(text: str, cause: Cause, process: str) -> None:
    """Each line begins with the process that wrote it, and the API server's general last line follows."""
    lines = "\n".join(process + line for line in text.splitlines())
    assert causes.cause(f"{lines}\n(APIServer pid=1) {GENERAL.strip()}") == cause


TRACEBACK = """\
Traceback (most recent call last):
  File "/opt/vllm/v1/engine/core.py", line 902, in run_engine_core
    engine_core = EngineCoreProc(*args, **kwargs)
                  ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
    raise RuntimeError(
ValueError: some words

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "/opt/vllm/entrypoints/cli/main.py", line 73, in main
    raise RuntimeError("
https://docs.vllm.ai/usage/troubleshooting
RuntimeError: Engine core initialization failed. See root cause above. Failed core proc(s): {'EngineCore': 1}"""


def test_neither_code_nor_an_address_nor_the_general_line_is_the_message() -> None:
    assert causes.cause(TRACEBACK) == Cause("EngineFailed", "ValueError: some words")


def test_a_line_that_names_no_error_is_told_where_there_is_no_other() -> None:
    harmless = "Found ulimit of 1024 and failed to automatically increase with error OSError(1)"
    assert causes.cause(f"{harmless}\nKilled by the watchdog\n    raise RuntimeError(") == (
        "EngineFailed",
        "Killed by the watchdog",
    )


@pytest.mark.parametrize(
    "last", ["https://docs.vllm.ai/usage", "For more information check: https://docs.vllm.ai", "", "~~~^^^"]
)
def test_an_address_is_not_the_message(last: str) -> None:
    assert causes.cause(f"Killed by the watchdog\n{last}") == ("EngineFailed", "Killed by the watchdog")
    assert causes.cause(f"ValueError: no\n{last}") == ("EngineFailed", "ValueError: no")


PLACES = {
    "OSError: Can't load x for 'y'. If you were trying to load it from 'https://huggingface.co/models', make sure":
        "OSError: Can't load x for 'y'. If you were trying to load it from huggingface.co, make sure",
    "ValueError: see (https://docs.example/a?b=c) for more": "ValueError: see (docs.example) for more",
    'RuntimeError: x INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/x.cpp":1016, please report': "RuntimeError: x INTERNAL ASSERT "
        "FAILED, please report",
    '/tmp/a/x.cu(12): error: argument of type "half"': 'error: argument of type "half"',
    "ValueError: no such thing in /opt/vllm/a/b.py:12": "ValueError: no such thing",
    'ValueError: no such thing File "/opt/a.py", line 12, in load': "ValueError: no such thing",
}  # fmt: skip


@pytest.mark.parametrize(("line", "told"), PLACES.items())
def test_of_what_nobody_knows_neither_an_address_nor_a_place_in_a_source_is_told(line: str, told: str) -> None:
    assert causes.cause(line) == ("EngineFailed", told)


SURVIVED = ("ModuleNotFoundError: No module named 'x'", "OSError: [Errno 30] Read-only file system: '/srv/cache/x'")


@pytest.mark.parametrize("survived", SURVIVED)
def test_what_vllm_does_without_is_no_cause_where_something_else_ended_it(survived: str) -> None:
    assert causes.cause(f"ERROR Failed to load plugin\n{survived}\nValueError: something else") == (
        "EngineFailed",
        "ValueError: something else",
    )
    found = causes.cause(survived)
    assert found
    assert found.is_known


@pytest.mark.parametrize("piece", ["/a", "a/", "https://", "'https://a@", "x/y.py", "x.c:1", "/."])
def test_hostile_places_take_no_time(piece: str) -> None:
    begun = time.process_time()
    causes.cause(f"ValueError: {piece * log_lines.LONGEST}")
    assert time.process_time() - begun < 1


@pytest.mark.parametrize(
    "text", ["", "\n  \n", 'Traceback (most recent call last):\n  File "x.py"\n    raise X(', GENERAL]
)
def test_where_nothing_is_said_nothing_is_told(text: str) -> None:
    assert causes.cause(text) is None


def test_a_long_sentence_is_cut_between_two_words() -> None:
    told = causes.cause(f"ValueError: {'many words ' * 100}")
    assert told
    assert causes.LONGEST - 10 < len(told.message) <= causes.LONGEST
    assert told.message.endswith((" many…", " words…"))


def test_the_values_that_pydantic_quotes_are_not_told() -> None:
    text = value_error("Value error, no").replace("'model': ...", "'hf_token': 'hunter2'")
    assert causes.cause(text) == Cause("EngineFailed", "Value error, no")
