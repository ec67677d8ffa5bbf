"""Where a model answers: what its spec says counts, and for the rest the operator's settings."""

import pytest

from vllm_operator import api, config
from vllm_operator.children import ingress
from vllm_operator.kube import naming

OWNER = naming.Owner("models", "a", "00000000-0000-0000-0000-000000000001")
CERTIFIED = {"host": "b.c", "ingress": {"tls": {"secretName": "mine"}}}
SET = config.Config(domain="models.example", ingress_class="contour", tls_secret="wildcard")
MINE = {"ingress": {"className": "nginx", "tls": {"secretName": "mine"}}}


@pytest.mark.parametrize(
    ("expose", "settings", "expected"),
    [(None, SET, ("a.models.example", "contour", "wildcard")), ({}, SET, ("a.models.example", "contour", "wildcard")),
     ({"guide": False}, SET, ("a.models.example", "contour", "wildcard")), (MINE, SET, ("a.models.example", "nginx", "mine")),
     ({"host": "b.c"}, SET, ("b.c", "contour", "")), ({"host": "b.c", **MINE}, SET, ("b.c", "nginx", "mine")),
     (None, config.Config(), None), ({"guide": True}, config.Config(), None), (MINE, config.Config(), None)],
)  # fmt: skip
def test_exposure(expose: object, settings: config.Config, expected: tuple[str, str, str] | None) -> None:
    spec = api.Spec.model_validate({"model": {"source": "file:///models/a/b"}, "expose": expose})
    assert ingress.exposure("a", spec, settings) == expected


def annotations(expose: object, settings: config.Config) -> dict[str, str]:
    spec = api.Spec.model_validate({"model": {"source": "file:///models/a/b"}, "expose": expose})
    child = ingress.ingress(OWNER, spec, settings)
    assert child
    found: dict[str, str] = child["metadata"]["annotations"]
    return found


@pytest.mark.parametrize(("expose", "settings"), [(CERTIFIED, config.Config()), (None, SET)])
def test_a_host_with_a_certificate_is_not_served_over_plain_http(expose: object, settings: config.Config) -> None:
    """Contour's annotation removes the host from port 80; that of ingress-nginx redirects."""
    found = annotations(expose, settings)
    assert found["kubernetes.io/ingress.allow-http"] == "false"
    assert found["nginx.ingress.kubernetes.io/force-ssl-redirect"] == "true"


def test_a_host_without_a_certificate_is_served_over_plain_http() -> None:
    assert not [key for key in annotations({"host": "b.c"}, SET) if "ssl-redirect" in key or "allow-http" in key]


def test_annotations_of_the_spec_take_the_place_of_the_operators() -> None:
    own = {"nginx.ingress.kubernetes.io/proxy-read-timeout": "60", "example.com/team": "a"}
    found = annotations({"host": "b.c", "ingress": {"annotations": own}}, SET)
    assert own.items() <= found.items()
    assert found["projectcontour.io/response-timeout"] == "infinity"
