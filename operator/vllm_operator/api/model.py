"""The weights to serve and the name that clients call them by."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import schema, weights

Task = Literal["Generate", "Embed", "Score", "Classify", "Pool", "Transcribe"]
SCHEMES = "(hf|s3|gs|oci|pvc|file)://"
SCHEMES_MESSAGE = (
    "unknown source: write hf://org/name[@revision], s3://bucket/path, gs://bucket/path, oci://image:tag[/path],"
    " pvc://claim[/path] or file:///path/in/image"
)
FETCHED = "(hf|s3|gs)://"
"""Sources whose weights are fetched before an engine starts."""
_SEGMENT = "[A-Za-z0-9._][A-Za-z0-9._-]*"
_PATH = f"(/{_SEGMENT})*"
_IS_FETCHED = f"self.source.matches('^{FETCHED}')"
SERVED_NAME = r"^[A-Za-z0-9][A-Za-z0-9._/:-]*$"


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


class Model(schema.Schema):
    """The weights to serve and the name that clients call them by."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.servedName) || self.source.size() <= 128",
                "a source this long needs servedName, of at most 128 characters",
            ),
            schema.rule(
                "!has(self.servedName) || !has(self.servedNames) || !(self.servedName in self.servedNames)",
                "servedNames are further names: leave out the one of servedName",
            ),
            schema.rule(
                f"!has(self.credentialsSecretRef) || {_IS_FETCHED}",
                "credentials are for hf, s3 and gs sources: pull an oci image with spec.imagePullSecrets",
            ),
            schema.rule(
                f"(!has(self.cache) && !has(self.digest) && (!has(self.files) || self.files.size() == 0)) || {_IS_FETCHED}",
                "cache, digest and files are for hf, s3 and gs sources, whose weights are fetched: leave them out",
            ),
        )
    )

    source: Annotated[str, schema.matching(f"(?s){SCHEMES}.*", SCHEMES_MESSAGE)] = pydantic.Field(
        min_length=8,
        max_length=512,
        description=(
            "Location of the weights: hf://org/name[@revision] (a model of the hub), s3://bucket/path or gs://bucket/path"
            " (an object store), oci://image:tag[/path] (an image volume), pvc://claim[/path] (a PersistentVolumeClaim of"
            " this namespace, mounted read-only) or file:///path (a directory of the engine's image)."
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
                f"!self.startsWith('hf://') || self.matches('^hf://{_SEGMENT}/{_SEGMENT}(@{_SEGMENT}{_PATH})?$')",
                "an hf source is a repository of the hub and perhaps a branch, tag or commit, such as hf://org/name@v1.2",
            ),
            schema.rule(
                "!self.matches('^(s3|gs)://') || self.matches('^(s3|gs)://[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"
                f"(/{_SEGMENT})*$')",
                "an s3 or gs source is a bucket and perhaps a directory, such as s3://models/org/name",
            ),
            schema.rule(
                "!self.matches('/[.][.]?(/|$)')", "a source holds no . or .. segments: write the directory itself"
            ),
        ),
    )
    credentials_secret_ref: weights.CredentialsSecretRef | None = pydantic.Field(
        default=None,
        description=(
            "Secret of this namespace with the token or the keys of the source. The engine never sees them. Default: none,"
            " for what everybody may read."
        ),
    )
    digest: str | None = pydantic.Field(
        default=None,
        description=(
            "Digest that the fetched weights must have, as status.weights.digest gives it: sha256: and 64 digits. Default:"
            " any."
        ),
        json_schema_extra=schema.rules(
            schema.rule(f"self.matches('^{weights.DIGEST}$')", "write sha256: and 64 hexadecimal digits")
        ),
        max_length=71,
    )
    files: tuple[weights.FilePattern, ...] = pydantic.Field(
        default=(),
        max_length=32,
        description=(
            "Files to fetch, as patterns such as *.safetensors. Default: weights as safetensors, configuration, tokenizer"
            " and templates, and no file that runs code when it is loaded."
        ),
        json_schema_extra={"x-kubernetes-list-type": "atomic"},
    )
    cache: weights.Cache | None = pydantic.Field(
        default=None,
        description=(
            "Claim that keeps the weights: they are fetched once, before any accelerator is taken. Default: none, and each"
            " new server fetches them into a scratch volume while it holds its accelerators."
        ),
    )
    served_name: ServedName | None = pydantic.Field(
        default=None,
        description="Name that clients send as `model`. Default: the last two segments of the source's path.",
    )
    served_names: tuple[ServedName, ...] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Further names that the model answers to. Default: none.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    task: Task = pydantic.Field(
        default="Generate",
        description=(
            "What clients ask of the model. Each task has its own methods and paths; all others get 404. Generate"
            " (completions, chat, responses, messages), Embed (embeddings), Score (scores and reranks texts), Classify"
            " (labels), Pool (the output of a pooling model) or Transcribe (speech to text). Default: Generate."
        ),
    )
