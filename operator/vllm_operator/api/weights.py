"""How weights that lie elsewhere are fetched and kept: credentials, a pinned digest, the claim."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import references, schema

DIGEST = "sha256:[0-9a-f]{64}"
PATTERN = r"[A-Za-z0-9._*?\[\]-]+(/[A-Za-z0-9._*?\[\]-]+)*"
_OF_AN_EXISTING_CLAIM = "an existing claim has its own size, class, access mode and life: write existingClaim alone"

FilePattern = Annotated[
    str,
    pydantic.Field(
        min_length=1,
        max_length=128,
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.matches(r'^{PATTERN}$') && !self.matches('(^|/)[.][.]?(/|$)')",
                "write the path of a file below the source, perhaps with * and ?, such as *.safetensors",
            )
        ),
    ),
]


class CredentialsSecretRef(schema.Schema):
    """A Secret of this namespace with what a source wants to see."""

    name: references.SecretName = pydantic.Field(
        description=(
            "Name of the Secret. Entries for hf: HF_TOKEN. For s3: AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and perhaps"
            " AWS_SESSION_TOKEN, AWS_REGION. For gs: GOOGLE_APPLICATION_CREDENTIALS_JSON, the key of a service account."
        )
    )


class Cache(schema.Schema):
    """The PersistentVolumeClaim that keeps the weights and vLLM's compiled code."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.size) != has(self.existingClaim)", "write either size, for a new claim, or existingClaim"
            ),
            schema.rule(
                "!has(self.existingClaim) || !self.existingClaim.endsWith('.weights')",
                "a claim whose name ends in .weights is the operator's own: write size, and retain where it is to be kept",
            ),
            schema.rule(
                "!has(self.existingClaim) || (!has(self.storageClassName) && !has(self.accessMode) && !has(self.retain))",
                _OF_AN_EXISTING_CLAIM,
            ),
            schema.rule(
                "!has(oldSelf.size) || !has(self.size)"
                " || !quantity(string(oldSelf.size)).isGreaterThan(quantity(string(self.size)))",
                "a claim cannot shrink: leave size as it is, or raise it",
            ),
            schema.rule(
                "!has(oldSelf.size) || !has(self.size) || (has(self.accessMode) ? self.accessMode : 'ReadWriteOnce')"
                " == (has(oldSelf.accessMode) ? oldSelf.accessMode : 'ReadWriteOnce')",
                "the access mode of a claim cannot be changed: delete the ModelDeployment, or leave accessMode as it is",
            ),
            schema.rule(
                "!has(oldSelf.size) || !has(self.size) || (has(self.storageClassName) ? self.storageClassName : '')"
                " == (has(oldSelf.storageClassName) ? oldSelf.storageClassName : '')",
                "the class of a claim cannot be changed: delete the ModelDeployment, or leave storageClassName as it is",
            ),
        )
    )

    size: schema.Quantity | None = pydantic.Field(
        default=None,
        description=(
            "Size of a new claim of this model, such as 200Gi: room for the weights twice, so that a new revision is"
            " fetched while the old one serves. It can be raised where the storage class allows it. Default: none."
        ),
    )
    storage_class_name: schema.Name | None = pydantic.Field(
        default=None, description="StorageClass of the new claim. Default: the cluster's default class."
    )
    access_mode: Literal["ReadWriteOnce", "ReadWriteMany"] | None = pydantic.Field(
        default=None,
        description=(
            "ReadWriteMany for storage that several nodes mount at once; ReadWriteOnce holds all servers on one node."
            " Default: ReadWriteOnce."
        ),
    )
    retain: bool | None = pydantic.Field(
        default=None,
        description=(
            "Keep the claim when the ModelDeployment is deleted; one of the same name takes it up again. Default: false."
        ),
    )
    existing_claim: schema.Name | None = pydantic.Field(
        default=None,
        description=(
            "PersistentVolumeClaim of this namespace that the operator does not make. Models that name the same claim"
            " share what was fetched. Default: none."
        ),
    )
