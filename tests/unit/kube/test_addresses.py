"""What an Ingress or an HTTPRoute asks for, whoever wrote it."""

from typing import Any

from vllm_operator.kube import addresses, kinds


def ingress(*rules: dict[str, Any]) -> kinds.Object:
    return {"kind": "Ingress", "metadata": {"name": "a", "namespace": "b"}, "spec": {"rules": list(rules)}}


def route(hosts: list[str], *matches: dict[str, Any]) -> kinds.Object:
    spec = {"hostnames": hosts, "rules": [{"matches": list(matches)}]}
    return {"kind": "HTTPRoute", "metadata": {"name": "a", "namespace": "b"}, "spec": spec}


def rule(host: str, *paths: str, kind: str = "Prefix") -> dict[str, Any]:
    return {"host": host, "http": {"paths": [{"path": path, "pathType": kind} for path in paths]}}


def test_an_ingress_asks_for_the_paths_of_its_hosts() -> None:
    found = addresses.addresses(ingress(rule("A.example", "/", "/opt/"), {"host": "b.example"}))
    assert found == (("a.example", ""), ("a.example", "/opt"), ("b.example", ""))


def test_a_pattern_asks_for_what_it_begins_with() -> None:
    found = addresses.addresses(ingress(rule("a.example", "/opt(/|$)(.*)", "/.*", kind="ImplementationSpecific")))
    assert found == (("a.example", "/opt"), ("a.example", ""))


def test_a_route_asks_for_each_path_of_each_host() -> None:
    found = addresses.addresses(route(["a.example", "b.example"], {"path": {"type": "PathPrefix", "value": "/opt"}}))
    assert found == (("a.example", "/opt"), ("b.example", "/opt"))
    assert addresses.addresses(route(["a.example"])) == (("a.example", ""),)


def test_a_rule_that_only_redirects_asks_for_nothing() -> None:
    redirect = {"filters": [{"type": "RequestRedirect", "requestRedirect": {"scheme": "https"}}]}
    to_https = {"kind": "HTTPRoute", "metadata": {}, "spec": {"hostnames": ["a.example"], "rules": [redirect]}}
    assert addresses.addresses(to_https) == ()


def test_a_path_of_any_length_costs_little() -> None:
    [found] = addresses.addresses(ingress(rule("a.example", "/" + "a" * 1_000_000)))
    assert len(found.path) == addresses.LONGEST


def test_wildcards_no_host_and_exact_paths_ask_for_no_host() -> None:
    exact = {"path": {"type": "Exact", "value": "/opt"}}
    assert addresses.addresses(ingress(rule("*.example", "/"), {}, rule("a.example", "/opt", kind="Exact"))) == ()
    assert addresses.addresses(route(["*.example"])) == ()
    assert addresses.addresses(route([])) == ()
    assert addresses.addresses(route(["a.example"], exact)) == ()


def test_what_holds_nothing_asks_for_nothing() -> None:
    for spec in ({}, {"rules": None}, {"defaultBackend": {"service": {"name": "a"}}}):
        for kind in ("Ingress", "HTTPRoute"):
            assert addresses.addresses({"kind": kind, "metadata": {}, "spec": spec}) == ()
    assert addresses.addresses({"kind": "Ingress", "metadata": {}}) == ()


def test_one_object_fills_no_memory() -> None:
    many = ingress(*(rule(f"h{number}.example", "/") for number in range(10_000)))
    assert len(addresses.addresses(many)) == addresses.MOST
    paths = [{"path": {"type": "PathPrefix", "value": f"/{number}"}} for number in range(1000)]
    assert len(addresses.addresses(route([f"h{number}.example" for number in range(16)], *paths))) == addresses.MOST
