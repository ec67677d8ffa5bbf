"""The weights to serve and the name that clients call them by."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import schema, sources, weights
from vllm_operator.api.adapters import Adapter  # the object, since a field is named as the module is

Task = Literal["Generate", "Embed", "Score", "Classify", "Pool", "Transcribe"]
SCHEMES = "(hf|s3|gs|oci|pvc|file)://"
SCHEMES_MESSAGE = (
    "unknown source: write hf://org/name[@revision], s3://bucket/path, gs://bucket/path, oci://image:tag[/path],"
    " pvc://claim[/path] or file:///path/in/image"
)
MOST_ADAPTERS = 32
_IS_FETCHED = f"self.source.matches('^{sources.FETCHED}')"
_HAS_ADAPTERS = "has(self.adapters)"
_OF_THE_SOURCE = "has(self.servedName) || !(self.source + '@').replace(':', '@').contains('/' + one.name + '@')"
"""CEL: the adapter `one` has another name than the one that a model without servedName gets of its source."""


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
                f"!has(self.credentialsSecretRef) || {_IS_FETCHED} || {_HAS_ADAPTERS}",
                "credentials are for hf, s3 and gs sources: pull an oci image with spec.imagePullSecrets",
            ),
            schema.rule(
                f"!has(self.cache) || {_IS_FETCHED} || {_HAS_ADAPTERS}",
                "cache is for what is fetched, from hf, s3 and gs sources: leave it out",
            ),
            schema.rule(
                f"(!has(self.digest) && (!has(self.files) || self.files.size() == 0)) || {_IS_FETCHED}",
                "digest and files are for hf, s3 and gs sources, whose weights are fetched: leave them out",
            ),
            schema.rule(
                "!has(self.adapters) || self.adapters.all(one, (!has(self.servedName) || one.name != self.servedName)"
                f" && (!has(self.servedNames) || !(one.name in self.servedNames)) && ({_OF_THE_SOURCE}))",
                "an adapter has a name of its own: not one of the model, and not the end of its source",
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
                "!self.matches('^pvc://[^/]*[.]weights(/|$)')",
                "a claim whose name ends in .weights is a model's own, which may replace what lies there: name another claim",
            ),
            schema.rule(
                "!self.startsWith('oci://') || self.matches('^oci://[a-z0-9][A-Za-z0-9._:@-]*(/[A-Za-z0-9._:@-]+)*$')",
                "an oci source is an image reference, such as oci://registry.example/models/opt-125m:v1",
            ),
            *sources.RULES,
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
    served_name: sources.ServedName | None = pydantic.Field(
        default=None,
        description=(
            "Name that clients send as `model`. Default: the last two segments of the source; of an image, those of its"
            " repository."
        ),
    )
    served_names: tuple[sources.ServedName, ...] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=8,
        description="Further names that the model answers to. Default: none.",
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )
    adapters: tuple[Adapter, ...] | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=MOST_ADAPTERS,
        description=(
            "LoRA adapters of these weights, which are fetched as weights are and served from the start under their names."
            " Default: none."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    task: Task = pydantic.Field(
        default="Generate",
        description=(
            "What clients ask of the model. Each task has its own methods and paths; all others get 404. Generate"
            " (completions, chat, responses, messages), Embed (embeddings), Score (scores and reranks texts), Classify"
            " (labels), Pool (the output of a pooling model) or Transcribe (speech to text). Default: Generate."
        ),
    )
