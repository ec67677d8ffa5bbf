"""vLLM itself: its image, options and variables."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import references, schema

AUTO = "auto"
LONGEST_CONTEXT = 10_000_000
LONGEST_VALUES = 65_536
"""The most characters in the values of all variables, which are part of two objects of limited size."""
HOST_NAME = "([a-z0-9]([-a-z0-9]*[a-z0-9])?[.])+[a-z]([-a-z0-9]*[a-z0-9])?"
"""A name of several parts, of which the last is no number: so no address either."""
HOST_MESSAGE = (
    "write the name of a host in lower case, such as images.example.com: no address, no port, no path and no *"
)
MaxModelLen = Annotated[int, pydantic.Field(ge=1, le=LONGEST_CONTEXT)] | Literal["auto"]


class Env(schema.Schema):
    """One environment variable of the engine."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "!has(self.valueFrom) || !has(self.value) || self.value == ''",
                "a variable has one value: leave out value, or valueFrom",
            )
        )
    )

    name: str = pydantic.Field(
        max_length=128,
        description=(
            "Name of the variable, one that vLLM or a library of it needs; the chart's allow.engineEnv lists others. Names"
            " that the operator sets, and names that open the engine to others, are refused."
        ),
    )
    value: str = pydantic.Field(
        default="",
        max_length=4096,
        description=(
            "Value of the variable. Put no secret here: everybody who can read the ModelDeployment can read it."
            " Default: empty."
        ),
    )
    value_from: references.ValueFrom | None = pydantic.Field(
        default=None,
        description=(
            "Entry of a Secret that holds the value, for variables whose values no log shows: HF_TOKEN and its like."
            " Default: value."
        ),
    )


MediaDomain = Annotated[
    str,
    pydantic.Field(
        min_length=1,
        max_length=253,
        json_schema_extra=schema.rules(
            schema.rule(f"self.matches('^{HOST_NAME}$') && !self.endsWith('.localhost')", HOST_MESSAGE)
        ),
    ),
    schema.matching(HOST_NAME, HOST_MESSAGE),
]


class Media(schema.Schema):
    """Images, sounds and videos that requests name by URL."""

    allow_domains: tuple[MediaDomain, ...] | None = pydantic.Field(
        default=None,
        max_length=64,
        description=(
            "Hosts that vLLM fetches media from where a request names a URL of theirs, such as images.example.com, each"
            " by its whole name. A redirect is not followed. List hosts of people that you trust alone: they say where"
            " their names lead. Default: none, and requests bring their media with them, as data: URLs."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Engine(schema.Schema):
    """vLLM itself: its image and options."""

    image: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=512,
        description="Image with the `vllm` command. Default: the operator's image for the accelerator.",
        json_schema_extra=schema.rules(
            schema.rule("!self.matches('[[:space:]]')", "an image reference holds no white space"),
            schema.rule(
                "!self.matches('(^|/)[.]{0,2}(/|$)')", "an image reference has no empty segment and none of dots"
            ),
        ),
    )
    max_model_len: MaxModelLen | None = pydantic.Field(
        default=None,
        description=(
            "Length of the context, prompt and answer together, or auto: the longest up to what the weights declare that"
            " the memory of the accelerators has room for; status.maxModelLen has it. Tokens. Default: what the weights"
            " declare."
        ),
        json_schema_extra=schema.rules(
            schema.rule(
                f"type(self) == int ? (self >= 1 && self <= {LONGEST_CONTEXT}) : self == '{AUTO}'",
                f"write a number of tokens from 1 to {LONGEST_CONTEXT}, or auto",
            ),
            maxLength=len(AUTO),
            **{"x-kubernetes-int-or-string": True},
        ),
    )
    allow_long_context: bool = pydantic.Field(
        default=False,
        description=(
            "Allow a maxModelLen above what the weights declare. One long prompt can end the server if the weights do"
            " not support it. Default: false."
        ),
    )
    trust_remote_code: bool | None = pydantic.Field(
        default=None,
        description=(
            "Run Python code that comes with the weights. The chart's allow.remoteCode lists, by namespace, the sources"
            " that may be trusted so. Default: false."
        ),
    )
    args: tuple[Annotated[str, pydantic.Field(min_length=3, max_length=1024)], ...] = pydantic.Field(
        default=(),
        max_length=64,
        description=(
            "Further options of `vllm serve`, each entry one --name or --name=value, several values as"
            ' --name=["a","b"]. Options that the operator sets are refused, and so is an option that is given twice;'
            " those that run code or open the engine to others need the chart's allow.engineArgs. Default: none."
        ),
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    env: tuple[Env, ...] = pydantic.Field(
        default=(),
        max_length=64,
        description="Further environment variables of the engine. Default: none.",
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.map(one, has(one.value) ? one.value.size() : 0).sum() <= {LONGEST_VALUES}",
                f"write at most {LONGEST_VALUES} characters in all values together; longer texts belong into engine.files",
            ),
            **{"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
        ),
    )
    files: tuple[references.File, ...] | None = pydantic.Field(
        default=None,
        max_length=32,
        description=(
            "Files from ConfigMaps of this namespace, such as chat templates, in the directory /etc/engine-files, which"
            " args may name. Default: none."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    media: Media | None = pydantic.Field(
        default=None,
        description="Images, sounds and videos that requests name by URL. Default: none of them is fetched.",
    )
    startup_timeout: schema.Duration = pydantic.Field(
        default="30m",
        description=(
            "How long loading may take before the server is restarted. Hours, minutes and seconds, at most 24h."
            " Default: 30m."
        ),
        json_schema_extra=schema.duration("24h"),
    )
    stall_timeout: schema.Duration = pydantic.Field(
        default="3m",
        description=(
            "How long a server that has answered before may make no step while requests wait, before it is restarted."
            " Longer than the longest single step, such as a prompt that is read as a whole or a kernel that is"
            " compiled. Needs vLLM's metrics, so not --disable-log-stats. Hours, minutes and seconds, 2m to 24h; 0s:"
            " never. Default: 3m."
        ),
        json_schema_extra=schema.duration("24h", "2m", off=True),
    )
    drain_timeout: schema.Duration = pydantic.Field(
        default="60s",
        description=(
            "How long a server that is stopped continues with the requests that run. Hours, minutes and seconds, at"
            " most 1h. Default: 60s."
        ),
        json_schema_extra=schema.duration("1h"),
    )
