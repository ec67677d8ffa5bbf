"""Who may call a model, and how often."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import references, schema

MOST_CLIENTS = 128  # the guard's Secret holds some routes for each of their keys, and may have 1 MiB


class RateLimit(schema.Schema):
    """How many requests a client may make per unit of time, over all replicas together."""

    requests: int = pydantic.Field(
        default=6000,
        ge=1,
        le=1_000_000,
        description="Requests per unit. A burst of as many passes at once. Default: 6000.",
    )
    unit: Literal["Second", "Minute", "Hour"] = pydantic.Field(
        default="Minute", description="Second, Minute or Hour. Default: Minute."
    )


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
    """Web pages that may call the model from a browser."""

    allow_origins: tuple[Origin, ...] = pydantic.Field(
        default=(),
        max_length=32,
        description=(
            "Origins of pages that may call the model, such as https://app.example.com, or * for all. The page needs a"
            " key too. Default: none, and browsers refuse."
        ),
    )


class KeySecretRef(schema.Schema):
    """A Secret of this namespace that holds a key and that the operator does not write."""

    name: references.SecretName = pydantic.Field(
        description=(
            "Name of the Secret, which carries the label serving.byteshop.in/model with the model's name. Its entry"
            " OPENAI_API_KEY holds the key: sk- followed by 32 to 128 of the characters A-Z a-z 0-9 _ -."
        )
    )


class Client(schema.Schema):
    """A client that may call the model, with a key of its own in the Secret <model>.key.<name>."""

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

    name: ClientName = pydantic.Field(
        description="Name of the client in logs, metrics and the name of its Secret. A DNS label."
    )
    rate_limit: RateLimit | None = pydantic.Field(
        default=None, description="Limit of this client. Default: spec.access.defaultRateLimit."
    )
    expires_at: schema.Moment | None = pydantic.Field(
        default=None,
        description=(
            "Moment, such as 2027-01-31T12:00:00Z, from which the client's keys are refused as expired. Default: never."
        ),
    )
    key_version: int | None = pydantic.Field(
        default=None,
        ge=1,
        le=1_000_000,
        description=(
            "Raise it to get a new key; the old key is accepted for rotationOverlap longer. It cannot be lowered."
            " Default: 1."
        ),
        json_schema_extra=schema.rules(
            schema.rule("self >= oldSelf", "keyVersion may only be raised: an older key does not come back")
        ),
    )
    key_secret_ref: KeySecretRef | None = pydantic.Field(
        default=None, description="Secret with a key that you bring. Default: the operator makes the key."
    )


class Access(schema.Schema):
    """Who may call the model, and how much."""

    default_rate_limit: RateLimit = pydantic.Field(
        default=RateLimit(),
        description="Limit of each client that has no rateLimit. Requests above it get 429 with Retry-After.",
    )
    rotation_overlap: schema.Duration = pydantic.Field(
        default="1h",
        description=(
            "How long a replaced key is still accepted; 0s ends it at once. A shorter overlap also shortens those that"
            " are running. Hours, minutes and seconds, at most 720h. Default: 1h."
        ),
        json_schema_extra=schema.duration("720h", shortest="0s"),
    )
    max_queued_requests: int = pydantic.Field(
        default=64,
        ge=1,
        le=100_000,
        description=(
            "Requests that may wait in one replica beside those that run; more get 503 with Retry-After. The bound is"
            " exact if spec.engine.args sets --max-num-seqs, the number of requests that run. Without it 1024 are"
            " assumed to run, the most that vLLM chooses. Default: 64."
        ),
    )
    max_request_bytes: int | None = pydantic.Field(
        default=None,
        ge=1024,
        le=1_073_741_824,
        description=(
            "Bytes that the body of a request may have; a longer one gets 413, before it is read where it tells its length."
            " Running servers take a lower bound up at once, new ones a higher one. Default: 33554432, and 67108864 for the"
            " task Transcribe."
        ),
    )
    clients: tuple[Client, ...] | None = pydantic.Field(
        default=None,
        max_length=MOST_CLIENTS,
        description=(
            "Clients that may call the model. An empty list lets nobody in. The keys of a client that is removed are"
            " revoked. Default: one client named default."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    cors: Cors = pydantic.Field(default=Cors(), description="Web pages that may call the model from a browser.")
