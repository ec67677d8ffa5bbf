"""Where a model answers outside the cluster."""

from typing import Annotated, Literal

import pydantic

from vllm_operator.api import pods, references, schema

SEGMENT = "[A-Za-z0-9][-A-Za-z0-9._]*"
PATH = f"(/{SEGMENT})+"
"""A path below which a model answers: without a slash at its end, and without a segment that begins with a dot."""
LONGEST_PATH, LONGEST_URL = 128, 400
URL = f"https?://{schema.DNS_LABEL}([.]{schema.DNS_LABEL})*(:[0-9]{{1,5}})?(/{SEGMENT})*"
"""The address of a model as clients write it, without a slash at its end."""
TAKEN_SEGMENTS = (
    "classify", "detokenize", "guide", "health", "metrics", "pooling", "rerank", "score", "tokenize", "v[0-9]+",
)  # fmt: skip
"""First segments of the paths that models answer themselves: a path that holds one would lie within another model's."""

_PATH_FORM = "write a path such as /opt or /team/opt: no slash at the end, no segment that begins with a dot"
_URL_FORM = "write an address such as https://llm.example.com/opt: lower-case host, no slash at the end, no query"
Path = Annotated[str, schema.matching(PATH, _PATH_FORM)]
Url = Annotated[str, schema.matching(URL, _URL_FORM)]


class IssuerRef(schema.Schema):
    """Who issues a certificate: an issuer of cert-manager."""

    name: schema.Name = pydantic.Field(description="Name of the issuer.")
    kind: Literal["Issuer", "ClusterIssuer"] = pydantic.Field(
        default="Issuer",
        description=(
            "Issuer: one of this namespace. ClusterIssuer: one of the cluster, which the chart's allow.clusterIssuers"
            " must list. Default: Issuer."
        ),
    )


class Tls(schema.Schema):
    """The certificate of the host."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.secretName) || has(self.issuerRef)",
                "name the certificate's Secret (secretName), or the issuer that makes it (issuerRef)",
            )
        )
    )

    secret_name: references.CertificateName | None = pydantic.Field(
        default=None,
        description=(
            "Secret of type kubernetes.io/tls in this namespace. With issuerRef its name begins with the model's name and a"
            " dot, so that no two models' certificates meet in one Secret. Default: <name>.tls, where issuerRef is given."
        ),
    )
    issuer_ref: IssuerRef | None = pydantic.Field(
        default=None,
        description="Issuer of cert-manager that writes the Secret and renews it. Default: the Secret is yours.",
    )


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
        json_schema_extra=pods.chosen_annotations(),
    )
    tls: Tls | None = pydantic.Field(
        default=None,
        description=(
            "Serve HTTPS with this certificate. Default: the operator's certificate where spec.expose.host is left out; a"
            " host that is named there is served over HTTP."
        ),
    )


class ParentRef(schema.Schema):
    """A Gateway, or one listener of it."""

    name: schema.Name = pydantic.Field(description="Name of the Gateway.")
    namespace: schema.Name | None = pydantic.Field(
        default=None,
        description="Namespace of the Gateway. Its owner says which namespaces' routes it takes. Default: this namespace.",
    )
    section_name: schema.Name | None = pydantic.Field(
        default=None, description="Listener of the Gateway. Default: every listener that the host suits."
    )


_ONCE = "name each Gateway once, or name other listeners of it (sectionName)"
_SAME = (
    "[other.name, has(other.__namespace__) ? other.__namespace__ : '']"
    " == [one.name, has(one.__namespace__) ? one.__namespace__ : '']"
)
"""Two references to one Gateway. As lists, since the API server takes comparisons of single texts for dearer than they are."""


class Gateway(schema.Schema):
    """The Gateways of the Gateway API that carry the host."""

    parent_refs: tuple[ParentRef, ...] = pydantic.Field(
        min_length=1,
        max_length=4,
        description=(
            "Gateways that take the model's HTTPRoute. The chart's allow.gateways lists those that may be named, where"
            " it lists any."
        ),
        json_schema_extra=schema.rules(
            schema.rule("self.all(one, self.exists_one(other, other == one))", _ONCE),
            schema.rule(f"self.all(one, has(one.sectionName) || self.exists_one(other, {_SAME}))", _ONCE),
        ),
    )


class Expose(schema.Schema):
    """Where the model answers outside the cluster."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "!has(self.url) || has(self.host)",
                "url says how clients reach spec.expose.host: write the host too",
            ),
            schema.rule(
                "!has(self.gateway) || !has(self.ingress) || !(has(self.ingress.className) || has(self.ingress.tls)"
                " || (has(self.ingress.annotations) && self.ingress.annotations.size() > 0))",
                "an Ingress or a Gateway carries the host: leave out ingress, or gateway",
            ),
        )
    )

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
    path: Path | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=LONGEST_PATH,
        description=(
            "Path below which the model answers, such as /opt, so that many models share one host. The guard takes it"
            " off. Default: the host is the model's alone."
        ),
        json_schema_extra=schema.rules(
            schema.rule(f"self.matches('^{PATH}$')", _PATH_FORM),
            schema.rule(
                f"!self.matches('/({'|'.join(TAKEN_SEGMENTS)})(/|$)')",
                "models answer below such segments: write others, such as the model's name",
            ),
        ),
    )
    url: Url | None = pydantic.Field(
        default=None,
        min_length=1,
        max_length=LONGEST_URL,
        description=(
            "Address that clients are told, such as https://llm.example.com/opt, where something before the cluster"
            " ends TLS or changes host, port or path. Default: made of host and path, with https where the host has a"
            " certificate."
        ),
        json_schema_extra=schema.rules(schema.rule(f"self.matches('^{URL}$')", _URL_FORM)),
    )
    ingress: Ingress = pydantic.Field(default=Ingress(), description="The Ingress that carries the host.")
    gateway: Gateway | None = pydantic.Field(
        default=None,
        description=(
            "Gateways that carry the host, in place of an Ingress; the cluster must have the Gateway API, 1.2 or newer."
            " Clients are told https, unless url says otherwise. Default: the operator's setting, where ingress says"
            " nothing, or else an Ingress."
        ),
    )
    service_annotations: dict[str, schema.Text] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description=(
            "Annotations of the Service that the edge sends requests to, which load balancers of clouds read. The"
            " chart's allow.serviceAnnotations lists the keys that may be used. Default: none."
        ),
        json_schema_extra=pods.chosen_annotations(),
    )
    guide: bool | None = pydantic.Field(
        default=None,
        description=(
            "Serve a page for the model's users at /guide, with the address, examples, errors and a form to try the"
            " model. Everybody can read the page; it says nothing about clients. Default: the operator's setting, which"
            " is true unless it was changed."
        ),
    )
