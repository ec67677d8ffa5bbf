"""What the chart's value `allow` lets in: one table, which the admission policy and the operator's own check both have to fit."""

from typing import Any, NamedTuple

from tests.image_cases import IMAGES

HERE = "allowed-here"  # a namespace that `domains` names
ELSEWHERE = "allowed-elsewhere"  # one that it does not, but by `*`
NAME = "judged"
DOMAIN = "own.example.com"
"""The model's name, and the operator's domain."""
ALLOW: dict[str, Any] = {
    "images": [
        "registry.example.com/team",
        "registry.example.com/open/",
        "vllm/vllm-openai",
        "exact.example.com/x:v1",
        "whole.example.com",
        "port.example.com:5000",
        "debian",
        "owner/",
        "docker.io/chosen",
        "registry:5000",
        "index.docker.io/old/name",
        "tagged:v1",
        "digest.example.com/x@sha256:00",
    ],
    "domains": {HERE: ["models.example.com", "ai.example.org", f"shared.{DOMAIN}"], "*": ["rest.example.com", DOMAIN]},
    "remoteCode": {
        HERE: [
            "file:///models/facebook",
            "hf://acme",
            "hf://other/model@v1",
            "hf://pinned/model@" + "0" * 40,
            "oci://registry.example.com/team",
            "pvc://weights/",
        ],
        ELSEWHERE: ["*"],
    },
    "engineArgs": ["--kv-transfer-config", "--otel-*"],
    "engineEnv": ["LMCACHE_*", "OTEL_EXPORTER_OTLP_HEADERS"],
    "serviceAccounts": ["model", "team-*"],
    "podLabels": ["team", "cost.example.com/*"],
    "podAnnotations": ["prometheus.io/*"],
    "ingressAnnotations": ["cert-manager.io/cluster-issuer"],
    "ingressClasses": ["inner", "team-*"],
    "serviceAnnotations": ["cloud.google.com/*", "example.com/team"],
    "gateways": ["infra/edge", "team-a/*", f"{HERE}/own"],
    "clusterIssuers": ["acme", "team-*"],
}
NOTHING: dict[str, Any] = {name: type(value)() for name, value in ALLOW.items()}


class Case(NamedTuple):
    """A part of a spec, by dotted path, and whether it is let in; `namespace` is where."""

    path: str
    value: Any
    passes: bool
    namespace: str = HERE
    source: str = "file:///models/facebook/opt-125m"

    def spec(self) -> dict[str, Any]:
        """Return a spec that is good but for this part."""
        whole: dict[str, Any] = {"model": {"source": self.source}}
        *outer, last = self.path.split(".")
        node = whole
        for part in outer:
            node = node.setdefault(part, {})
        node[last] = self.value
        if outer[:1] == ["expose"]:
            whole["expose"].setdefault("host", "models.example.com")
        return whole


HOSTS = [
    ("models.example.com", True),
    ("a.models.example.com", True),
    ("a.b.ai.example.org", True),
    ("evil-models.example.com", False),
    ("example.com", False),
    ("models.example.com.evil.example", False),
    ("models.example.org", False),
    ("com", False),
]
OWN_HOSTS = [
    (f"{NAME}.{DOMAIN}", True),
    (f"{NAME}.{HERE}.{DOMAIN}", True),
    (f"shared.{DOMAIN}", True),
    (f"a.shared.{DOMAIN}", True),
    (f"other.{DOMAIN}", False),
    (DOMAIN, False),
    (f"{NAME}.{ELSEWHERE}.{DOMAIN}", False),
    (f"a.{NAME}.{DOMAIN}", False),
    (f"{NAME}.not{DOMAIN}", False),
]
REST_HOSTS = [
    ("rest.example.com", True),
    ("a.rest.example.com", True),
    ("anything.example", False),
    ("models.example.com", False),
    (f"{NAME}.{DOMAIN}", True),
    (f"other.{DOMAIN}", False),
    (f"shared.{DOMAIN}", False),
]
"""Hosts of a namespace that `domains` does not name: its entry for the operator's own domain gives away no other model's."""
OWN_ISSUER = {"issuerRef": {"name": "any"}}  # one of the model's own namespace, which no list judges
URLS = [
    ("https://models.example.com", True),
    ("http://a.models.example.com:8443/opt/x", True),
    ("https://evil-models.example.com", False),
    ("https://models.example.com.evil.example/models.example.com", False),
    ("https://evil.example:443", False),
]
NAMES = [
    (
        "spec.serviceAccountName",
        [("model", True), ("team-a", True), ("models", False), ("team", False)],
    ),
    (
        "spec.podMetadata.labels",
        [({"team": "a", "cost.example.com/c": "1"}, True), ({"team": "a", "b": "c"}, False), ({"teams": "a"}, False)],
    ),
    ("spec.podMetadata.annotations", [({"prometheus.io/scrape": "true"}, True), ({"prometheus.ioo/x": "1"}, False)]),
    (
        "spec.expose.ingress.annotations",
        [
            ({"cert-manager.io/cluster-issuer": "x"}, True),
            ({"cert-manager.io/cluster-issuer-x": "x"}, False),
            ({"nginx.ingress.kubernetes.io/configuration-snippet": "x"}, False),
        ],
    ),
    (
        "spec.expose.serviceAnnotations",
        [({"cloud.google.com/neg": "{}", "example.com/team": "a"}, True), ({"example.com/teams": "a"}, False)],
    ),
    (
        "spec.expose.gateway.parentRefs",
        [
            (
                [{"name": "edge", "namespace": "infra", "sectionName": "https"}, {"name": "x", "namespace": "team-a"}],
                True,
            ),
            ([{"name": "own"}], True),
            ([{"name": "edge"}], False),
            ([{"name": "own", "namespace": "infra"}], False),
            ([{"name": "edge", "namespace": "infra"}, {"name": "edge-2", "namespace": "infra"}], False),
        ],
    ),
    (
        "spec.expose.ingress.className",
        [("inner", True), ("team-a", True), ("outer", False), ("inner-2", False)],
    ),
    (
        "spec.expose.ingress.tls",
        [
            (OWN_ISSUER, True),
            ({"issuerRef": {"name": "acme", "kind": "ClusterIssuer"}}, True),
            ({"issuerRef": {"name": "team-a", "kind": "ClusterIssuer"}}, True),
            ({"issuerRef": {"name": "acme-2", "kind": "ClusterIssuer"}}, False),
        ],
    ),
]
SOURCES = [
    ("file:///models/facebook/opt-125m", True),
    ("hf://acme/model", True),
    ("hf://acme/model@main", True),
    ("hf://other/model@v1", True),
    ("oci://registry.example.com/team/weights:v1", True),
    ("oci://registry.example.com/team:v1/opt", False),
    ("pvc://weights/opt", True),
    ("pvc://weights", False),
    ("pvc://weights-of-others/opt", False),
    ("file:///models/facebook-evil/opt", False),
    ("hf://acme-evil/model", False),
    ("hf://other/model", False),
    ("hf://other/model@v10", False),
    ("oci://registry.example.com/open/weights", False),
    ("s3://acme/model", False),
    ("hf://acme/model@0123abcd", False),
    ("hf://acme/model@" + "0" * 40, False),
    ("hf://acme/model@ABCDEF1", False),
    ("hf://acme/model@pr/1", False),
    ("hf://acme/model@" + "0" * 39 + "g", True),
    ("hf://pinned/model@" + "0" * 40, True),
    ("hf://pinned/model@" + "0" * 39 + "1", False),
]
PATHS = ("exact.example.com/x:v1/y", "registry.example.com/team:80/evil")
"""No images: sources that name a directory of an image that is allowed."""

CASES = [
    *(Case("engine.image", image, passes) for image, passes in IMAGES),
    *(
        Case("model.source", f"oci://{image}", passes)
        for image, passes in IMAGES
        if image[0].islower() and len(image) > 1 and image not in PATHS
    ),
    *(Case("model.source", f"oci://{image}", passes=True) for image in PATHS),
    *(Case("expose.host", host, passes) for host, passes in (*HOSTS, *OWN_HOSTS)),
    *(Case("expose.host", host, passes, namespace=ELSEWHERE) for host, passes in REST_HOSTS),
    Case("expose.url", f"https://other.{DOMAIN}", passes=False),
    Case("expose.url", f"https://{NAME}.{DOMAIN}/x", passes=True),
    *(Case("expose.url", url, passes) for url, passes in URLS),
    *(Case("engine.trustRemoteCode", value=True, passes=passes, source=source) for source, passes in SOURCES),
    Case("engine.trustRemoteCode", value=True, passes=True, namespace=ELSEWHERE, source="s3://acme/model"),
    *(Case(path.removeprefix("spec."), value, passes) for path, values in NAMES for value, passes in values),
]
