"""Who may call a model, and how often."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import schema

MOST_CLIENTS = 128  # the guard's Secret holds some routes for each of their keys, and may have 1 MiB


class RateLimit(schema.Schema):
    """So many requests per unit of time, over all replicas together."""

    requests: int = pydantic.Field(
        default=6000, ge=1, le=1_000_000, description="Requests per unit; a burst of as many is let through at once."
    )
    unit: Literal["Second", "Minute", "Hour"] = pydantic.Field(default="Minute", description="Second, Minute or Hour.")


ORIGIN = "[*]|https?://[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?"
ORIGIN_MESSAGE = (
    "write an origin as browsers send it, such as https://app.example.com or http://localhost:3000, in lower case and without a"
    " path; or *"
)
CLIENT_MESSAGE = "a client's name: lower-case letters, digits and - inside"

Origin = Annotated[
    str,
    pydantic.Field(
        max_length=270, json_schema_extra=schema.rules(schema.rule(f"self.matches('^({ORIGIN})$')", ORIGIN_MESSAGE))
    ),
    schema.matching(ORIGIN, ORIGIN_MESSAGE),
]
ClientName = Annotated[
    str,
    pydantic.Field(
        min_length=1,
        max_length=63,
        json_schema_extra=schema.rules(schema.rule(f"self.matches('^{schema.DNS_LABEL}$')", CLIENT_MESSAGE)),
    ),
    schema.matching(schema.DNS_LABEL, CLIENT_MESSAGE),
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


class KeySecretRef(schema.Schema):
    """A Secret of this namespace that somebody else writes."""

    name: schema.Name = pydantic.Field(
        description=(
            "The Secret's name. It opts in by the label serving.byteshop.in/model with the model's name, and holds the key"
            " in its entry OPENAI_API_KEY: sk- and 32 to 128 of the characters A-Z a-z 0-9 _ - alone."
        )
    )


class Client(schema.Schema):
    """One who may call the model, with a key of its own in the Secret <model>.key.<name>."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "!has(self.keyVersion) || !has(self.keySecretRef)",
                "a brought key is rotated where it comes from: leave out keyVersion, or keySecretRef",
            ),
            schema.rule(
                "!has(oldSelf.keyVersion) || has(self.keyVersion) || has(self.keySecretRef)",
                "keyVersion may not be taken away, which would lower it to 1: leave it as it is",
            ),
        )
    )

    name: ClientName = pydantic.Field(description="The client's name, which stands in logs and metrics: a DNS label.")
    rate_limit: RateLimit | None = pydantic.Field(
        default=None, description="The client's own limit. Default: defaultRateLimit."
    )
    expires_at: schema.Moment | None = pydantic.Field(
        default=None,
        description=(
            "From this moment, such as 2027-01-31T12:00:00Z, the client's keys are refused, and the refusal says that they have"
            " expired. Default: never."
        ),
    )
    key_version: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=1_000_000,
        description="Raise it for a new key; the old one stays valid for rotationOverlap. Default: 1.",
        json_schema_extra=schema.rules(
            schema.rule("self >= oldSelf", "keyVersion may only be raised: an older key does not come back")
        ),
    )
    key_secret_ref: KeySecretRef | None = pydantic.Field(
        default=None, description="A brought key, instead of one that the operator makes."
    )


class Access(schema.Schema):
    """Who may call the model, and how much."""

    default_rate_limit: RateLimit = pydantic.Field(
        default=RateLimit(),
        description="The limit of a client that has none of its own; above it: 429 with Retry-After.",
    )
    rotation_overlap: schema.Duration = pydantic.Field(
        default="1h",
        description=(
            "How long a key that was replaced is still accepted; 0s: not at all. Shortened, it shortens overlaps that run."
        ),
        json_schema_extra=schema.duration("720h", shortest="0s"),
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
    clients: tuple[Client, ...] | None = pydantic.Field(
        default=None,
        max_length=MOST_CLIENTS,
        description=(
            "Who may call the model. Default: one client named default. An empty list lets nobody in."
            " Who is taken off the list is revoked."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    cors: Cors = pydantic.Field(default=Cors(), description="Which web pages may call the model from a browser.")
