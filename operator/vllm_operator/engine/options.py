"""The arguments of `vllm serve`: those that the operator sets for every model, then those of the spec.

refusals.py has the options that a spec may not set.
"""

import re
from collections.abc import Mapping

from vllm_operator import api
from vllm_operator.engine import accelerators, adapters, endpoints, entries, media, refusals, source

HOST, PORT = "127.0.0.1", 8001
"""Where vLLM listens: loopback only, since half of its paths need no key."""
SEATS = 1024
"""The most requests that vLLM runs at once where --max-num-seqs is not given: its own choice is 256, on large GPUs this."""

ACCESS_LOG = ("disable-access-log-for-endpoints", "disable-uvicorn-access-log")
PROBED = f"{endpoints.HEALTH},{endpoints.METRICS}"
"""What probes and monitoring ask many times a minute, which would bury the rest of the log."""
KEEP_ALIVE, KEEP_ALIVE_SECONDS = "sse-keep-alive-interval", 15
"""A stream that waits for its first or next token sends a comment this often, so that no proxy takes it for dead."""

QUEUED_TOKENS, MOST_QUEUED_TOKENS = "max-num-queued-tokens", 64 * 131_072
"""How many tokens of prompts may wait to be read: those of 64 requests with a long context each. vLLM itself has no bound."""

PARALLEL = (
    "tensor-parallel-size",
    "pipeline-parallel-size",
    "data-parallel-size",
    "data-parallel-size-local",
    "prefill-context-parallel-size",
    "nnodes",
)
"""Each says what becomes of a server's accelerators. Where none is given, one copy of the model is split among all of them."""

TASKS: Mapping[api.Task, Mapping[str, str]] = {
    "Embed": {"runner": "pooling", "convert": "embed"},
    "Score": {"runner": "pooling"},
    "Classify": {"runner": "pooling", "convert": "classify"},
    "Pool": {"runner": "pooling"},
}
"""What a task needs where vLLM's own choice (`auto`, from the weights' architecture) could be another: weights that generate
are converted. Source: vLLM 0.32's config/model.py; native pooling models are left as they are by either."""


def arguments(spec: api.Spec) -> list[str]:
    """Return the arguments of `vllm serve`: what the operator owns first, then the admin's own."""
    weights = source.weights(spec.model)
    owned = {
        "host": HOST,
        "port": PORT,
        "served-model-name": None if aliases(spec.model) else served_name(spec.model),
        "generation-config": "vllm",
        "max-num-queued-reqs": seats(spec.engine) + spec.access.max_queued_requests,
        "shutdown-timeout": api.seconds(spec.engine.drain_timeout),
        "max-model-len": spec.engine.max_model_len,
        **TASKS.get(spec.model.task, {}),
        **_defaults(spec),
    }
    given = [f"--{name}={value}" for name, value in owned.items() if value is not None]
    names = ["--served-model-name", served_name(spec.model), *aliases(spec.model)] if aliases(spec.model) else []
    taken = tuple(entry for entry in spec.engine.args if not refusals.refusal(entry))
    own = [argument for entry in entries.last(taken) for argument in entries.arguments(entry)]
    code = ["--trust-remote-code"] if spec.engine.trust_remote_code else []
    lists = [*media.arguments(spec.engine), *names, *adapters.arguments(spec)]
    return [weights.argument, *given, *code, *lists, *own]


def _defaults(spec: api.Spec) -> dict[str, int | str]:
    """Return what the operator gives where the spec's own arguments do not say it."""
    devices = accelerators.together(spec.resources)
    wanted: dict[str, int | str] = {}
    if devices > 1 and not _is_given(spec.engine, *PARALLEL):
        wanted["tensor-parallel-size"] = devices
    if not _is_given(spec.engine, *ACCESS_LOG):
        wanted[ACCESS_LOG[0]] = PROBED
    if spec.model.task == "Generate" and not _is_given(spec.engine, KEEP_ALIVE):
        wanted[KEEP_ALIVE] = KEEP_ALIVE_SECONDS
    if not _is_given(spec.engine, QUEUED_TOKENS):
        wanted[QUEUED_TOKENS] = MOST_QUEUED_TOKENS
    return wanted


def _is_given(engine: api.Engine, *options: str) -> bool:
    """Tell whether the spec's own arguments give one of the options, in any spelling that vLLM's parser takes."""
    names = [refusals.name(argument) for argument in engine.args]
    return any(option.startswith(name) for option in options for name in names)


def seats(engine: api.Engine) -> int:
    """Return how many requests run at once: vLLM's --max-num-queued-reqs counts them as queued too, and would refuse them."""
    given = [re.fullmatch(r"--max[-_]num[-_]se(?:qs?)?=([0-9]{1,9})", argument) for argument in engine.args]
    return next((int(found[1]) for found in reversed(given) if found), SEATS)


def served_name(model: api.Model) -> str:
    """Return the name that clients send as `model`."""
    return model.served_name or source.weights(model).name


def aliases(model: api.Model) -> tuple[str, ...]:
    """Return the further names that the model answers to."""
    return tuple(name for name in model.served_names or () if name != served_name(model))
