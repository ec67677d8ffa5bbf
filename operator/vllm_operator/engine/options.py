"""One table of the options and variables that a ModelDeployment may not set, and the arguments that the operator gives.

The table yields the CEL rules of the CRD and the check in code, so both refuse the same: each name in any spelling that
vLLM's parser takes (underscores for dashes, an unambiguous beginning, a dotted sub-option).
"""

import re
from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import source

HOST, PORT = "127.0.0.1", 8001
"""Where vLLM listens: loopback only, since half of its paths need no key."""
SEATS = 1024
"""The most requests that vLLM runs at once where --max-num-seqs is not given: its own choice is 256, on large GPUs this."""


class Refused(NamedTuple):
    """Names that are refused for one reason; `names` ending in `-` stand for all that begin so."""

    names: tuple[str, ...]
    why: str


OPTIONS = (
    Refused(
        ("host", "port", "uds", "root-path", "ssl-", "api-key", "headless", "grpc"),
        "the operator sets where vLLM listens and who may call it: use spec.expose and spec.access",
    ),
    Refused(("model", "model-tag", "served-model-name"), "use spec.model.source and spec.model.servedName"),
    Refused(("runner", "convert", "task"), "use spec.model.task"),
    Refused(("max-model-len",), "use spec.engine.maxModelLen"),
    Refused(("max-num-queued-reqs",), "use spec.access.maxQueuedRequests"),
    Refused(("shutdown-timeout",), "use spec.engine.drainTimeout"),
    Refused(("config", "generation-config"), "options stand in spec.engine.args; the documented defaults hold for every model"),
    Refused(
        ("trust-remote-code", "middleware", "worker-cls", "worker-extension-cls", "scheduler-cls", "logits-processors",
         "tool-parser-plugin", "reasoning-parser-plugin", "io-processor-plugin", "allowed-local-media-path",
         "enable-prompt-embeds"),
        "it runs code or opens files that come with a model or a request",
    ),
    Refused(("kv-events-config", "kv-transfer-config"), "it opens ports beside the guard, or loads modules by name"),
)  # fmt: skip

WITHIN = (Refused(("parser-plugin",), "it runs code that comes with a model or a request"),)
"""What no argument may hold, for it can be given within another: as a dotted sub-option, or in JSON."""

WHOLE = ("reasoning-parser",)
"""What begins a refused name and is an option itself: vLLM's parser takes it for that."""

VARIABLES = (
    Refused(("VLLM_API_KEY", "VLLM_PORT", "VLLM_HOST_IP"), "the operator sets where vLLM listens and who may call it"),
    Refused(("VLLM_ALLOW_LONG_MAX_MODEL_LEN",), "use spec.engine.allowLongContext"),
    Refused(
        ("VLLM_SERVER_DEV_MODE", "VLLM_ALLOW_INSECURE_SERIALIZATION", "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_PLUGINS",
         "VLLM_ENABLE_RESPONSES_API_STORE", "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP",
         "PYTHONHOME"),
        "it opens the engine to others or runs foreign code",
    ),
    Refused(
        ("HOME", "USER", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_OFFLINE", "VLLM_CACHE_ROOT",
         "VLLM_NO_USAGE_STATS", "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "FLASHINFER_WORKSPACE_BASE", "CUDA_CACHE_PATH",
         "NUMBA_CACHE_DIR"),
        "the operator sets it, so that the engine runs without root on a read-only image",
    ),
)  # fmt: skip

TASKS: Mapping[api.Task, Mapping[str, str]] = {
    "Embed": {"runner": "pooling", "convert": "embed"},
    "Score": {"runner": "pooling"},
    "Classify": {"runner": "pooling", "convert": "classify"},
    "Pool": {"runner": "pooling"},
}
"""What a task needs where vLLM's own choice (`auto`, from the weights' architecture) could be another: weights that generate
are converted. Source: vLLM 0.32's config/model.py; native pooling models are left as they are by either."""

SHAPE = "(?s)^--[A-Za-z][A-Za-z0-9_.-]*(=.*)?$"
SHAPE_MESSAGE = "write --name or --name=value, one option an entry"
_ESCAPED = r"(?s)^--[^=]*=\s*\{\s*\".*\\u"
ESCAPED_MESSAGE = "write JSON without \\u escapes, or a refused name could stand in one"
_NAME_IN_CEL = "self.split('=')[0].split('.')[0].replace('_', '-')"


def argument_rules() -> list[dict[str, str]]:
    """Return the CEL rules of one entry of spec.engine.args."""
    shape = api.rule(f"self.matches('{SHAPE}')", SHAPE_MESSAGE)
    escaped = api.rule(f"!self.matches(r'{_ESCAPED}')", ESCAPED_MESSAGE)
    return [shape, escaped, *map(_argument_rule, OPTIONS), *map(_within_rule, WITHIN)]


def _argument_rule(refused: Refused) -> dict[str, str]:
    exact = [f"--{name}" for name in refused.names]
    families = [f"--{name}" for name in refused.names if name.endswith("-")]
    expression = f"!{exact}.exists(name, name.startsWith({_NAME_IN_CEL}))"
    if families:
        expression += f" && !{families}.exists(name, {_NAME_IN_CEL}.startsWith(name))"
    whole = [f"--{name}" for name in WHOLE if any(own.startswith(name) for own in refused.names)]
    if whole:
        expression = f"{_NAME_IN_CEL} in {whole} || {expression}"
    return api.rule(expression, _message(refused, "--"))


def _within_rule(refused: Refused) -> dict[str, str]:
    return api.rule(f"!self.matches('{_anywhere(refused)}')", _message(refused, "..."))


def _anywhere(refused: Refused) -> str:
    return "|".join(name.replace("-", "[-_]") for name in refused.names)


def environment_rules() -> list[dict[str, str]]:
    """Return the CEL rules of the name of one entry of spec.engine.env."""
    shape = api.rule("self.matches('^[A-Za-z_][A-Za-z0-9_]*$')", "a variable's name is letters, digits and _")
    return [shape, *(api.rule(f"!(self in {list(refused.names)})", _message(refused, "")) for refused in VARIABLES)]


def refused_variables() -> frozenset[str]:
    """Return the names that spec.engine.env may not set: the CEL rules again, in code."""
    return frozenset(name for refused in VARIABLES for name in refused.names)


def _message(refused: Refused, dashes: str) -> str:
    names = ", ".join(f"{dashes}{name}{'*' if name.endswith('-') else ''}" for name in refused.names)
    return f"refused here ({names}): {refused.why}"


def refusal(argument: str) -> str | None:
    """Say why `argument`, an entry of spec.engine.args, is refused, or None: the CEL rules again, in code."""
    if not re.match(SHAPE, argument):
        return SHAPE_MESSAGE
    if re.match(_ESCAPED, argument):
        return ESCAPED_MESSAGE
    name = re.split("[=.]", argument, maxsplit=1)[0].replace("_", "-").removeprefix("--")
    for refused in OPTIONS if name not in WHOLE else ():
        if any(own.startswith(name) or (own.endswith("-") and name.startswith(own)) for own in refused.names):
            return _message(refused, "--")
    for refused in WITHIN:
        if re.search(_anywhere(refused), argument):
            return _message(refused, "...")
    return None


def arguments(spec: api.Spec) -> list[str]:
    """Return the arguments of `vllm serve`: what the operator owns first, then the admin's own."""
    weights = source.weights(spec.model)
    owned = {
        "host": HOST,
        "port": PORT,
        "served-model-name": served_name(spec.model),
        "generation-config": "vllm",
        "max-num-queued-reqs": seats(spec.engine) + spec.access.max_queued_requests,
        "shutdown-timeout": api.seconds(spec.engine.drain_timeout),
        "max-model-len": spec.engine.max_model_len,
        **TASKS.get(spec.model.task, {}),
    }
    given = [f"--{name}={value}" for name, value in owned.items() if value is not None]
    return [weights.argument, *given, *(argument for argument in spec.engine.args if not refusal(argument))]


def seats(engine: api.Engine) -> int:
    """Return how many requests run at once: vLLM's --max-num-queued-reqs counts them as queued too, and would refuse them."""
    given = [re.fullmatch(r"--max[-_]num[-_]se(?:qs?)?=(\d+)", argument) for argument in engine.args]
    return next((int(found[1]) for found in reversed(given) if found), SEATS)


def served_name(model: api.Model) -> str:
    """Return the name that clients send as `model`."""
    return model.served_name or source.weights(model).name
