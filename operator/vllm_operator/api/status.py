"""What is observed of a ModelDeployment: the fields of its status. What is wanted stands in spec.py."""

from typing import Literal

import pydantic

from vllm_operator.api import schema


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
