"""The status of a ModelDeployment: what is observed. spec.py has what is wanted."""

import functools
from typing import Annotated, Any, Literal, get_args

import pydantic

from vllm_operator.api import schema
from vllm_operator.kube import shorten

LONGEST_NAME = 128
"""In characters: the longest text in a list of texts."""


class ClientStatus(schema.Schema):
    """A client, and the Secret with its key."""

    name: str = pydantic.Field(max_length=63, description="The client's name.")
    secret_name: str = pydantic.Field(
        max_length=253, description="Secret with OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL."
    )
    key_version: int | None = pydantic.Field(
        default=None,
        ge=0,
        description="keyVersion of the key in the Secret. A key that was brought has none.",
    )
    expires_at: str | None = pydantic.Field(
        default=None,
        description="Moment from which the client's keys are refused.",
        json_schema_extra={"format": "date-time"},
    )
    applied_on: int = pydantic.Field(
        default=0, ge=0, description="Number of servers whose guard has the newest keys and limits."
    )


class WeightsStatus(schema.Schema):
    """Weights that are fetched, or were."""

    source: str = pydantic.Field(default="", max_length=512, description="Source that the weights are fetched from.")
    revision: str = pydantic.Field(
        default="",
        max_length=128,
        description="Commit of the hub that the source stood for; of an object store a hash over its listing.",
    )
    digest: str = pydantic.Field(
        default="", max_length=71, description="Digest of all files, to be written into spec.model.digest."
    )
    bytes: int = pydantic.Field(default=0, ge=0, description="Size of all files. Bytes.")
    fetched: int = pydantic.Field(default=0, ge=0, description="Size of what is there. Bytes.")
    bytes_per_second: int = pydantic.Field(default=0, ge=0, description="Speed of the last moments. Bytes per second.")
    seconds: int = pydantic.Field(
        default=0, ge=0, description="Time from the start of what fetches to its last byte. Seconds."
    )
    seconds_left: int = pydantic.Field(default=0, ge=0, description="Time that the rest takes at this speed. Seconds.")
    files: str = pydantic.Field(default="", max_length=32, description="Number of files that are there, and of all.")


class Condition(schema.Schema):
    """A standard Kubernetes condition."""

    type: str = pydantic.Field(max_length=64, description="Type of the condition.")
    status: Literal["True", "False", "Unknown"] = pydantic.Field(description="True, False or Unknown.")
    reason: str = pydantic.Field(max_length=128, description="One word for programs and for the STATUS column.")
    message: str = pydantic.Field(default="", max_length=4096, description="The reason in words, and what to do.")
    observed_generation: int = pydantic.Field(
        default=0, ge=0, description="Generation of the spec that the condition is about."
    )
    last_transition_time: str = pydantic.Field(
        description="Moment at which `status` last changed.", json_schema_extra={"format": "date-time"}
    )


class Outage(schema.Schema):
    """A time in which no server answered."""

    began: str = pydantic.Field(
        description="Moment from which no server answered.", json_schema_extra={"format": "date-time"}
    )
    ended: str | None = pydantic.Field(
        default=None,
        description="Moment from which one answered again. Not set while none does.",
        json_schema_extra={"format": "date-time"},
    )
    cause: str = pydantic.Field(
        default="", max_length=512, description="Last cause that Available named while none answered, if it named any."
    )


class Restarts(schema.Schema):
    """How often containers of the present servers ended, and why the last of them did."""

    count: int = pydantic.Field(
        default=0, ge=0, description="Number of times that vLLM or the guard of a present server ended."
    )
    together: int = pydantic.Field(
        default=0, ge=0, description="Number of ends up to the last, each within an hour of the one before."
    )
    last: str | None = pydantic.Field(
        default=None, description="Moment of the last end.", json_schema_extra={"format": "date-time"}
    )
    pod: str = pydantic.Field(default="", max_length=253, description="Pod in which it was.")
    cause: str = pydantic.Field(default="", max_length=512, description="Cause of the last end, in words.")


class LastStart(schema.Schema):
    """How long the last start of a server took, by phase."""

    server: str = pydantic.Field(default="", max_length=253, description="Pod that started.")
    ready: str | None = pydantic.Field(
        default=None, description="Moment at which it answered.", json_schema_extra={"format": "date-time"}
    )
    total: int = pydantic.Field(default=0, ge=0, description="Time from its node to its first answer. Seconds.")
    pulling: int = pydantic.Field(
        default=0, ge=0, description="Time in which its images were pulled and its volumes mounted. Seconds."
    )
    downloading: int = pydantic.Field(default=0, ge=0, description="Time in which it fetched its own weights. Seconds.")
    loading: int = pydantic.Field(
        default=0, ge=0, description="Time in which vLLM started and read the weights. Seconds."
    )
    compiling: int = pydantic.Field(
        default=0, ge=0, description="Time in which vLLM profiled, compiled and captured graphs. Seconds."
    )


class Capacity(schema.Schema):
    """What the KV cache of one server has room for, as vLLM says."""

    kv_cache_tokens: int = pydantic.Field(default=0, ge=0, description="Number of tokens.")
    requests: int = pydantic.Field(default=0, ge=0, description="Number of requests of the longest context at once.")


class Status(schema.Schema):
    """What is observed."""

    observed_generation: int = pydantic.Field(
        default=0, ge=0, description="Generation of the spec that the operator last acted on."
    )
    url: str = pydantic.Field(default="", max_length=512, description="Address at which clients reach the model.")
    model: str = pydantic.Field(default="", max_length=128, description="Name that clients send as `model`.")
    adapters: tuple[Annotated[str, pydantic.Field(max_length=LONGEST_NAME)], ...] = pydantic.Field(
        default=(),
        max_length=32,
        description="Names of the LoRA adapters that the servers have, which clients may send as `model`.",
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    image: str = pydantic.Field(default="", max_length=512, description="Image of the engine.")
    max_model_len: int | None = pydantic.Field(
        default=None,
        ge=0,
        description="Length of the context that the servers have, where the weights alone do not say it. Tokens.",
    )
    accelerators: str = pydantic.Field(default="", max_length=256, description="Accelerators of one server.")
    upgrade: str = pydantic.Field(
        default="",
        max_length=32,
        description=(
            "Available where this operator would make other servers of the same spec, such as with a newer guard. They are"
            " made when the spec changes, when the annotation serving.byteshop.in/upgrade does, or by the chart's upgrade.policy."
        ),
    )
    replicas: int = pydantic.Field(default=0, ge=0, description="Number of servers.")
    ready_replicas: int = pydantic.Field(default=0, ge=0, description="Number of servers that answer.")
    updated_replicas: int = pydantic.Field(default=0, ge=0, description="Number of servers of the newest template.")
    selector: str = pydantic.Field(default="", max_length=512, description="Labels of the servers, for autoscalers.")
    weights: WeightsStatus | None = pydantic.Field(
        default=None, description="Weights that are fetched, or were, where spec.model.source lies elsewhere."
    )
    clients: tuple[ClientStatus, ...] = pydantic.Field(
        default=(),
        max_length=256,
        description="Clients that may call the model.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    last_start: LastStart | None = pydantic.Field(
        default=None, description="How long the last start of a server took, to compare the next one with."
    )
    capacity: Capacity | None = pydantic.Field(
        default=None, description="What the KV cache of one server has room for."
    )
    restarts: Restarts | None = pydantic.Field(
        default=None, description="How often containers of the present servers ended. Not set where none did."
    )
    last_outage: Outage | None = pydantic.Field(
        default=None,
        description="Last time in which no server answered, after one had, such as in a rollout that stops the only one.",
    )
    conditions: tuple[Condition, ...] = pydantic.Field(
        default=(),
        max_length=16,
        description="Conditions: Available, Ready, Progressing, Exposed, GuardConfigured, Verified and EngineCurrent.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


def fitted(body: dict[str, Any], shape: type[schema.Schema] = Status) -> dict[str, Any]:
    """Return a status, or the part of one that `shape` describes, cut to the lengths that the schema allows.

    The API server refuses a whole status for one text that is too long, and nobody would learn anything of the model.
    """
    limits = _limits(shape)
    return {name: _cut(value, *limits[name]) if name in limits else value for name, value in body.items()}


def _cut(value: Any, longest: int | None, item: type[schema.Schema] | None) -> Any:
    if isinstance(value, dict) and item:
        return fitted(value, item)
    if item:
        return [fitted(one, item) for one in value[:longest]]
    if isinstance(value, list):
        return [shorten.to_characters(one, LONGEST_NAME) for one in value[:longest]]
    return value if longest is None else shorten.to_characters(value, longest)


@functools.cache
def _limits(shape: type[schema.Schema]) -> dict[str, tuple[int | None, type[schema.Schema] | None]]:
    """Return, by name in manifests, the longest text or list of each field, and the shape of what it holds."""
    limits = {}
    for field in shape.model_fields.values():
        longest = next((rule.max_length for rule in field.metadata if hasattr(rule, "max_length")), None)
        classes = (one for one in get_args(field.annotation) if isinstance(one, type))
        held = next((one for one in classes if issubclass(one, schema.Schema)), None)
        if longest is not None or held is not None:
            limits[str(field.alias)] = (longest, held)
    return limits
