"""The last words of an ended engine -> what an admin should fix. Patterns come from vLLM 0.32's real output.

Where several causes match, the first of the table is the one to fix. Nothing known: the last line that says something.
"""

import re
from typing import NamedTuple


class Cause(NamedTuple):
    """`reason` for the STATUS column, `message` in words."""

    reason: str
    message: str


CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"unrecognized arguments: .*--(max-num-queued-reqs|shutdown-timeout)", "EngineTooOld",
     "this vLLM is older than 0.29 and does not know --{0}: choose a newer spec.engine.image"),
    (r"unrecognized arguments: (.+)", "UnknownOption", "vLLM does not know the option {0}: correct spec.engine.args"),
    (r"error: argument (.+)", "BadOption", "vLLM refuses an option: {0}: correct spec.engine.args"),
    (r"User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \([^=]*=(\d+)", "ContextTooLong",
     "spec.engine.maxModelLen {0} is more than the {1} that the weights declare: lower it, or set allowLongContext"),
    (r"estimated maximum model length is (\d+)", "CacheTooSmall",
     "the memory for the KV cache is too small for this context: set spec.engine.maxModelLen to {0} or less"),
    (r"architectures \[(.+?)\] are not supported", "UnsupportedModel", "this vLLM does not serve the architecture {0}"),
    (r"Repo id must be in the form|Invalid repository ID or local directory|is not a local folder", "SourceNotFound",
     "the weights are not where spec.model.source says"),
    (r"Cannot find any model weights", "SourceNotFound", "the source's directory holds no weights"),
    (r"Error while deserializing header", "SourceBroken", "a file of the weights is damaged or cut short"),
    (r"Insufficient space in /dev/shm", "SharedMemoryTooSmall", "/dev/shm is too small for this model"),  # noqa: S108 - what vLLM says
    (r"CUDA out of memory|OutOfMemoryError", "OutOfMemory",
     "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
)  # fmt: skip

HARMLESS = re.compile(r"Engine core initialization failed|^\s*$|^Traceback|^\s+File ")


def cause(words: str) -> Cause | None:
    """Return the cause that `words`, a termination message or the tail of a log, speak of."""
    for pattern, reason, message in CAUSES:
        if found := re.search(pattern, words):
            return Cause(reason, message.format(*found.groups()))
    lines = [line.strip() for line in words.splitlines() if not HARMLESS.search(line)]
    return Cause("EngineFailed", lines[-1][:512]) if lines else None
