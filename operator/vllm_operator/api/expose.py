"""Where a model answers outside the cluster."""

import pydantic

from vllm_operator.api import pods, schema


class Tls(schema.Schema):
    """The certificate of the host."""

    secret_name: schema.Name = pydantic.Field(description="A Secret of type kubernetes.io/tls in this namespace.")


class Ingress(schema.Schema):
    """The Ingress that carries the host."""

    class_name: schema.Name | None = pydantic.Field(
        default=None, description="The IngressClass. Default: the operator's setting, else the cluster's default class."
    )
    annotations: dict[str, schema.Text] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description=(
            "More annotations, in place of the operator's own of the same key. The chart's allow.ingressAnnotations has the"
            " keys that may be used."
        ),
        json_schema_extra=pods.chosen_keys(),
    )
    tls: Tls | None = pydantic.Field(default=None, description="Serve HTTPS with this certificate.")


class Expose(schema.Schema):
    """Where the model answers outside the cluster."""

    host: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=253,
        description=(
            "The host of the model's URL, such as vllm11.byteshop.in. Default: <name>.<the operator's domain>, where that is set."
        ),
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.matches('{schema.DNS_NAME}')",
                "write the host alone, such as vllm11.byteshop.in: no scheme, port, path or capital letters",
            ),
        ),
    )
    ingress: Ingress = pydantic.Field(default=Ingress(), description="The Ingress that carries the host.")
    guide: bool | None = pydantic.Field(
        default=None,
        description=(
            "Serve a page for the model's users at /guide: address, examples, errors, and a form to try it. Everybody may read"
            " it, and it tells nothing of clients. Default: the operator's setting, which is true."
        ),
    )
