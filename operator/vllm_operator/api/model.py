"""The weights to serve and the name that clients call them by."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import schema

Task = Literal["Generate", "Embed", "Score", "Classify", "Pool", "Transcribe"]
SCHEMES = "(file|pvc|oci)://"
SCHEMES_MESSAGE = "unknown source: write file:///path/in/image, pvc://claim[/path] or oci://registry/image:tag"
SERVED_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$"


class Model(schema.Schema):
    """The weights to serve and the name that clients call them by."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.servedName) || self.source.size() <= 128",
                "a source this long needs servedName, of at most 128 characters",
            )
        )
    )

    source: Annotated[str, schema.matching(f"(?s){SCHEMES}.*", SCHEMES_MESSAGE)] = pydantic.Field(
        min_length=8,
        max_length=512,
        description=(
            "Location of the weights: file:///path (a directory of the engine's image), pvc://claim[/path] (a"
            " PersistentVolumeClaim of this namespace, mounted read-only) or oci://image (an image volume)."
        ),
        json_schema_extra=schema.rules(
            schema.rule(f"self.matches('^{SCHEMES}')", SCHEMES_MESSAGE),
            schema.rule(
                "!self.startsWith('file://') || self.matches('^file://(/[A-Za-z0-9._][A-Za-z0-9._-]*)+$')",
                "a file source is an absolute directory of the engine's image, such as file:///models/facebook/opt-125m",
            ),
            schema.rule(
                f"!self.startsWith('pvc://') || self.matches('^pvc://{schema.DNS_LABEL}([.]{schema.DNS_LABEL})*(/[A-Za-z0-9._][A-Za-z0-9._-]*)*$')",
                "a pvc source is a claim's name and perhaps a directory, such as pvc://weights/facebook/opt-125m",
            ),
            schema.rule(
                "!self.startsWith('oci://') || self.matches('^oci://[a-z0-9][A-Za-z0-9._/:@-]*$')",
                "an oci source is an image reference, such as oci://registry.example/models/opt-125m:v1",
            ),
            schema.rule(
                "!self.matches('/[.][.]?(/|$)')", "a source holds no . or .. segments: write the directory itself"
            ),
        ),
    )
    served_name: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=128,
        description="Name that clients send as `model`. Default: the last two segments of the source's path.",
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.matches('{SERVED_NAME}')", "letters, digits and . _ - / : only, such as facebook/opt-125m"
            ),
        ),
    )
    task: Task = pydantic.Field(
        default="Generate",
        description=(
            "What clients ask of the model. Each task has its own methods and paths; all others get 404. Generate"
            " (completions, chat, responses, messages), Embed (embeddings), Score (scores and reranks texts), Classify"
            " (labels), Pool (the output of a pooling model) or Transcribe (speech to text). Default: Generate."
        ),
    )
