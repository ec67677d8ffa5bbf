"""vLLM itself: its image, options and variables."""

from typing import Annotated

import pydantic

from vllm_operator.api import schema


class Env(schema.Schema):
    """One environment variable of the engine."""

    name: str = pydantic.Field(
        max_length=128,
        description="Its name; names that the operator sets, and those that open the engine to others, are refused.",
    )
    value: str = pydantic.Field(
        default="",
        max_length=4096,
        description="Its value. Not for secrets: whoever reads the ModelDeployment reads it.",
    )


class Engine(schema.Schema):
    """vLLM itself: its image and options."""

    image: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=512,
        description="The image that holds the `vllm` command. Default: the operator's setting for the accelerator.",
        json_schema_extra=schema.rules(
            schema.rule("!self.matches('[[:space:]]')", "an image reference holds no white space")
        ),
    )
    max_model_len: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=10_000_000,
        description="Tokens of context, prompt and answer together. Default: what the weights declare.",
    )
    allow_long_context: bool = pydantic.Field(
        default=False,
        description=(
            "Allow maxModelLen above what the weights declare. Unless the weights truly bear it, one long prompt ends the"
            " server: leave it off if in doubt."
        ),
    )
    args: tuple[Annotated[str, pydantic.Field(min_length=3, max_length=1024)], ...] = pydantic.Field(
        default=(),
        max_length=64,
        description=(
            "More options of `vllm serve`, one --name or --name=value an entry. Those that the operator sets itself"
            " and those that run foreign code are refused."
        ),
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    env: tuple[Env, ...] = pydantic.Field(
        default=(),
        max_length=64,
        description="More environment variables of the engine.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    startup_timeout: schema.Duration = pydantic.Field(
        default="30m",
        description="How long loading may take before the server is restarted.",
        json_schema_extra=schema.duration("24h"),
    )
    drain_timeout: schema.Duration = pydantic.Field(
        default="60s",
        description="How long a server that is told to stop goes on with the requests that run.",
        json_schema_extra=schema.duration("1h"),
    )
