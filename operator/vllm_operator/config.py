"""The operator's settings, from environment variables `VLLM_OPERATOR_*`; the chart writes them.

Each has a default that suits a fresh cluster. Mappings and lists are JSON.
"""

import ipaddress
from typing import Annotated, Literal, Self

import pydantic
import pydantic_settings
from pydantic import alias_generators

from vllm_operator import api
from vllm_operator.api import schema

CPU = "cpu"
"""The key of the default engine image where a model asks for no accelerator."""

CLAIMS = "resourceClaims"
"""The key of the default engine image where accelerators come by ResourceClaims: a spec does not say of which vendor."""

ENGINE_IMAGES = {
    "nvidia.com/gpu": "vllm/vllm-openai:v0.33.0",
    "amd.com/gpu": "vllm/vllm-openai-rocm:v0.33.0",
    "gpu.intel.com/xe": "vllm/vllm-openai-xpu:v0.33.0",
}

Quantity = Annotated[str, schema.matching(api.QUANTITY, "write a quantity such as 50m or 512Mi")]


class Allow(pydantic.BaseModel):
    """What a ModelDeployment may name: the chart's `allow`. policy.py has the meaning of each list."""

    model_config = pydantic.ConfigDict(
        frozen=True, extra="forbid", alias_generator=alias_generators.to_camel, populate_by_name=True
    )

    images: tuple[str, ...] = pydantic.Field(default=(), description="Prefixes of images; empty: any image.")
    domains: dict[str, tuple[str, ...]] = pydantic.Field(
        default={},
        description="By namespace, the domains of its hosts; * for namespaces that are not listed, or else these have any host.",
    )
    remote_code: dict[str, tuple[str, ...]] = pydantic.Field(
        default={},
        description="By namespace, prefixes of sources whose code its engines may run; a namespace not listed: none.",
    )
    engine_args: tuple[str, ...] = pydantic.Field(
        default=(), description="Options of vLLM, such as --kv-transfer-config, beside those that need nobody's leave."
    )
    engine_env: tuple[str, ...] = pydantic.Field(
        default=(), description="Variables of the engine, beside those that need nobody's leave."
    )
    service_accounts: tuple[str, ...] = pydantic.Field(default=(), description="Names of ServiceAccounts.")
    pod_labels: tuple[str, ...] = pydantic.Field(default=(), description="Keys of pod labels.")
    pod_annotations: tuple[str, ...] = pydantic.Field(default=(), description="Keys of pod annotations.")
    ingress_annotations: tuple[str, ...] = pydantic.Field(default=(), description="Keys of Ingress annotations.")
    ingress_classes: tuple[str, ...] = pydantic.Field(default=(), description="IngressClasses; empty: any.")
    service_annotations: tuple[str, ...] = pydantic.Field(default=(), description="Keys of Service annotations.")
    gateways: tuple[str, ...] = pydantic.Field(
        default=(), description="Gateways as namespace/name; empty: any whose owner takes the route."
    )
    cluster_issuers: tuple[str, ...] = pydantic.Field(default=(), description="Names of cert-manager's ClusterIssuers.")


Network = pydantic.IPvAnyNetwork
NOT_PUBLIC = (
    "10.0.0.0/8", "100.64.0.0/10", "168.63.129.16/32", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.168.0.0/16",
    "198.18.0.0/15", "fc00::/7", "fe80::/10",
)  # fmt: skip
"""Private networks, and those of the nodes' clouds."""


def _part(network: Network) -> Network:
    if not network.prefixlen:
        raise ValueError("write a part of all addresses, such as 10.0.0.0/8")
    return network


class Target(pydantic.BaseModel):
    """What all models' pods may reach: an entry of the chart's `egress.to` or `egress.dns`."""

    model_config = pydantic.ConfigDict(frozen=True, extra="forbid")

    cidr: Network | None = None
    namespace: schema.Label | None = None
    ports: tuple[Annotated[int, pydantic.Field(ge=1, le=65535)], ...] = ()

    @pydantic.model_validator(mode="after")
    def _is_one(self) -> Self:
        if (self.cidr is None) == (self.namespace is None):
            raise ValueError("write cidr or namespace, such as cidr: 10.1.0.0/16")
        return self


class Config(pydantic_settings.BaseSettings):
    """Settings of one operator."""

    model_config = pydantic_settings.SettingsConfigDict(
        env_prefix="VLLM_OPERATOR_", env_parse_none_str="null", frozen=True
    )

    namespace: str = pydantic.Field(default="vllm-operator", description="Namespace of the operator and of its Lease.")
    identity: str = pydantic.Field(default="vllm-operator", description="Who holds the Lease: the pod's name.")
    watch_namespaces: tuple[str, ...] = pydantic.Field(
        default=(), description="Only these namespaces; empty: the whole cluster."
    )
    engine_images: dict[str, str] = pydantic.Field(
        default=ENGINE_IMAGES,
        description="Default image of the engine by accelerator resource; `cpu` where there is none, `resourceClaims` for DRA.",
    )
    engine_env: dict[str, dict[str, str]] = pydantic.Field(
        default={},
        description="Variables of the engine by accelerator resource, `cpu` and `resourceClaims`, as for the images.",
    )
    guard_image: str = pydantic.Field(
        default="envoyproxy/envoy:distroless-v1.40.0", description="The image of Envoy; its tag says the version."
    )
    fetch_image: str = pydantic.Field(
        default="vllm-operator:latest", description="The image that fetches weights: the operator's own."
    )
    hub_url: str = pydantic.Field(default="", description="Mirror of the hub for hf sources; empty: huggingface.co.")
    s3_url: str = pydantic.Field(default="", description="Endpoint of the object store of s3 sources; empty: AWS.")
    weights_offline: bool = pydantic.Field(
        default=False, description="Whether models may name no source that lies outside the cluster's own mirrors."
    )
    guard_cpu: Quantity = pydantic.Field(default="50m", description="CPU that the guard reserves.")
    guard_memory: Quantity = pydantic.Field(default="96Mi", description="Memory that the guard reserves.")
    guard_memory_limit: Quantity = pydantic.Field(default="512Mi", description="Memory that the guard may use at most.")
    scratch_size: Quantity = pydantic.Field(
        default="32Gi",
        description="The most that /tmp holds, and that the home of vLLM does, where a spec sets no limit.",
    )
    scratch_weights: Quantity = pydantic.Field(
        default="2Ti",
        description="The most of the weights that a server fetches for itself, where a spec sets no limit.",
    )
    scratch_reserved: Quantity = pydantic.Field(
        default="1Gi", description="Ephemeral storage that the engine reserves where a spec names none."
    )
    run_as_user: int | None = pydantic.Field(
        default=65532, description="User id of the pods; null lets the cluster choose, as OpenShift does."
    )
    fs_group: int | None = pydantic.Field(default=None, description="fsGroup of the pods whose spec names none.")
    supplemental_groups: tuple[int, ...] = pydantic.Field(
        default=(), description="supplementalGroups of the pods whose spec names none."
    )
    image_pull_secrets: tuple[api.PullSecret, ...] = pydantic.Field(
        default=(), description="Pull secrets of models that name none, in each model's namespace."
    )
    allow: Allow = pydantic.Field(default=Allow(), description="What a ModelDeployment may name.")
    domain: str = pydantic.Field(
        default="",
        description="Models without spec.expose.host answer at <name>.<domain>; empty: in the cluster only.",
    )
    ingress_class: str = pydantic.Field(default="", description="IngressClass of models that name none.")
    gateway: api.ParentRef | None = pydantic.Field(
        default=None, description="Gateway of models that name neither a Gateway nor anything of an Ingress."
    )
    tls_secret: str = pydantic.Field(
        default="", description="Certificate Secret of models at <name>.<domain>, in each model's namespace."
    )
    issuer_ref: api.IssuerRef | None = pydantic.Field(
        default=None,
        description="Issuer of cert-manager for models at <name>.<domain>, where no certificate Secret is set.",
    )
    ingress_annotations: dict[str, str] = pydantic.Field(
        default={}, description="Annotations of every Ingress, as the cluster's ingress controller needs them."
    )
    scheme: Literal["", "http", "https"] = pydantic.Field(
        default="",
        description="Scheme that clients are told, where TLS ends before the edge; empty: as the edge has a certificate.",
    )
    client_namespaces: tuple[str, ...] = pydantic.Field(
        default=(), description="Namespaces whose pods may call models, the edge's among them; empty: everybody."
    )
    guide: bool = pydantic.Field(
        default=True, description="Whether models whose spec does not say it have a page for their users, at /guide."
    )
    monitoring_namespaces: tuple[str, ...] = pydantic.Field(
        default=(), description="Namespaces whose pods may read the guards' metrics."
    )
    egress: bool = pydantic.Field(
        default=True, description="Whether models' pods reach only what they need, by their NetworkPolicies."
    )
    egress_to: tuple[Target, ...] = pydantic.Field(
        default=(), description="What all models' pods may reach beside what their specs show that they need."
    )
    egress_dns: tuple[Target, ...] = pydantic.Field(
        default=(), description="Where models' pods may ask name servers; empty: at any address."
    )
    egress_except: tuple[Annotated[Network, pydantic.AfterValidator(_part)], ...] = pydantic.Field(
        default=tuple(map(ipaddress.ip_network, NOT_PUBLIC)),
        description="Networks in which servers fetch no media, and no weights of public hosts.",
    )
    http_proxy: str = pydantic.Field(default="", description="Proxy of the engines for http:// addresses.")
    https_proxy: str = pydantic.Field(default="", description="Proxy of the engines for https:// addresses.")
    no_proxy: str = pydantic.Field(default="", description="Hosts, domains and networks that engines reach directly.")
    ca_config_map: str = pydantic.Field(
        default="",
        description="ConfigMap in each model's namespace with the authorities that engines trust; empty: the image's.",
    )
    ca_key: str = pydantic.Field(default="ca.crt", description="The entry of that ConfigMap that holds them, in PEM.")
    upgrade_policy: Literal["OnSpecChange", "Rolling"] = pydantic.Field(
        default="OnSpecChange",
        description="When a newer operator makes a model's servers anew: OnSpecChange, or Rolling, some models at a time.",
    )
    upgrade_at_once: int = pydantic.Field(
        default=1, ge=1, description="Models whose servers are made anew at once where upgrade_policy is Rolling."
    )
    workers: int = pydantic.Field(
        default=16,
        ge=1,
        description="Models of one namespace that are worked on at once; of all together twice as many.",
    )
    lease_name: str = pydantic.Field(default="vllm-operator", description="The Lease of the one operator that writes.")
    http_port: int = pydantic.Field(default=8080, description="Port of /healthz, /readyz and /metrics.")
    log_level: str = pydantic.Field(default="INFO", description="DEBUG, INFO, WARNING or ERROR.")

    @property
    def installation(self) -> str:
        """Return the name of this installation, which all its processes share: that of their Lease."""
        return f"{self.namespace}/{self.lease_name}"
