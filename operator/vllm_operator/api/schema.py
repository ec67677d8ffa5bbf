"""What the parts of the resource are written with: the frozen base, CEL rules, and the types that several fields share.

Knows how limits are said in a Kubernetes schema; must not know any field.
"""

import json
import re
from collections.abc import Callable, Iterable
from typing import Annotated, Any

import pydantic
from pydantic import alias_generators

from vllm_operator.api import values

DNS_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
DNS_NAME = rf"^{DNS_LABEL}([.]{DNS_LABEL})*$"
LABEL_NAME = "[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
LABEL_KEY = f"^({DNS_LABEL}([.]{DNS_LABEL})*/)?{LABEL_NAME}$"
LONGEST_KEY = 317


def rule(expression: str, message: str) -> dict[str, str]:
    """Return one CEL rule; `message` says what to write instead."""
    return {"rule": expression, "message": message}


def cel_list(texts: Iterable[str]) -> str:
    """Return texts as a list of CEL, which writes them as JSON does."""
    return json.dumps(list(texts))


def rules(*pairs: dict[str, str], **extra: Any) -> dict[str, Any]:
    """Return the schema extension that holds CEL rules."""
    return {"x-kubernetes-validations": list(pairs), **extra}


class Schema(pydantic.BaseModel):
    """A frozen part of the resource; fields are snake_case here and camelCase in manifests."""

    model_config = pydantic.ConfigDict(frozen=True, alias_generator=alias_generators.to_camel, populate_by_name=True)


def understood(parse: Callable[[str], object]) -> pydantic.AfterValidator:
    """Return the check that `parse` raises no ValueError: a text that no rule admits any more may still be stored."""

    def check(text: str) -> str:
        parse(text)
        return text

    return pydantic.AfterValidator(check)


def matching(pattern: str, message: str) -> pydantic.AfterValidator:
    """Return the check that the whole of a text matches `pattern`, because other code relies on it."""

    def parse(text: str) -> None:
        if re.fullmatch(pattern, text) is None:
            raise ValueError(message)

    return understood(parse)


def duration(longest: str, shortest: str = "1s", *, off: bool = False) -> dict[str, Any]:
    """Return the schema extension of a Duration of `shortest` to `longest`, or of none where `off` is allowed."""
    form = f"self.matches('^{values.DURATION}$')"
    none = "duration(self) == duration('0s') || " if off else ""
    return rules(
        rule(form, "write a duration such as 90s, 30m or 1h30m"),
        rule(
            f"!{form} || {none}(duration(self) >= duration('{shortest}') && duration(self) <= duration('{longest}'))",
            f"must be between {shortest} and {longest}{', or 0s for never' if off else ''}",
        ),
    )


KEYS = rule(
    f"self.all(key, key.size() <= {LONGEST_KEY} && key.matches('{LABEL_KEY}'))",
    "write keys of letters, digits, -, _ and ., perhaps after a domain and /, such as example.com/zone",
)
NAMED = rule(
    f"self.matches('{DNS_NAME}')", "must be the name of a Kubernetes object: lower-case letters, digits, - and ."
)

Duration = Annotated[str, pydantic.Field(max_length=16), understood(values.seconds)]
Moment = Annotated[
    str,
    pydantic.Field(
        max_length=40,
        json_schema_extra=rules(
            rule(f"self.matches('^{values.MOMENT}$')", "write a moment such as 2027-01-31T12:00:00Z"),
            rule(
                f"!self.matches('^{values.MOMENT}$') || (timestamp(self) > timestamp('2025-01-01T00:00:00Z')"
                " && timestamp(self) < timestamp('2200-01-01T00:00:00Z'))",
                "lies in the past, or too far ahead: write a moment such as 2027-01-31T12:00:00Z",
            ),
        ),
    ),
]
"""Reading a spec does not check it again: a moment that cannot be read ends only its own client (keys/expiry.py)."""
Label = Annotated[
    str,
    pydantic.Field(
        max_length=63,
        json_schema_extra=rules(
            rule(f"self.matches('^{DNS_LABEL}$')", "write lower-case letters, digits and - inside, such as gpu")
        ),
    ),
]
Name = Annotated[str, pydantic.Field(max_length=253, json_schema_extra=rules(NAMED))]
Quantity = Annotated[
    Annotated[int, pydantic.Field(ge=0, le=values.LARGEST_QUANTITY)] | Annotated[str, pydantic.Field(max_length=32)],
    pydantic.Field(
        json_schema_extra=rules(
            rule(
                f"type(self) == int ? self >= 0 : (self.matches('^{values.QUANTITY}$')"
                f" && !quantity(self).isGreaterThan(quantity('{values.LARGEST_QUANTITY}')))",
                "write a quantity that is not negative, such as 1, 500m or 16Gi: at most 18 digits, 9 decimals and 7Ei",
            ),
            maxLength=32,
            **{"x-kubernetes-int-or-string": True},
        )
    ),
]
Quantities = Annotated[dict[str, Quantity], pydantic.Field(max_length=16, json_schema_extra=rules(KEYS))]
Text = Annotated[str, pydantic.Field(max_length=4096)]
LabelKey = Annotated[
    str,
    pydantic.Field(
        max_length=LONGEST_KEY,
        json_schema_extra=rules(
            rule(
                f"self.matches('{LABEL_KEY}')",
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
