"""What the parts of the resource are written with: the frozen base, CEL rules, durations, names and quantities.

Knows how limits are said in a Kubernetes schema; must not know any field.
"""

import datetime as dt
import math
import re
from typing import Annotated, Any

import pydantic
from pydantic import alias_generators

DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_NAME = rf"^{DNS_LABEL}([.]{DNS_LABEL})*$"
LABEL_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
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


def unix(moment: str) -> int:
    """Return the unix seconds of an RFC 3339 time; a fraction of a second is left out."""
    return math.floor(dt.datetime.fromisoformat(moment.upper()).timestamp())


def moment(unix_seconds: float) -> str:
    """Return unix seconds as an RFC 3339 time in UTC."""
    return dt.datetime.fromtimestamp(unix_seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def duration(longest: str, shortest: str = "1s") -> dict[str, Any]:
    """Return the schema extension of a duration of `shortest` to `longest`."""
    return rules(
        rule("self.matches('^([0-9]+[hms])+$')", "write a duration such as 90s, 30m or 1h30m"),
        rule(
            f"!self.matches('^([0-9]+[hms])+$') || (duration(self) >= duration('{shortest}')"
            f" && duration(self) <= duration('{longest}'))",
            f"must be between {shortest} and {longest}",
        ),
        maxLength=16,
    )


NAMED = rule(
    f"self.matches('{DNS_NAME}')", "must be the name of a Kubernetes object: lower-case letters, digits, - and ."
)
Name = Annotated[str, pydantic.Field(max_length=253, json_schema_extra=rules(NAMED))]
Quantity = Annotated[int | str, pydantic.Field(json_schema_extra=QUANTITY)]
NOT_NEGATIVE = rule(
    "self.all(name, type(self[name]) == int ? self[name] >= 0 :"
    " (isQuantity(self[name]) && !quantity(self[name]).isLessThan(quantity('0'))))",
    "quantities are not negative and look like 1, 500m or 16Gi",
)
Quantities = Annotated[dict[str, Quantity], pydantic.Field(max_length=16, json_schema_extra=rules(NOT_NEGATIVE))]
Text = Annotated[str, pydantic.Field(max_length=4096)]
LabelKey = Annotated[
    str,
    pydantic.Field(
        max_length=317,
        json_schema_extra=rules(
            rule(
                f"self.matches('^({DNS_LABEL}([.]{DNS_LABEL})*/)?{LABEL_NAME}$')",
                "write a label's key: letters, digits, -, _ and ., perhaps after a domain and /, such as example.com/zone",
            )
        ),
    ),
]
LabelValue = Annotated[
    str,
    pydantic.Field(
        max_length=63,
        json_schema_extra=rules(
            rule(f"self.matches('^({LABEL_NAME})?$')", "a label's value is letters, digits, -, _ and ., or nothing")
        ),
    ),
]
