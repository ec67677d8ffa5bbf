"""Where a model answers: what its spec says counts, and for the rest the operator's settings."""

import re
from typing import Any, get_args

import pytest

from vllm_operator import api, config
from vllm_operator.children import exposure, http_route, ingress
from vllm_operator.engine import endpoints
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "a", "00000000-0000-0000-0000-000000000001")
CERTIFIED = {"host": "b.c", "ingress": {"tls": {"secretName": "mine"}}}
SET = config.Config(domain="models.example", ingress_class="contour", tls_secret="wildcard")
MINE = {"ingress": {"className": "nginx", "tls": {"secretName": "mine"}}}
CLUSTER_ISSUER = api.IssuerRef(name="acme", kind="ClusterIssuer")


def spec(expose: object) -> api.Spec:
    return api.Spec.model_validate({"model": {"source": "file:///models/a/b"}, "expose": expose})


def exposed(expose: object, settings: config.Config = SET) -> exposure.Exposure:
    found = exposure.exposure("a", spec(expose), settings)
    assert found
    return found


def made(expose: object, settings: config.Config = SET) -> kinds.Object:
    child = ingress.ingress(OWNER, spec(expose), settings, exposed(expose, settings))
    assert child
    return child


def annotations(expose: object, settings: config.Config = SET) -> dict[str, str]:
    found: dict[str, str] = made(expose, settings)["metadata"]["annotations"]
    return found


@pytest.mark.parametrize(
    ("expose", "expected"),
    [(None, ("a.models.example", "contour", "wildcard")), ({}, ("a.models.example", "contour", "wildcard")),
     ({"guide": False}, ("a.models.example", "contour", "wildcard")), (MINE, ("a.models.example", "nginx", "mine")),
     ({"host": "b.c"}, ("b.c", "contour", "")), ({"host": "b.c", **MINE}, ("b.c", "nginx", "mine"))],
)  # fmt: skip
def test_what_the_spec_does_not_say_the_settings_do(expose: object, expected: tuple[str, str, str]) -> None:
    found = exposed(expose)
    assert (found.host, found.class_name, found.tls_secret) == expected


@pytest.mark.parametrize("expose", [None, {"guide": True}, MINE, {"path": "/a"}])
def test_a_model_without_a_host_is_not_exposed(expose: object) -> None:
    assert exposure.exposure("a", spec(expose), config.Config()) is None


URLS: list[tuple[dict[str, Any], config.Config, str]] = [
    ({"host": "b.c"}, SET, "http://b.c/"),
    (CERTIFIED, SET, "https://b.c/"),
    ({"host": "b.c", "path": "/opt"}, SET, "http://b.c/opt/"),
    ({"path": "/team/opt"}, SET, "https://a.models.example/team/opt/"),
    ({"host": "b.c", "url": "https://llm.example.com"}, SET, "https://llm.example.com/"),
    ({"host": "b.c", "path": "/opt", "url": "https://b.c:8443/llm"}, SET, "https://b.c:8443/llm/"),
    ({"host": "b.c"}, config.Config(scheme="https"), "https://b.c/"),
    ({**CERTIFIED, "url": "http://b.c"}, config.Config(scheme="https"), "http://b.c/"),
]


@pytest.mark.parametrize(("expose", "settings", "url"), URLS)
def test_clients_are_told_the_url_of_the_spec_or_one_of_host_path_and_certificate(
    expose: dict[str, Any], settings: config.Config, url: str
) -> None:
    assert exposed(expose, settings).url == url
    assert exposure.live_url(made(expose, settings)) == url


def test_an_ingress_without_our_annotation_tells_its_host_and_whether_it_has_a_certificate() -> None:
    for expose, url in (({"host": "b.c"}, "http://b.c/"), (CERTIFIED, "https://b.c/")):
        child = made(expose)
        del child["metadata"]["annotations"][naming.URL_ANNOTATION]
        assert exposure.live_url(child) == url


@pytest.mark.parametrize(
    "written", ["b.c", "https://b.c", "javascript:x/", "https://b.c/" + "a" * 500 + "/", "https://b.c/<b>/"]
)
def test_a_url_that_somebody_wrote_into_the_ingress_is_none(written: str) -> None:
    child = made(CERTIFIED)
    child["metadata"]["annotations"][naming.URL_ANNOTATION] = written
    assert exposure.live_url(child) == "https://b.c/"


@pytest.mark.parametrize("path", ["", "/opt", "/team/opt.v1"])
def test_an_ingress_takes_the_path_and_what_is_below_it(path: str) -> None:
    child = made({"host": "b.c", **({"path": path} if path else {})})
    (rule,) = child["spec"]["rules"]
    assert [(one["path"], one["pathType"]) for one in rule["http"]["paths"]] == [(path or "/", "Prefix")]
    assert exposure.live_path(child) == path


@pytest.mark.parametrize("written", ["/../x", "/a/", "x", "", None, "/(.*)", "/" + "a" * 128])
def test_a_path_that_somebody_wrote_into_the_ingress_is_none(written: str | None) -> None:
    child = made({"host": "b.c", "path": "/opt"})
    child["spec"]["rules"][0]["http"]["paths"][0]["path"] = written
    assert exposure.live_path(child) == ""


@pytest.mark.parametrize(
    "path", sorted({one.path for task in get_args(api.Task) for one in endpoints.of(task)} | {"/guide", "/metrics"})
)
def test_no_path_begins_as_one_that_a_model_answers(path: str) -> None:
    """Below /v1 the paths of the model and those below its path would be the same."""
    assert re.fullmatch("|".join(api.TAKEN_SEGMENTS), path.split("/")[1])


ISSUED: list[tuple[dict[str, Any] | None, config.Config, str, dict[str, str]]] = [
    ({"host": "b.c", "ingress": {"tls": {"issuerRef": {"name": "ours"}}}}, SET, "a.tls", {"cert-manager.io/issuer": "ours"}),
    (
        {"host": "b.c", "ingress": {"tls": {"secretName": "mine", "issuerRef": {"name": "x", "kind": "ClusterIssuer"}}}},
        SET, "mine", {"cert-manager.io/cluster-issuer": "x"},
    ),
    (None, config.Config(domain="d.e", issuer_ref=CLUSTER_ISSUER), "a.tls", {"cert-manager.io/cluster-issuer": "acme"}),
    (None, config.Config(domain="d.e", issuer_ref=CLUSTER_ISSUER, tls_secret="wildcard"), "wildcard", {}),
    ({"host": "b.c"}, config.Config(domain="d.e", issuer_ref=CLUSTER_ISSUER), "", {}),
]  # fmt: skip


@pytest.mark.parametrize(("expose", "settings", "secret", "asked"), ISSUED)
def test_an_issuer_is_asked_for_the_certificate_by_cert_managers_annotation(
    expose: dict[str, Any] | None, settings: config.Config, secret: str, asked: dict[str, str]
) -> None:
    child = made(expose, settings)
    found = child["metadata"]["annotations"]
    assert {key: value for key, value in found.items() if key.startswith("cert-manager.io/")} == asked
    assert [one["secretName"] for one in child["spec"].get("tls", [])] == ([secret] if secret else [])


@pytest.mark.parametrize(("expose", "settings"), [(CERTIFIED, config.Config()), (None, SET)])
def test_a_host_with_a_certificate_is_not_served_over_plain_http(expose: object, settings: config.Config) -> None:
    """Contour's annotation removes the host from port 80; that of ingress-nginx redirects."""
    found = annotations(expose, settings)
    assert found["kubernetes.io/ingress.allow-http"] == "false"
    assert found["nginx.ingress.kubernetes.io/force-ssl-redirect"] == "true"


@pytest.mark.parametrize("expose", [{"host": "b.c"}, {"host": "b.c", "url": "https://b.c"}])
def test_a_host_without_a_certificate_is_served_over_plain_http(expose: object) -> None:
    """Whoever ends TLS before the Ingress speaks plain HTTP to it."""
    assert not [key for key in annotations(expose) if "ssl-redirect" in key or "allow-http" in key]


def test_annotations_of_the_spec_take_the_place_of_the_operators() -> None:
    own = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "60", "example.com/team": "a"}
    found = annotations({"host": "b.c", "ingress": {"annotations": own}})
    assert own.items() <= found.items()
    assert found["projectcontour.io/response-timeout"] == "infinity"


ROUTED: dict[str, Any] = {
    "host": "b.c",
    "gateway": {"parentRefs": [{"name": "edge", "namespace": "infra", "sectionName": "https"}]},
}
OF_ALL = SET.model_copy(update={"gateway": api.ParentRef(name="all", namespace="infra")})


def route(expose: object, settings: config.Config = SET) -> kinds.Object | None:
    return http_route.http_route(OWNER, exposed(expose, settings))


@pytest.mark.parametrize(
    ("expose", "settings", "parents"),
    [
        (ROUTED, SET, ["edge"]), (ROUTED, OF_ALL, ["edge"]), (None, OF_ALL, ["all"]), ({"host": "b.c"}, OF_ALL, ["all"]),
        ({"host": "b.c", "ingress": {}}, OF_ALL, ["all"]), (MINE, OF_ALL, []), (CERTIFIED, OF_ALL, []), (None, SET, []),
    ],
)  # fmt: skip
def test_a_host_has_a_route_or_an_ingress(expose: object, settings: config.Config, parents: list[str]) -> None:
    """The setting is for models that say nothing of an Ingress."""
    found, edge = route(expose, settings), ingress.ingress(OWNER, spec(expose), settings, exposed(expose, settings))
    assert [one["name"] for one in (found or {"spec": {"parentRefs": []}})["spec"]["parentRefs"]] == parents
    assert (edge is None) == bool(parents)


@pytest.mark.parametrize("path", ["", "/team/opt"])
def test_a_route_sends_the_path_and_what_is_below_it_to_the_service_and_ends_no_answer(path: str) -> None:
    found = route({**ROUTED, **({"path": path} if path else {})})
    assert found
    assert found["spec"]["hostnames"] == ["b.c"]
    (rule,) = found["spec"]["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": path or "/"}}]
    assert rule["timeouts"] == {"request": "0s"}
    assert [(one["kind"], one["name"], one["port"]) for one in rule["backendRefs"]] == [("Service", "a", 80)]
    assert exposure.live_path(found) == path


def test_a_parent_is_written_as_the_spec_names_it() -> None:
    found = route({**ROUTED, "gateway": {"parentRefs": [{"name": "own"}, *ROUTED["gateway"]["parentRefs"]]}})
    group = {"group": "gateway.networking.k8s.io", "kind": "Gateway"}
    assert found
    assert found["spec"]["parentRefs"] == [
        {**group, "name": "own"},
        {**group, "name": "edge", "namespace": "infra", "sectionName": "https"},
    ]


@pytest.mark.parametrize(
    ("more", "settings", "url"),
    [
        ({}, SET, "https://b.c/"), ({"path": "/opt"}, SET, "https://b.c/opt/"), ({"url": "http://b.c:8080"}, SET, "http://b.c:8080/"),
        ({}, config.Config(scheme="http"), "http://b.c/"),
    ],
)  # fmt: skip
def test_clients_of_a_route_are_told_https_unless_something_else_is_said(
    more: dict[str, str], settings: config.Config, url: str
) -> None:
    """A Gateway's listeners, and whether they have a certificate, are its owner's."""
    assert exposure.live_url(route({**ROUTED, **more}, settings)) == url
