"""Logs of real vLLM 0.32 (outputs/), provoked by what their names say -> what is told of them.

Frames and lines of the level INFO are cut from the middle. The kubelet hands over the last 2,048 bytes of such a log, which
hold the cause of some and not of others.
"""

import pathlib
from typing import NamedTuple

import pytest

from vllm_operator.engine import causes

OUTPUTS = pathlib.Path(__file__).parent / "outputs"
KUBELET_BYTES = 2048
FRAMES = ('", line ', "https://", "raise ", "^^^", "(APIServer")


class Log(NamedTuple):
    """`name` of the file; `is_told`: also the last 2,048 bytes hold the cause; `has_served`: a client was answered before."""

    name: str
    reason: str
    says: str
    is_told: bool = True
    has_served: bool = False


LOGS = [
    Log("cache-too-small", "CacheTooSmall", "set spec.engine.maxModelLen to 1792 or less", is_told=False),
    Log("no-cache-memory", "CacheTooSmall", "no memory is left for the KV cache: raise --gpu-memory-utilization", is_told=False),
    Log("unknown-architecture", "UnsupportedModel", "the architecture 'FooBarForCausalLM': choose other weights", is_told=False),
    Log("other-weights", "SourceBroken", "([4098, 64] instead of [4098, 96])", is_told=False),
    Log("no-weights", "SourceNotFound", "holds no weights: correct spec.model.source", is_told=False),
    Log("unreadable-weights", "SourceNotReadable", "/models/facebook/opt-125m/model.safetensors: let user 65532 do so"),
    Log("token-budget", "BadOption", "--max-num-batched-tokens=32 is less than the 64 of --max-num-seqs"),
    Log("remote-code", "RemoteCodeNotTrusted", "set spec.engine.trustRemoteCode"),
    Log("memory-share", "BadOption", "gpu_memory_utilization: Input should be less than or equal to 1"),
    Log("engine-killed-while-loading", "KilledBySignal", "its process EngineCore was ended by the signal 9"),
    Log("worker-killed-while-serving", "KilledBySignal", "its process VllmWorker-0 was ended by the signal 9", False, True),
]  # fmt: skip
SILENT = [("engine-killed-while-serving", True), ("ended-while-loading", False)]
"""Logs without a cause: the process was ended from outside."""


def read(name: str) -> str:
    return (OUTPUTS / f"{name}.log").read_text()


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_a_log_tells_the_first_cause(log: Log) -> None:
    found = causes.of_log(read(log.name), has_served=log.has_served)
    assert found
    assert found.reason == log.reason
    assert log.says in found.message


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_the_kubelets_part_of_a_log_names_the_cause_or_nothing_that_is_known(log: Log) -> None:
    """Where it names none, the log is read: what is told meanwhile must not be taken for the cause."""
    found = causes.cause(read(log.name).encode()[-KUBELET_BYTES:].decode(errors="replace"))
    assert bool(found and found.is_known) == log.is_told
    assert not log.is_told or (found and found.reason == log.reason)


@pytest.mark.parametrize(("name", "has_served"), SILENT)
def test_where_a_process_was_ended_from_outside_its_log_tells_nothing(name: str, has_served: bool) -> None:
    assert causes.of_log(read(name), has_served=has_served) is None
    assert not (said := causes.cause(read(name)[-KUBELET_BYTES:])) or not said.is_known


@pytest.mark.parametrize("log", LOGS, ids=lambda log: log.name)
def test_neither_a_frame_nor_an_address_is_ever_told(log: Log) -> None:
    """Whatever part of the log is there."""
    lines = read(log.name).splitlines()
    for at in range(len(lines)):
        told = causes.cause("\n".join(lines[at:]))
        assert told is None or told.is_known or not any(bad in told.message for bad in FRAMES)
