"""What pods of models may reach, as a table: specs and settings against places in and outside the cluster.

tests/unit/children/test_egress.py reads the rules, tests/integration/test_egress.py has a kernel hold packets to them.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from vllm_operator import api, config
from vllm_operator.children import fetch, network_policy, pod
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid")


class Place(NamedTuple):
    """An address outside the cluster, or a namespace whose pods are meant; "" is the model's own."""

    port: int
    address: str = ""
    namespace: str = ""
    protocol: str = "TCP"


PLACES = {
    "dns": Place(53, "10.96.0.10", protocol="UDP"),
    "dns over tcp": Place(5353, namespace="openshift-dns"),
    "no name server": Place(53, "169.254.169.254"),
    "https": Place(443, "93.184.216.34"),
    "https6": Place(443, "2606:2800:220:1::1"),
    "http": Place(80, "93.184.216.34"),
    "proxy": Place(3128, "93.184.216.34"),
    "private": Place(443, "10.1.2.3"),
    "private http": Place(80, "192.168.3.4"),
    "private6": Place(443, "fd12::1"),
    "private proxy": Place(3128, "10.1.2.3"),
    "listed": Place(9000, "10.1.2.3"),
    "metadata": Place(80, "169.254.169.254"),
    "metadata6": Place(80, "fd00:ec2::254"),
    "metadata by nat64": Place(443, "64:ff9b::a9fe:a9fe"),
    "private by nat64": Place(443, "64:ff9b::a01:203"),
    "identity": Place(80, "169.254.170.23"),
    "own": Place(4317, namespace="models"),
    "store": Place(9001, namespace="store"),
    "guards": Place(8002, namespace="others"),
    "api server": Place(6443, "10.0.0.1"),
}
DNS = frozenset({"dns", "dns over tcp", "no name server"})
PUBLIC = {"https", "https6"}
ANY = {*PUBLIC, "private", "private6", "private by nat64"}
WEB = {*PUBLIC, "http"}
SEEING = {"media": {"allowDomains": ["images.example.com"]}}
HUB = {"source": "hf://facebook/opt-125m"}
CACHED = {**HUB, "cache": {"size": "1Gi"}}
BUCKET = {"source": "s3://models/opt"}
LOCAL = {"source": "pvc://weights/opt"}


class Row(NamedTuple):
    """What a model and its operator are told, the places that its servers reach, and those at the ports of name servers."""

    reached: set[str]
    model: Mapping[str, Any] = LOCAL
    engine: Mapping[str, Any] = {}
    settings: Mapping[str, Any] = {}
    more: Mapping[str, Any] = {}
    dns: frozenset[str] = DNS


def traced(*urls: str) -> dict[str, Any]:
    """Return an engine that sends traces."""
    return {"args": [f"--otlp-traces-endpoint={url}" for url in urls]}


SERVERS = {
    "a claim": Row(set()),
    "the engine's image": Row(set(), {"source": "file:///models/opt"}),
    "an image": Row(set(), {"source": "oci://registry.example/opt:1"}),
    "the hub": Row(PUBLIC, HUB),
    "the hub, kept": Row(set(), CACHED),
    "an adapter": Row(PUBLIC, {**LOCAL, "adapters": [{"name": "sql", "source": "hf://org/sql"}]}),
    "S3": Row(PUBLIC, BUCKET),
    "Google": Row(PUBLIC, {"source": "gs://models/opt"}),
    "a mirror of another scheme": Row(PUBLIC, BUCKET, settings={"hub_url": "http://hub.store.svc"}),
    "a mirror in the cluster": Row({"store"}, HUB, settings={"hub_url": "http://hub.store.svc.cluster.local:8080"}),
    "a mirror outside": Row(ANY, HUB, settings={"hub_url": "https://hub.example.com"}),
    "a store in the cluster": Row({"store"}, BUCKET, settings={"s3_url": "http://minio.store.svc:9000"}),
    "a store by a name of two parts": Row({"store", "listed"}, BUCKET, settings={"s3_url": "http://minio.store:9000"}),
    "a store by its address": Row({"listed"}, BUCKET, settings={"s3_url": "http://10.1.2.3:9000"}),
    "a proxy that nobody needs": Row(set(), settings={"https_proxy": "http://proxy.example.com:3128"}),
    "a proxy": Row(
        {*PUBLIC, "proxy", "private proxy"}, HUB, settings={"https_proxy": "http://proxy.example.com:3128"}),
    "media": Row(WEB, engine=SEEING),
    "media in the cluster": Row({"store"}, engine={"media": {"allowDomains": ["minio.store.svc"]}}),
    "media of a host with a name of two parts": Row(WEB, engine={"media": {"allowDomains": ["minio.store"]}}),
    "media of an earlier release": Row(WEB, engine={"args": ['--allowed-media-domains=["a.example"]']}),
    "traces in the cluster": Row({"store"}, engine=traced("http://collector.store.svc:4317")),
    "traces in the namespace": Row({"own"}, engine=traced("collector:4317")),
    "traces outside": Row({"private proxy", "proxy"}, engine=traced("http://collector.example.com:3128")),
    "traces by a variable": Row(
        {"store"}, engine={"env": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector.store.svc"}]}),
    "traces to the node's cloud": Row(set(), engine=traced("http://169.254.169.254:80")),
    "traces to the pod itself": Row(set(), engine=traced("http://localhost:4317")),
    "traces to loopback": Row(set(), engine=traced("http://[::1]:4317")),
    "traces to a garbled address": Row(set(), engine=traced("http://[::1:4317")),
    "traces to a garbled port": Row(set(), engine=traced("http://a.example:99999")),
    "traces to 1.2": Row(set(), engine=traced("http://1.2:80")),
    "an account": Row({"identity"}, more={"serviceAccountName": "reader"}),
    "listed by the chart": Row(
        {"listed", "store", "private"},
        settings={"egress_to": [{"cidr": "10.1.0.0/16", "ports": [443, 9000]}, {"namespace": "store"}]}),
    "name servers of an address and a namespace": Row(
        set(), settings={"egress_dns": [{"cidr": "10.96.0.10/32"}, {"namespace": "openshift-dns"}]},
        dns=frozenset({"dns", "dns over tcp"})),
    "name servers at a port": Row(
        set(), settings={"egress_dns": [{"cidr": "10.96.0.0/16", "ports": [53]}]}, dns=frozenset({"dns"})),
    "other private networks": Row(
        ANY, HUB,
        settings={"egress_except": ["169.254.0.0/16"]}),
}  # fmt: skip
JOBS = {
    "the hub": Row(ANY, CACHED),
    "a mirror in the cluster": Row({"store"}, CACHED, settings={"hub_url": "http://hub.store.svc"}),
    "a proxy": Row(
        {*ANY, "proxy", "private proxy"}, CACHED, settings={"https_proxy": "http://proxy.example.com:3128"}),
    "an account": Row({*ANY, "identity"}, CACHED, more={"serviceAccountName": "reader"}),
}  # fmt: skip


def told(row: Row) -> tuple[api.Spec, config.Config]:
    """Return what a row says, read."""
    spec = {"model": row.model, "engine": row.engine, **row.more}
    return api.Spec.model_validate(spec), config.Config.model_validate(row.settings)


def of_servers(row: Row) -> kinds.Object:
    """Return the policy on the servers of a row."""
    spec, settings = told(row)
    return network_policy.network_policy(OWNER, spec, settings, [pod.template(OWNER, spec, settings)])


def of_fetch(row: Row) -> kinds.Object:
    """Return the policy on the pods of a row's Job."""
    spec, settings = told(row)
    return network_policy.of_fetch(OWNER, settings, [fetch.job(OWNER, spec, settings, "")])
