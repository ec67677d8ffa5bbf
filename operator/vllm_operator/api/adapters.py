"""LoRA adapters: small weights beside those of the model, which answer to names of their own."""

from typing import Annotated

import pydantic

from vllm_operator.api import schema, sources

SOURCE_MESSAGE = "adapters are fetched: write hf://org/name[@revision], s3://bucket/path or gs://bucket/path"


class Adapter(schema.Schema):
    """One LoRA adapter, which every server of the model has from its start."""

    name: sources.ServedName = pydantic.Field(
        description="Name that clients send as `model`: none of the model's own names, and not the end of its source."
    )
    source: Annotated[str, schema.matching(f"(?s){sources.FETCHED}.*", SOURCE_MESSAGE)] = pydantic.Field(
        min_length=8,
        max_length=512,
        description=(
            "Location of the adapter in PEFT's form, adapter_config.json beside adapter_model.safetensors:"
            " hf://org/name[@revision], s3://bucket/path or gs://bucket/path."
        ),
        json_schema_extra=schema.rules(
            schema.rule(f"self.matches('^{sources.FETCHED}')", SOURCE_MESSAGE), *sources.RULES
        ),
    )
