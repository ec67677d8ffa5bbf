"""The options and variables of vLLM that a ModelDeployment may not set: one table, its CEL rules and its check in code.

Both refuse the same: each name in any spelling that vLLM's parser takes (underscores for dashes, an unambiguous beginning, a
dotted sub-option). Must not know what the operator sets instead.
"""

import re
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import entries


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
    Refused(("trust-remote-code",), "use spec.engine.trustRemoteCode, which the chart's allow.remoteCode must allow"),
    Refused(("config", "generation-config"), "write options into spec.engine.args; the documented defaults hold for every model"),
    Refused(
        ("middleware", "worker-cls", "worker-extension-cls", "scheduler-cls", "logits-processors",
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

SECRETS = (
    "HF_TOKEN", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY",
    "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy",
)  # fmt: skip
"""Variables whose values may come from a Secret: credentials of the hub, of object stores, of collectors of traces, of proxies,
which their libraries show nobody. Others may stand in a log or an error, and would show any Secret of the namespace there."""

SHAPE = r"--[A-Za-z][A-Za-z0-9_.-]*(=[\s\S]*)?"
SHAPE_MESSAGE = "write --name or --name=value, one option an entry"
ESCAPED = r"--[^=]*=[ \t\n\r]*\{[ \t\n\r]*\"[\s\S]*\\u"
ESCAPED_MESSAGE = "write JSON without \\u escapes, or a refused name could stand in one"
REFERENCE = "$("
REFERENCE_MESSAGE = (
    "the kubelet would put the value of a variable in place of $(NAME), and a log would show it: write it out"
)
VARIABLE = "[A-Za-z_][A-Za-z0-9_]*"
VARIABLE_MESSAGE = "a variable's name is letters, digits and _"

NAME = "self.split('=')[0].split('.')[0].replace('_', '-')"
"""CEL: the name of the option that an entry of spec.engine.args sets, as far as vLLM's parser needs it."""
BEGINS_NONE = f"!{{names}}.exists(name, name.startsWith({NAME}))"
"""CEL: the option's name is neither one of `names` nor the beginning of one."""
IN_NO_FAMILY = f"!{{families}}.exists(name, {NAME}.startsWith(name))"
"""CEL: the option's name begins with none of `families`."""
IS_WHOLE = f"{NAME} in {{whole}}"
"""CEL: the option's name is one of `whole`, which are options themselves."""


def argument_rules() -> list[dict[str, str]]:
    """Return the CEL rules of one entry of spec.engine.args."""
    shape = api.rule(f"self.matches(r'^{SHAPE}$')", SHAPE_MESSAGE)
    escaped = api.rule(f"!self.matches(r'^{ESCAPED}')", ESCAPED_MESSAGE)
    plain = api.rule(f"!self.contains('{REFERENCE}')", REFERENCE_MESSAGE)
    return [shape, escaped, plain, entries.list_rule(), *map(argument_rule, OPTIONS), *map(_within_rule, WITHIN)]


def argument_rule(refused: Refused) -> dict[str, str]:
    """Return the CEL rule that refuses the options of one row."""
    expression = BEGINS_NONE.format(names=api.cel_list(f"--{name}" for name in refused.names))
    if families := _families(refused):
        expression += f" && {IN_NO_FAMILY.format(families=api.cel_list(f'--{name}' for name in families))}"
    if whole := [name for name in WHOLE if any(own.startswith(name) for own in refused.names)]:
        expression = f"{IS_WHOLE.format(whole=api.cel_list(f'--{name}' for name in whole))} || {expression}"
    return api.rule(expression, _message(refused, "--"))


def environment_rules() -> list[dict[str, str]]:
    """Return the CEL rules of the name of one entry of spec.engine.env."""
    shape = api.rule(f"self.matches('^{VARIABLE}$')", VARIABLE_MESSAGE)
    return [shape, *(api.rule(f"!(self in {api.cel_list(row.names)})", _message(row, "")) for row in VARIABLES)]


def value_rule() -> dict[str, str]:
    """Return the CEL rule of one entry of spec.engine.env whose value is written out."""
    return api.rule(f"!has(self.value) || !self.value.contains('{REFERENCE}')", REFERENCE_MESSAGE)


def secret_rule() -> dict[str, str]:
    """Return the CEL rule of one entry of spec.engine.env whose value comes from a Secret."""
    message = f"only these variables may come from a Secret, as others may be shown in a log: {', '.join(SECRETS)}"
    return api.rule(f"!has(self.valueFrom) || self.name in {api.cel_list(SECRETS)}", message)


def variables() -> frozenset[str]:
    """Return the names that spec.engine.env may not set: the CEL rules again, in code."""
    return frozenset(name for refused in VARIABLES for name in refused.names)


def refusal(argument: str) -> str | None:
    """Say why `argument`, an entry of spec.engine.args, is refused, or None: the CEL rules again, in code."""
    if wrong := _wrong_form(argument):
        return wrong
    given = name(argument)
    for refused in OPTIONS:
        if given not in WHOLE and _is_of(given, refused):
            return _message(refused, "--")
    for refused in WITHIN:
        if re.search(_anywhere(refused), argument):
            return _message(refused, "...")
    return None


def _wrong_form(argument: str) -> str | None:
    if re.fullmatch(SHAPE, argument) is None:
        return SHAPE_MESSAGE
    if re.match(ESCAPED, argument):
        return ESCAPED_MESSAGE
    if REFERENCE in argument:
        return REFERENCE_MESSAGE
    return entries.LIST_MESSAGE if entries.is_bad_list(argument) else None


def name(argument: str) -> str:
    """Return the name of the option that `argument` sets, without sub-options, in the spelling with dashes."""
    return re.split("[=.]", argument, maxsplit=1)[0].replace("_", "-").removeprefix("--")


def _is_of(name: str, refused: Refused) -> bool:
    """Tell whether `name` is one of the refused names, the beginning of one, or of a family of them."""
    begins = any(own.startswith(name) for own in refused.names)
    return begins or any(name.startswith(family) for family in _families(refused))


def _families(refused: Refused) -> list[str]:
    return [name for name in refused.names if name.endswith("-")]


def _within_rule(refused: Refused) -> dict[str, str]:
    return api.rule(f"!self.matches('{_anywhere(refused)}')", _message(refused, "..."))


def _anywhere(refused: Refused) -> str:
    return "|".join(name.replace("-", "[-_]") for name in refused.names)


def _message(refused: Refused, dashes: str) -> str:
    names = ", ".join(f"{dashes}{name}{'*' if name.endswith('-') else ''}" for name in refused.names)
    return f"refused here ({names}): {refused.why}"
