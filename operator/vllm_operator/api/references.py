"""Entries of ConfigMaps and Secrets of a model's namespace, as a spec names them. Must not know what they are used for."""

from typing import Annotated

import pydantic

from vllm_operator.api import schema

KEY = "[A-Za-z0-9_-][A-Za-z0-9._-]*"
_KEY_RULE = schema.rule(f"self.matches('^{KEY}$')", "write letters, digits, -, _ and ., such as chat.jinja")
_OWN = "[.](key[.][a-z0-9-]+|guard)$"
_ISSUED = "[.]tls$"

EntryName = Annotated[str, pydantic.Field(min_length=1, max_length=128, json_schema_extra=schema.rules(_KEY_RULE))]


_KEYS_STAY = schema.rule(
    f"!self.matches('{_OWN}')", "keys of clients and guards stay where they are: name a Secret of your own"
)
_CERTIFICATES_STAY = schema.rule(
    f"!self.matches('{_ISSUED}')",
    "a Secret whose name ends in .tls is a model's certificate: name a Secret of your own",
)
CertificateName = Annotated[
    str, pydantic.Field(max_length=253, json_schema_extra=schema.rules(schema.NAMED, _KEYS_STAY))
]
"""The name of a Secret with a certificate; the model's name decides which of those that end in .tls (see `crd`)."""
SecretName = Annotated[
    str, pydantic.Field(max_length=253, json_schema_extra=schema.rules(schema.NAMED, _KEYS_STAY, _CERTIFICATES_STAY))
]
"""The name of a Secret that belongs to no model."""


class ConfigMapKeyRef(schema.Schema):
    """An entry of a ConfigMap."""

    name: schema.Name = pydantic.Field(description="Name of the ConfigMap, in this namespace.")
    key: EntryName | None = pydantic.Field(
        default=None, description="Entry of the ConfigMap. Default: the file's name."
    )


class File(schema.Schema):
    """A file that the engine reads, such as a chat template."""

    name: EntryName = pydantic.Field(description="Name of the file: the engine finds it at /etc/engine-files/<name>.")
    config_map_key_ref: ConfigMapKeyRef = pydantic.Field(description="Entry of a ConfigMap that holds its content.")


class SecretKeyRef(schema.Schema):
    """An entry of a Secret."""

    name: SecretName = pydantic.Field(
        description="Name of the Secret, in this namespace. Keys of clients and of guards are refused."
    )
    key: EntryName = pydantic.Field(description="Entry of the Secret.")


class ValueFrom(schema.Schema):
    """Where the value of a variable comes from."""

    secret_key_ref: SecretKeyRef = pydantic.Field(description="Entry of a Secret.")
