"""Nothing that a client sent, and no key, is told of a log, whatever made vLLM write it."""

import pytest

from vllm_operator.engine import causes, log_lines

PROMPT = "what is the password of my bank"
KEY = "sk-proj-0123456789abcdef"
CORE = "(EngineCore pid=88) ERROR 11-23 18:12:33 [core.py:953] "
SERVER = "(APIServer pid=1) ERROR 11-23 18:12:33 [serving.py:120] "
WITH_A_PROMPT = [
    f"(APIServer pid=1) INFO 11-23 18:12:33 [logger.py:40] Received request cmpl-1: prompt: '{PROMPT}', params: (n=1)",
    f'INFO:     127.0.0.1:5000 - "GET /v1/models?q={PROMPT} HTTP/1.1" 404 Not Found',
    f"{SERVER}ValueError: {PROMPT}",
    f"pydantic_core._pydantic_core.ValidationError: 1 validation error: {PROMPT}",
    PROMPT,
    f"ValueError: {PROMPT}",
    f"{CORE}Dumping scheduler output for model execution: SchedulerOutput(scheduled_new_reqs=[NewRequestData(prompt={PROMPT})])",
    f"{CORE}RuntimeError: prompt: {PROMPT}",
]
"""What a log of a server that has served may hold."""
WITH_A_KEY = [
    f"ValueError: the token {KEY} is not accepted",
    "OSError: cannot reach https://user:hunter2hunter2@hub.example/x",
    "ValueError: api_key=hunter2hunter2, and so on",
    "ValueError: headers {'Authorization': 'Bearer hunter2hunter2'}",
    "ValueError: hf_hunter2hunter2 has no access",
    "botocore.exceptions.ClientError: AKIAHUNTER2HUNTER2 is not allowed",
    "ValueError: https://s3.example/x?X-Amz-Signature=hunter2hunter2",
    "Value error, no [type=value_error, input_value={'hf_token': 'hunter2hunter2'}, input_type=dict]",
]


@pytest.mark.parametrize("line", WITH_A_PROMPT)
def test_a_log_of_a_server_that_served_never_tells_a_prompt(line: str) -> None:
    text = f"{line}\n{CORE}RuntimeError: the device is lost"
    assert PROMPT not in log_lines.failures(text, has_served=True)
    assert causes.of_log(text, has_served=True) == ("EngineFailed", "RuntimeError: the device is lost")
    assert causes.of_log(line, has_served=True) is None


@pytest.mark.parametrize("line", WITH_A_KEY)
def test_no_key_is_told(line: str) -> None:
    for told in (causes.cause(line), causes.of_log(line), causes.of_log(f"{CORE}{line}", has_served=True)):
        assert told
        assert "hunter2" not in told.message.lower()
        assert KEY not in told.message


def test_harmless_lines_are_no_cause() -> None:
    """Found in every log; the first names an error."""
    text = (
        "(APIServer pid=1) WARNING 11-23 18:12:33 [system_utils.py:255] Found ulimit and failed with OSError: [Errno 24] no\n"
        "(APIServer pid=1) INFO 11-23 18:12:33 [x.py:1] CUDA out of memory is what this line speaks of\n"
        "/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: leaked\n"
    )
    assert causes.cause(text) is None
    assert causes.of_log(text) is None
