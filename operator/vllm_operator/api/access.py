"""Who may call a model, and how often."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import schema


class RateLimit(schema.Schema):
    """So many requests per unit of time, over all replicas together."""

    requests: int = pydantic.Field(
        default=6000, ge=1, le=1_000_000, description="Requests per unit; a burst of as many is let through at once."
    )
    unit: Literal["Second", "Minute", "Hour"] = pydantic.Field(default="Minute", description="Second, Minute or Hour.")


Origin = Annotated[
    str,
    pydantic.Field(
        max_length=270,
        json_schema_extra=schema.rules(
            schema.rule(
                "self == '*' || self.matches('^https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?$')",
                "write an origin as browsers send it, such as https://app.example.com or http://localhost:3000,"
                " in lower case and without a path; or *",
            ),
        ),
    ),
]


class Cors(schema.Schema):
    """Which web pages may call the model from a browser."""

    allow_origins: tuple[Origin, ...] = pydantic.Field(
        default=(),
        max_length=32,
        description=(
            "Origins of the pages that may call: https://host[:port] or *. A key is needed as ever; none: browsers refuse."
        ),
    )


class Access(schema.Schema):
    """Who may call the model, and how much."""

    default_rate_limit: RateLimit = pydantic.Field(
        default=RateLimit(),
        description="The limit of a client that has none of its own; above it: 429 with Retry-After.",
    )
    max_queued_requests: int = pydantic.Field(
        default=64,
        ge=1,
        le=100_000,
        description=(
            "Requests that wait in one replica beside those that run; above it: 503 with Retry-After. Exact where"
            " spec.engine.args has --max-num-seqs, which says how many run; else 1024 are taken to run, the most that vLLM"
            " chooses by itself."
        ),
    )
    cors: Cors = pydantic.Field(default=Cors(), description="Which web pages may call the model from a browser.")
