"""What a model's pods may reach: name servers, and what their template says that they fetch from or send to. Pure.

It is read from pod templates and not from the spec, since servers of an earlier version, or release, go on as they were made.
A NetworkPolicy holds no names, so the rule of a host outside the cluster is one of addresses and ports.
"""

import functools
import ipaddress
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib import parse

from vllm_operator import config
from vllm_operator.children import fetch_network, pod
from vllm_operator.engine import adapters, media
from vllm_operator.kube import kinds

NAMESPACE_NAME = "kubernetes.io/metadata.name"
DNS = (53, 5353)
"""Where name servers listen; those of OpenShift at 5353."""
WEB, TLS = (80, 443), (443,)
PORTS = {"http": 80, "https": 443}
COLLECTOR = 4317
"""The port of a URL that names none: by its scheme, and else that of a collector of traces."""
IN_CLUSTER = re.compile(r"([^.]+[.])+(?P<namespace>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)[.]svc([.].*)?")
OF_TWO_PARTS = re.compile(r"[^.]+[.](?P<namespace>[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?)")
"""A Service and its namespace, which a name server looks for first, or a host outside: a name does not tell which."""
IDENTITY = ("169.254.170.23/32", "fd00:ec2::23/128")
"""Where pods of EKS change the token of their ServiceAccount into credentials. Whoever has no token gets none there."""
METADATA = tuple(
    map(
        ipaddress.ip_network,
        ("100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "192.0.0.192/32", "fd00:ec2::/32",
         "fd20:ce::254/128", "fe80::/10"),
    )
)  # fmt: skip
"""Where clouds tell a node, and whoever asks from there, who it is: no name is taken to lead there."""
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
"""Addresses of IPv6 that stand for those of IPv4."""
SOURCES, TRACES = "FETCH_SOURCES", "--otlp-traces-endpoint"
COLLECTORS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROXIES = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY")

Networks = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


def of_servers(templates: Iterable[kinds.Object], settings: config.Config) -> list[kinds.Object]:
    """Return the rules of servers that are made of these templates, each once."""
    return _rules(templates, settings, settings.egress_except)


def of_fetch(templates: Iterable[kinds.Object], settings: config.Config) -> list[kinds.Object]:
    """Return the rules of pods that fetch weights and end. No request reaches them, so a source may have any address."""
    return _rules(templates, settings, METADATA)


def _rules(templates: Iterable[kinds.Object], settings: config.Config, closed: Networks) -> list[kinds.Object]:
    """Return the rules; `closed`: where the name of a public host is not taken to lead."""
    found = [*_dns(settings), *map(_listed, settings.egress_to)]
    for one in templates:
        found += _of(one["spec"], closed)
    return [rule for at, rule in enumerate(found) if rule not in found[:at]]


def _dns(settings: config.Config) -> list[kinds.Object]:
    """Return the rules of name servers: where the settings say that they are, or at any address."""
    at: list[kinds.Object] = [{"to": [_peer(one)], **_asked(one.ports or DNS)} for one in settings.egress_dns]
    return at or [_asked(DNS)]


def _asked(ports: Iterable[int]) -> kinds.Object:
    return {"ports": [{"port": port, "protocol": protocol} for port in ports for protocol in ("UDP", "TCP")]}


def _listed(one: config.Target) -> kinds.Object:
    return {"to": [_peer(one)], **(_ports(one.ports) if one.ports else {})}


def _peer(one: config.Target) -> kinds.Object:
    return _namespace(one.namespace) if one.namespace else {"ipBlock": {"cidr": str(one.cidr)}}


def _of(spec: kinds.Object, closed: Networks) -> Iterator[kinds.Object]:
    """Yield the rules that pods of `spec` need."""
    if spec.get("serviceAccountName"):
        yield {"to": [{"ipBlock": {"cidr": cidr}} for cidr in IDENTITY], **_ports((80,))}
    for container in (*spec.get("initContainers", []), *spec["containers"]):
        env = {one.get("name"): str(one.get("value", "")) for one in container.get("env") or []}
        needed = [*_weights(env, closed)]
        if container["name"] == pod.ENGINE:
            needed += [*_media(container, closed), *_traces(container, env)]
        yield from needed
        yield from _toward(env.get(name, "") for name in PROXIES if needed)


def _weights(env: Mapping[str, str], closed: Networks) -> Iterator[kinds.Object]:
    """Yield the rules for where weights are fetched from: the chart's mirror, or the public host of their scheme."""
    mirrors = _json(env.get(fetch_network.ENDPOINTS, ""), dict)
    sources = [str(one.get("source")) for one in _json(env.get(SOURCES, ""), list) if isinstance(one, dict)]
    for scheme in sorted({one.partition("://")[0] for one in sources}):
        mirror = mirrors.get(scheme)
        yield from _toward([str(mirror)]) if mirror else [_outside(closed, TLS)]


def _media(engine: kinds.Object, closed: Networks) -> Iterator[kinds.Object]:
    """Yield the rules for what vLLM fetches for requests. An earlier release gave it no list, and so any host."""
    hosts = adapters.values(f"--{media.OPTION}", list(engine.get("args") or []))
    inside = [host for host in hosts if IN_CLUSTER.fullmatch(host)]
    yield from _toward(f"http://{host}" for host in inside)
    if not hosts or set(hosts) - {*inside, media.NONE}:
        yield _outside(closed, WEB)


def _traces(engine: kinds.Object, env: Mapping[str, str]) -> Iterator[kinds.Object]:
    """Yield the rules for where vLLM sends traces."""
    given = adapters.values(TRACES, list(engine.get("args") or []))
    yield from _toward([*given, *(env.get(name, "") for name in COLLECTORS)])


def _toward(urls: Iterable[str]) -> Iterator[kinds.Object]:
    """Yield the rules for URLs that somebody names: none for one that is garbled, or leads to the pod or its node's cloud."""
    for url in urls:
        try:
            parts = parse.urlsplit(url if "://" in url else f"//{url}")
            host, port = parts.hostname or "", parts.port or PORTS.get(parts.scheme, COLLECTOR)
        except ValueError:
            continue
        if host and host != "localhost":
            yield from _toward_host(host, port)


def _toward_host(host: str, port: int) -> Iterator[kinds.Object]:
    if found := IN_CLUSTER.fullmatch(host):
        yield {"to": [_namespace(found["namespace"])]}  # whose pods may listen elsewhere than their Service
    elif ":" in host or host.replace(".", "").isdigit():
        yield from _toward_address(host, port)
    elif "." in host:
        yield _outside(METADATA, (port,))
        if found := OF_TWO_PARTS.fullmatch(host):
            yield {"to": [_namespace(found["namespace"])]}
    else:
        yield {"to": [{"podSelector": {}}]}  # a Service of the model's own namespace


def _toward_address(text: str, port: int) -> Iterator[kinds.Object]:
    try:
        network = ipaddress.ip_network(text)
    except ValueError:
        return
    address = network.network_address
    if not (address.is_loopback or address.is_unspecified or any(address in one for one in METADATA)):
        yield {"to": [{"ipBlock": {"cidr": str(network)}}], **_ports((port,))}


def _outside(closed: Networks, ports: Iterable[int]) -> kinds.Object:
    """Return the rule for hosts whose addresses are not known, but for those that are `closed`."""
    four, six = _written(closed)
    return {"to": [_but("0.0.0.0/0", four), _but("::/0", six)], **_ports(ports)}


def _but(cidr: str, closed: Sequence[str]) -> kinds.Object:
    return {"ipBlock": {"cidr": cidr, **({"except": list(closed)} if closed else {})}}


@functools.cache
def _written(closed: Networks) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return networks as they are written, those of IPv4 and those of IPv6, by which those of IPv4 are reached too."""
    four = [one for one in closed if isinstance(one, ipaddress.IPv4Network)]
    six = [*(one for one in closed if isinstance(one, ipaddress.IPv6Network)), *map(_translated, four)]
    return tuple(map(str, four)), tuple(map(str, six))


def _translated(network: ipaddress.IPv4Network) -> ipaddress.IPv6Network:
    first = int(NAT64.network_address) + int(network.network_address)
    return ipaddress.IPv6Network((first, NAT64.prefixlen + network.prefixlen))


def _namespace(name: str) -> kinds.Object:
    return {"namespaceSelector": {"matchLabels": {NAMESPACE_NAME: name}}}


def _ports(ports: Iterable[int]) -> kinds.Object:
    return {"ports": [{"port": port, "protocol": "TCP"} for port in ports]}


def _json(text: str, kind: type[dict[str, Any]] | type[list[Any]]) -> Any:
    """Return the value that a variable holds, an empty one where it is of another kind: anybody may have pinned a template."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return kind()
    return found if isinstance(found, kind) else kind()
