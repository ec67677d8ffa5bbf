"""The last words of an ended engine -> what an admin should fix. Patterns come from vLLM 0.32's real output.

Where several causes match, the first of the table is the one to fix. Where none does, the last sentence that vLLM itself said
is the message. Reads at most what a termination message holds; must not know what a pod is.
"""

import re
import urllib.parse
from collections.abc import Sequence
from typing import NamedTuple

from vllm_operator.kube import shorten


class Cause(NamedTuple):
    """`reason` for the STATUS column, `message` in words."""

    reason: str
    message: str


ADAPTER_REJECTED = "AdapterRejected"
UNKNOWN = "EngineFailed"
"""The reason where no row of the table matches."""

CAUSES: tuple[tuple[str, str, str], ...] = (
    (r"unrecognized arguments: .*--(max-num-queued-reqs|shutdown-timeout)", "EngineTooOld",
     "this vLLM is older than 0.29 and does not know --{0}: choose a newer spec.engine.image"),
    (r"unrecognized arguments: (.+)", "UnknownOption", "vLLM does not know the option {0}: correct spec.engine.args"),
    (r"error: argument (.+)", "BadOption", "vLLM refuses an option: {0}: correct spec.engine.args"),
    (r"validation errors? for \w+\n(\w+)\n +(Input should .+?) \[type=", "BadOption",
     "vLLM refuses an option: {0}: {1}: correct spec.engine.args"),
    (r"User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \([^=]*=(\d+)", "ContextTooLong",
     "spec.engine.maxModelLen {0} is more than the {1} that the weights declare: lower it, or set allowLongContext"),
    (r"estimated maximum model length is (\d+)", "CacheTooSmall",
     "the memory for the KV cache is too small for this context: set spec.engine.maxModelLen to {0} or less"),
    (r"No available memory for the cache blocks", "CacheTooSmall",
     "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    (r"Available memory on node \d+ \(([\d.]+)/.+ requested memory for kv \(([\d.]+) GiB\)", "OutOfMemory",
     "the KV cache of {1} GiB is more than the {0} GiB that are free: lower VLLM_CPU_KVCACHE_SPACE"),
    (r"attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)", "BadOption",
     "{0} attention heads cannot be split among {1} accelerators: change spec.resources, or set --tensor-parallel-size"),
    (r"contains custom code which must be executed|or using the `--trust-remote-code` flag", "RemoteCodeNotTrusted",
     "the weights bring code that has to run: set spec.engine.trustRemoteCode, which the chart's allow.remoteCode must allow"),
    (r"[Mm]odel architectures \[(.+?)\] are not supported", "UnsupportedModel",
     "this vLLM does not serve the architecture {0}: choose other weights, or a newer spec.engine.image"),
    (r"model type `(.+?)` but Transformers does not recognize", "UnsupportedModel",
     "this vLLM does not know the model type {0}: choose other weights, or a newer spec.engine.image"),
    (r"'\w+', '\w+'\]\) \[type=value_error", "UnsupportedModel",  # the end of what follows "are not supported"
     "this vLLM does not serve the architecture of the weights: choose other weights, or a newer spec.engine.image"),
    (r"LoRA rank (\d+) is greater than max_lora_rank (\d+)", ADAPTER_REJECTED,
     "{adapter} has the rank {0}, and the engine has room for {1}: raise --max-lora-rank in spec.engine.args"),
    (r"While loading /adapters/([^,\s]+), expected target modules in \{[^}]*\} but received \['([^']+)'", ADAPTER_REJECTED,
     "the adapter {0} was made for another model, as these weights have no {1}: correct spec.model.adapters"),
    (r"add_lora method failed: .*'(The size of tensor a .+?)', please", ADAPTER_REJECTED,
     "{adapter} was made for another model ({0}): correct spec.model.adapters"),
    (r"Loading lora (\S+) failed: No adapter found for", ADAPTER_REJECTED,
     "the source of the adapter {0} holds no adapter_config.json: correct spec.model.adapters"),
    (r"The lora adapter '([^']+)' conflicts with a served base model", ADAPTER_REJECTED,
     "the adapter {0} is named like the model: give it another name"),
    (r"add_lora method failed: (?:Worker failed with error )?['\"]?(.+?)[.]?['\"]?, please check", ADAPTER_REJECTED,
     "vLLM refuses {adapter}: {0}: correct spec.model.adapters"),
    (r"Repo id must be in the form|Invalid repository ID or local directory|is not a local folder", "SourceNotFound",
     "the weights are not where spec.model.source says"),
    (r"Cannot find any model weights", "SourceNotFound", "the source's directory holds no weights"),
    (r"Error while deserializing header", "SourceBroken", "a file of the weights is damaged or cut short"),
    (r"Insufficient space in /dev/shm", "SharedMemoryTooSmall", "/dev/shm is too small for this model"),  # noqa: S108 - what vLLM says
    (r"CUDA out of memory|OutOfMemoryError", "OutOfMemory",
     "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
)  # fmt: skip
"""Pattern, reason and message; the message names the pattern's groups. No line begins with a process's prefix any more."""

_PREFIX = re.compile(r"(?m)^\(\w+ pid=\d+\) ?(?:[A-Z]+ [\d-]+ [\d:]+ \[[^\]]*\] ?)?")
_SENTENCE = re.compile(r"(?:[\w.]*(?:Error|Exception)|[a-z]\w*(?:\.\w+)+|Value error)[:,] +\S")
_NO_CAUSE = re.compile(
    r"Traceback|\W*$|https?://|For (?:further information visit|more information check)|During handling of|"
    r"The above exception|.*(?:Engine core initialization failed|validation errors? for \w+$)"
)
_INPUT = re.compile(r" \[type=\w+, input_value=.*")
LONGEST = 512
"""In characters: the longest sentence of vLLM's that is told."""


def cause(words: str, adapters: Sequence[str] = ()) -> Cause | None:
    """Return the cause that `words`, a termination message or the tail of a log, speak of; None where they say nothing.

    `adapters`: the names of the server's, of which vLLM often does not say which one it refuses.
    """
    plain = _PREFIX.sub("", words)
    for pattern, reason, message in CAUSES:
        if found := re.search(pattern, plain):
            told = message.format(*map(urllib.parse.unquote, found.groups()), adapter=_one_of(adapters))
            return Cause(reason, shorten.to_characters(told, LONGEST))
    last = _last_sentence(plain)
    return Cause(UNKNOWN, shorten.to_characters(_INPUT.sub("", last), LONGEST)) if last else None


def _one_of(adapters: Sequence[str]) -> str:
    """Return how one of the adapters is called that is not named."""
    if len(adapters) == 1:
        return f"the adapter {adapters[0]}"
    return f"one of the adapters {', '.join(adapters)}" if adapters else "an adapter"


def _last_sentence(plain: str) -> str:
    """Return the last line that names an error, else the last that is no code; "" where there is neither."""
    lines = [line for line in plain.splitlines() if not _NO_CAUSE.match(line.strip())]
    errors = [line.strip() for line in lines if _SENTENCE.match(line.strip())]
    others = [line for line in lines if not line.startswith(" ")]
    return next(reversed(errors or others), "")
