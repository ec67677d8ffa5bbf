"""What vLLM, torch and its other parts say -> what an admin is told: the rows that test_causes.py does not have.

`RECORDED`: printed by real vLLM 0.32 on CPUs. `QUOTED`: as the sources of vLLM 0.29 to 0.33 and of its libraries have it.
"""

import re

import pytest

from tests import alternatives
from tests.unit.engine import cause_quotes, test_adapter_causes, test_causes, test_recorded_logs
from vllm_operator.engine import cause_row, cause_rows, causes, weights_rows

GENERAL = test_causes.GENERAL
VALUE = test_causes.value_error
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
    "ValueError: Could not receive response from libstreamer due to: b'File access error'":
        "SourceUnreachable: the streamer cannot read the weights: set RUNAI_STREAMER_S3_USE_VIRTUAL_ADDRESSING=0",
    "OverflowError: cannot fit 'int' into an index-sized integer": "SourceBroken: a file of the weights is damaged",
    "OSError: It looks like the config file at '/models/x/config.json' is not a valid JSON file.":
        "SourceBroken: a file of the weights is damaged",
}  # fmt: skip

QUOTED = {text: says for quoted in cause_quotes.BY_ORIGIN.values() for text, says in quoted.items()}


@pytest.mark.parametrize(("text", "says"), {**RECORDED, **QUOTED}.items())
def test_what_was_said_is_told_as_what_to_fix(text: str, says: str) -> None:
    for told in (causes.cause(text), causes.of_log(text)):
        assert told
        assert f"{told.reason}: {told.message}".startswith(says)


def everything() -> list[str]:
    logs = [test_recorded_logs.read(log.name) for log in test_recorded_logs.LOGS]
    return [*RECORDED, *QUOTED, *test_causes.RECORDED, *test_adapter_causes.RECORDED, *logs]


EVERYTHING = everything()
ROWS = [*cause_rows.CAUSES, *weights_rows.LAST_WORDS]
ALTERNATIVES = [one for row in ROWS for one in alternatives.of(row.pattern)]


@pytest.mark.parametrize("pattern", ALTERNATIVES)
def test_every_alternative_of_a_row_was_taken_from_an_output(pattern: str) -> None:
    assert any(re.search(pattern, text) for text in EVERYTHING)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_every_row_ends_with_what_to_do(row: cause_row.Row) -> None:
    said, colon, remedy = row.message.rpartition(": ")
    assert said
    assert colon
    assert remedy.split()[0] in {"choose", "correct", "set", "lower", "raise", "ask", "change", "leave", "update", "drain", "see",
                                 "bring", "let", "fetch", "mostly", "give", "if"}  # fmt: skip


OTHERS = [
    'error: argument of type "const half *" is incompatible with parameter of type "float *"',
    "ImportError: /lib/libgomp.so.1: cannot allocate memory in static TLS block",
]


@pytest.mark.parametrize("words", OTHERS)
def test_words_that_only_look_like_a_cause_are_told_as_they_are(words: str) -> None:
    assert causes.cause(words) == ("EngineFailed", words)


def test_an_error_that_was_survived_is_not_the_cause_of_a_kill() -> None:
    """A cache that may not be written is no reason to end."""
    survived = "PermissionError: [Errno 13] Permission denied: '/home/vllm/.cache/flashinfer'"
    told = causes.cause(f"{survived}\n{next(iter(cause_quotes.ENDED_BY_SIGNALS))}")
    assert told
    assert told.reason == "KilledBySignal"


SERVED = [
    text
    for text, says in QUOTED.items()
    if says.startswith(("OutOfMemory", "AcceleratorFailed")) and not text.startswith("terminate")
]
"""What a library writes by itself, such as what begins with "terminate", has no process before it, so nothing is told of it."""


@pytest.mark.parametrize("text", SERVED)
def test_memory_and_accelerators_that_fail_are_told_of_a_server_that_served_too(text: str) -> None:
    log = "\n".join(f"(EngineCore pid=88) ERROR 11-23 18:12:33 [core.py:953] {line}" for line in text.splitlines())
    told = causes.of_log(log, has_served=True)
    assert told
    assert told.reason == QUOTED[text].partition(":")[0]


@pytest.mark.parametrize("row", cause_rows.OF_SERVERS, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_of_a_server_that_served_a_row_tells_numbers_and_fixed_words_alone(row: cause_row.Row) -> None:
    """Their words may stand in the text of a client, and what is around them too."""
    groups = re.findall(r"[(](?![?])([^)]*)[)]", row.pattern.replace("\\(", "").replace("\\)", ""))
    assert not any(wide in group for group in groups for wide in (".+", ".*", r"\S", r"\w", "[^"))
