"""What is observed of a ModelDeployment: the fields of its status. What is wanted stands in spec.py."""

import functools
from typing import Any, Literal, get_args

import pydantic

from vllm_operator.api import schema
from vllm_operator.kube import shorten


class ClientStatus(schema.Schema):
    """One client, and where its key lies."""

    name: str = pydantic.Field(max_length=63, description="The client's name.")
    secret_name: str = pydantic.Field(
        max_length=253, description="The Secret with OPENAI_API_KEY, OPENAI_BASE_URL and OPENAI_MODEL."
    )
    key_version: int | None = pydantic.Field(
        default=None,
        ge=0,
        description="The keyVersion that the key in the Secret was made for; none for a brought key.",
    )
    expires_at: str | None = pydantic.Field(
        default=None,
        description="From when on the client's keys are refused.",
        json_schema_extra={"format": "date-time"},
    )
    applied_on: int = pydantic.Field(
        default=0, ge=0, description="Servers whose guard has taken up the newest keys and limits."
    )


class Condition(schema.Schema):
    """A standard Kubernetes condition."""

    type: str = pydantic.Field(max_length=64, description="What is said.")
    status: Literal["True", "False", "Unknown"] = pydantic.Field(description="Whether it holds.")
    reason: str = pydantic.Field(max_length=128, description="One word for machines and the STATUS column.")
    message: str = pydantic.Field(default="", max_length=4096, description="The same in words that help.")
    observed_generation: int = pydantic.Field(default=0, ge=0, description="The generation of the spec it speaks of.")
    last_transition_time: str = pydantic.Field(
        description="When `status` last changed.", json_schema_extra={"format": "date-time"}
    )


class Status(schema.Schema):
    """What is observed."""

    observed_generation: int = pydantic.Field(
        default=0, ge=0, description="The generation of the spec that was last acted on."
    )
    url: str = pydantic.Field(default="", max_length=512, description="Where clients reach the model.")
    model: str = pydantic.Field(default="", max_length=128, description="The name clients send as `model`.")
    image: str = pydantic.Field(default="", max_length=512, description="The engine's image.")
    accelerators: str = pydantic.Field(default="", max_length=256, description="The accelerators of one server.")
    replicas: int = pydantic.Field(default=0, ge=0, description="Servers that exist.")
    ready_replicas: int = pydantic.Field(default=0, ge=0, description="Servers that answer.")
    updated_replicas: int = pydantic.Field(default=0, ge=0, description="Servers of the newest generation.")
    selector: str = pydantic.Field(default="", max_length=512, description="The servers' labels, for autoscalers.")
    clients: tuple[ClientStatus, ...] = pydantic.Field(
        default=(),
        max_length=256,
        description="Who may call the model.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    conditions: tuple[Condition, ...] = pydantic.Field(
        default=(),
        max_length=16,
        description="Available, Ready, Progressing, Exposed, GuardConfigured, Verified.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]},
    )


def fitted(body: dict[str, Any], shape: type[schema.Schema] = Status) -> dict[str, Any]:
    """Return a status, or the part of one that `shape` describes, cut to the lengths that the schema allows.

    The API server refuses a whole status for one text that is too long, and nobody would learn anything of the model.
    """
    limits = _limits(shape)
    return {name: _cut(value, *limits[name]) if name in limits else value for name, value in body.items()}


def _cut(value: Any, longest: int, item: type[schema.Schema] | None) -> Any:
    if item:
        return [fitted(one, item) for one in value[:longest]]
    return shorten.to_characters(value, longest)


@functools.cache
def _limits(shape: type[schema.Schema]) -> dict[str, tuple[int, type[schema.Schema] | None]]:
    """Return, by name in manifests, the longest text or list of each field that has a limit, and what a list holds."""
    limits = {}
    for field in shape.model_fields.values():
        longest = next((rule.max_length for rule in field.metadata if hasattr(rule, "max_length")), None)
        if longest is not None:
            limits[str(field.alias)] = (longest, next(iter(get_args(field.annotation)), None))
    return limits
