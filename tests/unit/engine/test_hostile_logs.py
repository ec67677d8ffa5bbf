"""Whoever chooses an image writes its log: the most hostile one is read in linear time, and in little of it."""

import re
from collections.abc import Callable
from typing import Any

import pytest

from tests import cpu
from vllm_operator.engine import cause_row, cause_rows, causes, log_lines, redaction, start_log, weights_rows
from vllm_operator.probes import inquiries
from vllm_operator.status import kubelet_words

ROWS = [*cause_rows.CAUSES, *weights_rows.LAST_WORDS]
SECONDS = 2.0
RATIO, GROWTH = 3.0, 4
"""A text that is four times as long may cost so many times four as much: 4 where the cost grows by the square."""
NOTICEABLE_SECONDS = 0.005
LINE = log_lines.LONGEST - 20
CORE = "(EngineCore pid=88) ERROR 11-23 18:12:33 [core.py:953] "
PIECES = (
    ", in load_model ", "Worker proc a ", "validation error for A\nb\n", "(A pid=1) ", "'a', ", "[", "(" * 50, "x" * 99,
    "unrecognized arguments: ", "error: argument ", "NCCL error: ", "Worker failed with ", "add_lora method failed: ",
    "add_lora method failed: 'The size of tensor a ", "Failed core proc(s): {", "://", "%3A%2F%2F", "a/b/c.p", "1", "A.", "key: ",
    "While loading /adapters/a, expected target modules in {", "PermissionError: [Errno 13] Permission denied: '",
    "Attempted to load weight (torch.Size(a b", "model type `", "Model architectures [a] are not supporte", "CUDA out of memory ",
    "User-specified max_model_len (1) is greater than the derived max_model_len (", "Available memory on node 1 (1/ ",
    "Free memory on device (1/1 GiB) on startup (", "address ('", "Following weights were not initialized from checkpoint: {'",
    "(EngineCore pid=1) KV cache size: 1 tokens, ", "Capturing CUDA graphs: ", "Loading safetensors checkpoint shards: 1",
)  # fmt: skip
READERS: dict[str, Callable[[str], Any]] = {
    "a log": causes.of_log,
    "a log of a server that has served": lambda text: causes.of_log(text, has_served=True),
    "a termination message": causes.cause,
    "a start": start_log.read,
}


def hostile(piece: str, size: int) -> str:
    """Return a text of pieces, in lines as long as are looked at: each the beginning of what is looked for, and never its end."""
    line = CORE + piece * (LINE // len(piece))
    return (f"{line}\n" * (size // len(line) + 1))[:size]


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("piece", PIECES)
def test_a_log_that_is_longer_costs_no_more_than_in_proportion(piece: str, read: Callable[[str], Any]) -> None:
    few = cpu.least(read, hostile(piece, inquiries.BYTES // GROWTH))
    many = cpu.least(read, hostile(piece, inquiries.BYTES))
    assert many < RATIO * GROWTH * few + NOTICEABLE_SECONDS
    assert many < SECONDS


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.reason} {row.pattern[:40]}")
def test_no_row_reads_on_without_end(row: cause_row.Row) -> None:
    """What is repeated without end is tried again from each beginning in a hostile log, up to the log's end."""
    left = re.sub(r"\\.|\[(?:\\.|[^\\\]])*\]", "", row.pattern)
    assert not set("*+") & set(left)


@pytest.mark.parametrize("table", kubelet_words.TABLES, ids=["image", "container", "mount", "scheduler", "evicted"])
@pytest.mark.parametrize(
    "piece", ["Insufficient a/", "Insufficient a.", "untolerated taint(s) {", 'secret "', "EmptyDir volume a"]
)
def test_words_of_a_kubelet_are_looked_at_up_to_a_length(piece: str, table: tuple[kubelet_words.Row, ...]) -> None:
    def read(text: str) -> object:
        return kubelet_words.found(table, text)

    long = piece * (kubelet_words.LONGEST // len(piece) + 1)
    assert cpu.least(read, long * 16) < RATIO * cpu.least(read, long) + NOTICEABLE_SECONDS


@pytest.mark.parametrize("piece", PIECES)
def test_what_is_hidden_is_looked_for_up_to_a_length(piece: str) -> None:
    long = piece * (redaction.LONGEST // len(piece) + 1)
    assert cpu.least(redaction.shown, long * 16) < RATIO * cpu.least(redaction.shown, long) + NOTICEABLE_SECONDS
    assert len(redaction.shown("a" * redaction.LONGEST * 2)) == redaction.LONGEST
