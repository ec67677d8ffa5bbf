"""A host of which clients are told https is carried by the listeners of HTTPS, and no served model loses its edge by that."""

from typing import Any

import pytest

from vllm_operator import api, children, config
from vllm_operator.children import exposure, http_route, listeners
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "a", "uid-1")
GATEWAY = kinds.Ref(kinds.GATEWAY.kind, "infra", "edge")
EVERYBODY = {"namespaces": {"from": "All"}}
BY_LABEL = {"namespaces": {"from": "Selector", "selector": {"matchLabels": {"a": "b"}}}}


def listener(name: str, protocol: str, allowed: object = EVERYBODY, hostname: str = "") -> kinds.Object:
    return {
        "name": name,
        "port": 1,
        "protocol": protocol,
        "allowedRoutes": allowed,
        **({"hostname": hostname} if hostname else {}),
    }


HTTP, HTTPS = listener("http", "HTTP"), listener("https", "HTTPS")


def chosen(
    *found: kinds.Object, settings: config.Config | None = None, live: tuple[kinds.Object, ...] = (), section: str = "",
    said: str = "", **more: Any,
) -> tuple[list[str], str]:  # fmt: skip
    """Return the listeners that the route names, "" for all, and those that are said to answer without TLS.

    `said`: a condition of the listener https that does not hold.
    """
    parent = {"name": "edge", "namespace": "infra", **({"sectionName": section} if section else {})}
    expose = {"host": "llm.example.com", "gateway": {"parentRefs": [parent]}, **more}
    spec = api.parse({"model": {"source": "file:///models/opt"}, "expose": expose})
    settings = settings or config.Config()
    gateway = {"metadata": {"name": "edge", "namespace": "infra"}, "spec": {"listeners": list(found)}}
    if said:
        gateway["status"] = {"listeners": [{"name": "https", "conditions": [{"type": said, "status": "False"}]}]}
    told = children.serving(OWNER, spec, settings)
    inputs = children.Inputs(OWNER, spec, settings, told, gateways={GATEWAY: gateway} if found else {}, edges=live)
    exposed = exposure.exposure(OWNER.name, spec, settings)
    assert exposed
    after = listeners.chosen(exposed, inputs)
    route = http_route.http_route(OWNER, after)
    assert route
    assert {(one["name"], one["namespace"]) for one in route["spec"]["parentRefs"]} == {("edge", "infra")}
    return [one.get("sectionName", "") for one in route["spec"]["parentRefs"]], after.plain


@pytest.mark.parametrize(
    ("found", "names"),
    [
        ([HTTP, HTTPS], ["https"]),
        ([HTTPS], [""]),
        ([HTTP, HTTPS, listener("other", "HTTPS", hostname="*.example.com")], ["https", "other"]),
        ([HTTP, HTTPS, listener("other", "HTTPS", hostname="*.example.org")], ["https"]),
        ([HTTP, HTTPS, listener("other", "HTTPS", {"namespaces": {"from": "Same"}})], ["https"]),
        ([HTTP, HTTPS, listener("other", "HTTPS", {"kinds": [{"kind": "GRPCRoute"}], **EVERYBODY})], ["https"]),
        ([listener("http", "HTTP", {"namespaces": {"from": "Same"}}), HTTPS], [""]),
    ],
)
def test_no_listener_without_tls_carries_a_host_that_one_with_tls_takes(
    found: list[kinds.Object], names: list[str]
) -> None:
    assert chosen(*found) == (names, "")
    assert chosen(*found, said="Conflicted") == (names, ""), "that it is not is good"


@pytest.mark.parametrize(
    ("found", "more"),
    [
        ([HTTP], {}),
        ([HTTP, listener("https", "HTTPS", BY_LABEL)], {}),
        ([HTTP, listener("https", "HTTPS", hostname="other.example.com")], {}),
        ([HTTP, HTTPS, listener("models", "HTTPS", BY_LABEL, "*.example.com")], {}),
        ([HTTP, HTTPS], {"said": "ResolvedRefs"}),
        ([HTTP, HTTPS], {"said": "Programmed"}),
        ([HTTP, HTTPS], {"url": "https://llm.example.com:8443"}),
        ([HTTP, HTTPS], {"settings": config.Config(scheme="https")}),
    ],
)
def test_what_is_not_certain_is_left_as_it_is_and_said(found: list[kinds.Object], more: dict[str, Any]) -> None:
    assert chosen(*found, **more) == ([""], "http of edge")


def test_a_listener_without_tls_that_the_spec_names_is_said() -> None:
    assert chosen(HTTP, HTTPS, section="http") == (["http"], "http of edge")
    assert chosen(HTTP, HTTPS, section="https") == (["https"], "")


@pytest.mark.parametrize(
    "more",
    [
        {"url": "https://llm.example.com"},
        {"settings": config.Config(scheme="https")},
        {"url": "http://llm.example.com"},
    ],
)
def test_who_says_that_tls_ends_before_the_gateway_or_that_there_is_none_is_believed(more: dict[str, Any]) -> None:
    assert chosen(HTTP, **more) == ([""], "")


def test_while_a_gateway_cannot_be_read_the_route_keeps_its_listeners() -> None:
    parents = [{"name": "edge", "namespace": "infra", "sectionName": "https"}, {"name": "other", "sectionName": "x"}]
    live = naming.child(kinds.HTTP_ROUTE, OWNER, "a", "edge", spec={"parentRefs": parents})
    assert chosen(live=(live,)) == (["https"], "")
    assert chosen() == ([""], "")


def test_a_listener_whose_certificate_is_lost_keeps_the_route_that_it_has() -> None:
    live = naming.child(kinds.HTTP_ROUTE, OWNER, "a", "edge", spec={"parentRefs": [
        {"name": "edge", "namespace": "infra", "sectionName": "https"}]})  # fmt: skip
    assert chosen(HTTP, HTTPS, live=(live,), said="Programmed") == (["https"], "")
    assert chosen(HTTP, HTTPS, live=(live,), said="Conflicted") == (["https"], "")
    assert chosen(HTTP, listener("renamed", "HTTPS"), live=(live,)) == (["renamed"], "")
    assert chosen(HTTP, live=(live,)) == ([""], "http of edge")


def test_of_two_listeners_that_a_route_names_it_keeps_the_one_that_is_not_served_for_a_moment() -> None:
    parents = [{"name": "edge", "namespace": "infra", "sectionName": name} for name in ("https", "other")]
    live = naming.child(kinds.HTTP_ROUTE, OWNER, "a", "edge", spec={"parentRefs": parents})
    found = (HTTP, HTTPS, listener("other", "HTTPS"))
    assert chosen(*found, live=(live,), said="Programmed") == (["https", "other"], "")
    assert chosen(*found, said="Programmed") == (["other"], "")


def test_a_route_names_no_more_listeners_than_it_may() -> None:
    many = [listener(f"l{number}", "HTTPS") for number in range(listeners.MOST_PARENTS + 1)]
    assert chosen(HTTP, *many)[0] == [""]
