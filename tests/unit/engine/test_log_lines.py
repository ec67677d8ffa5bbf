"""Nothing that a client sent is told of a log or of its end, whatever made vLLM write it."""

import pytest

from vllm_operator.engine import causes, log_lines

PROMPT = "what is the password of my bank"
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
FORGED = [
    f"{SERVER}jinja2.exceptions.TemplateError: Unknown role: x, Cannot access gated repo",
    f"{SERVER}ValueError: x\r{CORE}RuntimeError: CUDA out of memory",
    f"{SERVER}ValueError: x\u2028{CORE}RuntimeError: CUDA out of memory",
    f"{CORE}ValueError: The schema has features not supported: {{'title': 'vllm: error: unrecognized arguments: --x'}}",
    f"{CORE}ValueError: The schema has features not supported: {{'title': 'CUDA out of memory'}}",
    f"Core pid=88) ERROR 11-23 18:12:33 [core.py:953] RuntimeError: CUDA out of memory{' ' * log_lines.CUT_BYTES}",
    f"{CORE}RuntimeError: CUDA out of memory{' ' * log_lines.CUT_BYTES}",
]
"""What a client may have a server write; in the last, the kubelet's part of the log begins where the client chose."""
QUOTING = [
    "ValueError: The provided JSON schema contains features not supported: {'title': 'what is the password of my bank'}",
    "RuntimeError: NCCL error in x, what is the password of my bank",
    "RuntimeError: CUDA error: what is the password of my bank",
    "RuntimeError: Worker proc whatisthepasswordofmybank died unexpectedly (exit code: -9)",
    "whatisthepasswordofmybankError: x",
    "what.is.the.PasswordError: x",
]
"""What an engine may write that has been asked."""


@pytest.mark.parametrize("line", WITH_A_PROMPT)
def test_a_log_of_a_server_that_served_never_tells_a_prompt(line: str) -> None:
    text = f"{line}\n{CORE}RuntimeError: the device is lost"
    assert PROMPT not in log_lines.failures(text, has_served=True)
    assert PROMPT not in log_lines.plain(text, has_served=True)
    for of in (causes.of_log, causes.cause):
        assert of(text, has_served=True) == ("EngineFailed", "RuntimeError")
        assert of(line, has_served=True) in (None, ("EngineFailed", "RuntimeError"))


@pytest.mark.parametrize("line", FORGED)
def test_no_client_of_a_server_can_name_the_cause_of_its_end(line: str) -> None:
    told = causes.cause(line, has_served=True)
    assert told in (None, ("EngineFailed", "ValueError"))


def test_the_types_of_errors_that_are_told_are_those_of_python_and_of_vllms_parts() -> None:
    assert {"RuntimeError", "ValueError", "torch.OutOfMemoryError"} < causes.TYPES
    assert not {"KeyboardInterrupt", "SystemExit"} & causes.TYPES


SAID = {
    "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has": "OutOfMemory",
    "torch.cuda.OutOfMemoryError": "OutOfMemory",
    "RuntimeError: [enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory": "OutOfMemory",
    "torch.AcceleratorError: CUDA error: an illegal memory access was encountered": "AcceleratorFailed",
    "torch.distributed.DistBackendError: NCCL error in: /x.cpp:317, unhandled system error, NCCL": "AcceleratorFailed",
    "OSError: [Errno 28] No space left on device: '/psm_1'": "SharedMemoryTooSmall",
    "OSError: [Errno 28] No space left on device": "DiskFull",
    "Worker proc VllmWorker-0 died unexpectedly (exit code: -9), shutting down executor.": "KilledBySignal",
}


@pytest.mark.parametrize(("line", "reason"), SAID.items())
def test_what_ended_a_server_is_known_by_how_its_engine_says_it(line: str, reason: str) -> None:
    told = causes.cause(CORE + line, has_served=True)
    assert told
    assert told.reason == reason


@pytest.mark.parametrize("line", QUOTING)
def test_of_an_error_that_may_quote_a_client_only_the_type_is_told(line: str) -> None:
    told = causes.of_log(CORE + line, has_served=True)
    name = line.partition(":")[0]
    assert told == (("EngineFailed", name) if name in causes.TYPES else None)


def test_harmless_lines_are_no_cause() -> None:
    """Found in every log; the first names an error."""
    text = (
        "(APIServer pid=1) WARNING 11-23 18:12:33 [system_utils.py:255] Found ulimit and failed with OSError: [Errno 24] no\n"
        "(APIServer pid=1) INFO 11-23 18:12:33 [x.py:1] CUDA out of memory is what this line speaks of\n"
        "/usr/lib/python3.11/multiprocessing/resource_tracker.py:254: UserWarning: resource_tracker: leaked\n"
    )
    assert causes.cause(text) is None
    assert causes.of_log(text) is None
