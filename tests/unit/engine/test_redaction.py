"""No key and no password is told of what vLLM, a kubelet or a registry said."""

import time

import pytest

from vllm_operator.engine import causes, log_lines, redaction

CORE = "(EngineCore pid=88) ERROR 11-23 18:12:33 [core.py:953] "
KEY = "hunter2"
WITH_A_KEY = [
    "ValueError: the token sk-proj-hunter2hunter2 is not accepted",
    "OSError: cannot reach https://user:hunter2hunter2@hub.example/x",
    "ValueError: api_key=hunter2hunter2, and so on",
    "ValueError: headers {'Authorization': 'Bearer hunter2hunter2'}",
    "ValueError: headers {'Authorization': 'Basic hunter2hunter2=='}",
    "ValueError: the header Bearer hunter2 is refused",
    "ValueError: the header Basic hunter2hunter2== is refused",
    "ValueError: s3://hunter2:x@bucket/y is not there",
    "ValueError: hf_hunter2hunter2 has no access",
    "ValueError: AKIAHUNTER2HUNTER2 is not allowed",
    "ValueError: https://s3.example/x?X-Amz-Signature=hunter2hunter2",
    "ValueError: 'https://cdn.example/x?Expires=1&Policy=hunter2&Signature=hunter2~x&Key-Pair-Id=HUNTER2'",
    "ValueError: ...s=1&Signature=hunter2~x&Key-Pair-Id=HUNTER2",
    "ValueError: https://a.blob.example/c?sv=1&sig=hunter2%3D",
    "ValueError: c?sv=1&sig=hunter2%3D",
    "Value error, no [type=value_error, input_value={'hf_token': 'hunter2hunter2'}, input_type=dict]",
    "ValueError: input_value='hunter2' bad",
    "ValueError: bad config {'api_key': 'my-hunter2', 'token': 'hunter2', 'keys': 1}",
    'ValueError: bad config {"apiKey" : "my hunter2", "secret":"hunter2"}',
    "ValueError: api_keys=['hunter2', 'hunter2'], token=SecretStr('hunter2')",
    "ValueError: password is hunter2; token: hunter2",
    "ValueError: AWS_SECRET_ACCESS_KEY hunter2/K7MDENG invalid",
    "ValueError: -----BEGIN PRIVATE KEY-----hunter2",
    "ValueError: cannot connect to http://user:p/hunter2@proxy:8080",
    "ValueError: cannot connect to http://user:p@hunter2@proxy:8080",
    "vllm serve: error: argument --api-key: invalid choice: 'my-hunter2'",
    "vllm: error: unrecognized arguments: --api-key my-hunter2",
    "vllm: error: unrecognized arguments: --hub http://user:p%40hunter2@proxy/",
    "vllm: error: unrecognized arguments: --hub http%3A%2F%2Fuser:p%40hunter2@proxy/",
]
WITHOUT = [
    "Unknown quantization method: nosuch",
    "max_num_batched_tokens (32) must be greater; --max-num-batched-tokens=32, eos_token_id=7",
    "--max-num-batched-tokens: invalid human_readable_int value: 'abc'",
    "HF_TOKEN is not set, and the HF_TOKEN environment variable is empty",
    "hf://org/name@main, s3://bucket/a@b",
    'failed to fetch anonymous token: Get "https://auth.example/token": dial tcp: lookup auth.example: no such host',
    "failed to fetch oauth token: unexpected status from GET request to https://auth.example/token: 401 Unauthorized",
    'failed to pull image "ghcr.io/x/y@sha256:3b1c0d": not found',
    'MountVolume.SetUp failed for volume "tls-token" : secret "s" not found',
    "references non-existent config key: a",
]
"""Words that a remedy is given to, and that hold no key."""


@pytest.mark.parametrize("line", WITH_A_KEY)
def test_no_key_is_told(line: str) -> None:
    told = causes.cause(line)
    assert told
    for message in (told.message, (causes.of_log(line) or told).message, redaction.shown(line)):
        assert KEY not in message.lower()
        assert not message.endswith((": ", ":"))


def test_what_to_do_is_told_beside_what_is_hidden() -> None:
    told = causes.cause("vllm serve: error: argument --api-key: invalid choice: 'my-hunter2'")
    assert told == ("BadOption", "vLLM refuses an option: --api-key: (hidden): correct spec.engine.args")


def test_what_is_decoded_to_be_told_is_looked_at_again() -> None:
    told = causes.cause("vllm: error: unrecognized arguments: --hub x%3Ftoken%3Dhunter2")
    assert told == ("UnknownOption", "vLLM does not know the option --hub x?token=(hidden): correct spec.engine.args")


@pytest.mark.parametrize("line", WITH_A_KEY)
def test_no_key_is_told_of_a_server_that_served(line: str) -> None:
    told = causes.of_log(f"{CORE}{line}", has_served=True)
    assert not told or KEY not in told.message.lower()


@pytest.mark.parametrize("line", WITHOUT)
def test_what_is_no_key_is_told_whole(line: str) -> None:
    assert redaction.shown(line) == line


@pytest.mark.parametrize(
    "piece", ["://", "--a", "--key", "token: [", "a", "key", "KEY ", "-----BEGIN ", "://a?", "eyJ", "'", "[type=a, "]
)
def test_hostile_words_take_no_time(piece: str) -> None:
    begun = time.process_time()
    redaction.shown((piece * log_lines.LONGEST)[: log_lines.LONGEST])
    assert time.process_time() - begun < 1
