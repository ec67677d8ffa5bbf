"""The forms of a source that is fetched, which a model and its adapters share, and the names that clients send as `model`."""

from typing import Annotated

import pydantic

from vllm_operator.api import schema

FETCHED = "(hf|s3|gs)://"
"""Sources whose weights are fetched before an engine starts."""
SEGMENT = "[A-Za-z0-9._][A-Za-z0-9._-]*"
PATH = f"(/{SEGMENT})*"
SERVED_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$"

RULES = (
    schema.rule(
        f"!self.startsWith('hf://') || self.matches('^hf://{SEGMENT}/{SEGMENT}(@{SEGMENT}{PATH})?$')",
        "an hf source is a repository of the hub and perhaps a branch, tag or commit, such as hf://org/name@v1.2",
    ),
    schema.rule(
        f"!self.matches('^(s3|gs)://') || self.matches('^(s3|gs)://[a-z0-9][a-z0-9._-]{{1,61}}[a-z0-9](/{SEGMENT})*$')",
        "an s3 or gs source is a bucket and perhaps a directory, such as s3://models/org/name",
    ),
    schema.rule("!self.matches('/[.][.]?(/|$)')", "a source holds no . or .. segments: write the directory itself"),
)

ServedName = Annotated[
    str,
    pydantic.Field(
        min_length=1,
        max_length=128,
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.matches('{SERVED_NAME}')", "letters, digits and . _ - / : only, such as facebook/opt-125m"
            ),
        ),
    ),
]
