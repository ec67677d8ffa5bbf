"""Where a model answers outside the cluster."""

import pydantic

from vllm_operator.api import pods, schema


class Tls(schema.Schema):
    """The certificate of the host."""

    secret_name: schema.Name = pydantic.Field(description="Secret of type kubernetes.io/tls in this namespace.")


class Ingress(schema.Schema):
    """The Ingress that carries the host."""

    class_name: schema.Name | None = pydantic.Field(
        default=None,
        description="IngressClass of the Ingress. Default: the operator's setting, or else the cluster's default class.",
    )
    annotations: dict[str, schema.Text] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description=(
            "Further annotations of the Ingress; they replace the operator's annotations of the same key. The chart's"
            " allow.ingressAnnotations lists the keys that may be used. Default: none."
        ),
        json_schema_extra=pods.chosen_keys(),
    )
    tls: Tls | None = pydantic.Field(
        default=None,
        description=(
            "Serve HTTPS with this certificate. Default: the operator's certificate for hosts of its own domain; other"
            " hosts are served over HTTP."
        ),
    )


class Expose(schema.Schema):
    """Where the model answers outside the cluster."""

    host: str | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=253,
        description=(
            "Host of the model's URL, such as vllm11.byteshop.in. Default: <name>.<the operator's domain>, if the"
            " operator has a domain."
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
            "Serve a page for the model's users at /guide, with the address, examples, errors and a form to try the"
            " model. Everybody can read the page; it says nothing about clients. Default: the operator's setting, which"
            " is true unless it was changed."
        ),
    )
