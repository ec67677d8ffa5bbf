"""Where a model answers: what its spec says counts, and for the rest the operator's settings."""

import pytest

from vllm_operator import api, config
from vllm_operator.children import ingress

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
