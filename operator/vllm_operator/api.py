"""The resource: every field of a ModelDeployment's spec with its type, limits, default, rules and documentation.

The CRD is generated from here (crd.py), so what `kubectl explain` prints and what `kubectl apply` refuses stand beside the
field. Knows nothing of the objects that a ModelDeployment becomes. Limits are the API server's to enforce; pydantic enforces
the types again and ignores fields of a newer schema.
"""

import re
from typing import Annotated, Any, Literal

import pydantic
from pydantic import alias_generators

SERVED_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$"
DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_NAME = rf"^{DNS_LABEL}([.]{DNS_LABEL})*$"
QUANTITY = {"x-kubernetes-int-or-string": True, "maxLength": 32}


def rule(expression: str, message: str) -> dict[str, str]:
    """Return one CEL rule; `message` says what to write instead."""
    return {"rule": expression, "message": message}


def rules(*pairs: dict[str, str], **extra: Any) -> dict[str, Any]:
    """Return the schema extension that holds CEL rules."""
    return {"x-kubernetes-validations": list(pairs), **extra}


class Schema(pydantic.BaseModel):
    """A frozen part of the resource; fields are snake_case here and camelCase in manifests."""

    model_config = pydantic.ConfigDict(frozen=True, alias_generator=alias_generators.to_camel, populate_by_name=True)


def seconds(duration: str) -> int:
    """Return the seconds of a duration such as `1h30m`; the schema admits h, m and s."""
    units = {"h": 3600, "m": 60, "s": 1}
    return sum(int(number) * units[unit] for number, unit in re.findall(r"([0-9]+)([hms])", duration))


def _duration(longest: str) -> dict[str, Any]:
    return rules(
        rule("self.matches('^([0-9]+[hms])+$')", "write a duration such as 90s, 30m or 1h30m"),
        rule(
            f"!self.matches('^([0-9]+[hms])+$') || (duration(self) >= duration('1s') && duration(self) <= duration('{longest}'))",
            f"must be between 1s and {longest}",
        ),
        maxLength=16,
    )


Name = Annotated[
    str,
    pydantic.Field(
        max_length=253,
        json_schema_extra=rules(
            rule(
                f"self.matches('{DNS_NAME}')",
                "must be the name of a Kubernetes object: lower-case letters, digits, - and .",
            ),
        ),
    ),
]
Quantity = Annotated[int | str, pydantic.Field(json_schema_extra=QUANTITY)]
Quantities = Annotated[
    dict[str, Quantity],
    pydantic.Field(
        max_length=16,
        json_schema_extra=rules(
            rule(
                "self.all(name, type(self[name]) == int ? self[name] >= 0 :"
                " (isQuantity(self[name]) && !quantity(self[name]).isLessThan(quantity('0'))))",
                "quantities are not negative and look like 1, 500m or 16Gi",
            )
        ),
    ),
]


class Model(Schema):
    """The weights to serve and the name that clients call them by."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=rules(
            rule(
                "has(self.servedName) || self.source.size() <= 128",
                "a source this long needs servedName, of at most 128 characters",
            )
        )
    )

    source: str = pydantic.Field(
        min_length=8,
        max_length=512,
        description=(
            "Where the weights are: file:///path (a directory in the engine's image), pvc://claim[/path] (a"
            " PersistentVolumeClaim of this namespace, mounted read-only) or oci://image (an image volume)."
        ),
        json_schema_extra=rules(
            rule(
                "self.matches('^(file|pvc|oci)://')",
                "unknown source: write file:///path/in/image, pvc://claim[/path] or oci://registry/image:tag",
            ),
            rule(
                "!self.startsWith('file://') || self.matches('^file://(/[A-Za-z0-9._][A-Za-z0-9._-]*)+$')",
                "a file source is an absolute directory of the engine's image, such as file:///models/facebook/opt-125m",
            ),
            rule(
                f"!self.startsWith('pvc://') || self.matches('^pvc://{DNS_LABEL}([.]{DNS_LABEL})*(/[A-Za-z0-9._][A-Za-z0-9._-]*)*$')",
                "a pvc source is a claim's name and perhaps a directory, such as pvc://weights/facebook/opt-125m",
            ),
            rule(
                "!self.startsWith('oci://') || self.matches('^oci://[a-z0-9][A-Za-z0-9._/:@-]*$')",
                "an oci source is an image reference, such as oci://registry.example/models/opt-125m:v1",
            ),
            rule("!self.matches('/[.][.]?(/|$)')", "a source holds no . or .. segments: write the directory itself"),
        ),
    )
    served_name: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=128,
        description="The name clients send as `model`. Default: the last two segments of the source's path.",
        json_schema_extra=rules(
            rule(f"self.matches('{SERVED_NAME}')", "letters, digits and . _ - / : only, such as facebook/opt-125m"),
        ),
    )


class Resources(Schema):
    """What the engine's container asks for and may use. An accelerator is named by its resource, such as nvidia.com/gpu."""

    limits: Quantities | None = pydantic.Field(
        default=None, description="The most the engine may use. Without an accelerator it runs on the CPU."
    )
    requests: Quantities | None = pydantic.Field(
        default=None, description="What the scheduler reserves. Default: the limits."
    )


class Env(Schema):
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


class Engine(Schema):
    """vLLM itself: its image and options."""

    image: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=512,
        description="The image that holds the `vllm` command. Default: the operator's setting for the accelerator.",
        json_schema_extra=rules(rule("!self.matches('[[:space:]]')", "an image reference holds no white space")),
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
    startup_timeout: str = pydantic.Field(
        default="30m",
        description="How long loading may take before the server is restarted.",
        json_schema_extra=_duration("24h"),
    )
    drain_timeout: str = pydantic.Field(
        default="60s",
        description="How long a server that is told to stop goes on with the requests that run.",
        json_schema_extra=_duration("1h"),
    )


class RateLimit(Schema):
    """So many requests per unit of time, over all replicas together."""

    requests: int = pydantic.Field(
        default=6000, ge=1, le=1_000_000, description="Requests per unit; a burst of as many is let through at once."
    )
    unit: Literal["Second", "Minute", "Hour"] = pydantic.Field(default="Minute", description="Second, Minute or Hour.")


class Access(Schema):
    """Who may call the model, and how much."""

    default_rate_limit: RateLimit = pydantic.Field(
        default=RateLimit(),
        description="The limit of a client that has none of its own; above it: 429 with Retry-After.",
    )
    max_queued_requests: int = pydantic.Field(
        default=64, ge=1, le=100_000, description="Requests that wait in one replica; above it: 503 with Retry-After."
    )


class Tls(Schema):
    """The certificate of the host."""

    secret_name: Name = pydantic.Field(description="A Secret of type kubernetes.io/tls in this namespace.")


class Ingress(Schema):
    """The Ingress that carries the host."""

    class_name: Name | None = pydantic.Field(
        default=None, description="The IngressClass. Default: the operator's setting, else the cluster's default class."
    )
    tls: Tls | None = pydantic.Field(default=None, description="Serve HTTPS with this certificate.")


class Expose(Schema):
    """Where the model answers outside the cluster."""

    host: str = pydantic.Field(
        min_length=1,
        max_length=253,
        description="The host of the model's URL, such as vllm11.byteshop.in.",
        json_schema_extra=rules(
            rule(
                f"self.matches('{DNS_NAME}')",
                "write the host alone, such as vllm11.byteshop.in: no scheme, port, path or capital letters",
            ),
        ),
    )
    ingress: Ingress = pydantic.Field(default=Ingress(), description="The Ingress that carries the host.")


class Spec(Schema):
    """What is wanted: one model served by vLLM."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=rules(
            rule(
                "self.access.defaultRateLimit.requests >= self.replicas",
                "the replicas share the rate limit: fewer requests than replicas would let none through; raise the limit",
            )
        )
    )

    model: Model = pydantic.Field(description="The weights to serve and the name that clients call them by.")
    replicas: int = pydantic.Field(
        default=1,
        ge=0,
        le=1000,
        description="Servers that answer. 0 keeps keys and URL and frees the accelerators. `kubectl scale` sets it.",
    )
    resources: Resources = pydantic.Field(default=Resources(), description="What one server's container may use.")
    engine: Engine = pydantic.Field(default=Engine(), description="vLLM's image and options.")
    access: Access = pydantic.Field(default=Access(), description="Who may call the model, and how much.")
    expose: Expose | None = pydantic.Field(
        default=None,
        description="Where the model answers outside the cluster. Default: <name>.<the operator's domain>, where that is set.",
    )
