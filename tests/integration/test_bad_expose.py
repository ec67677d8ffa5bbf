"""Wrong fields of spec.expose are refused at apply, and the refusal says what to write instead."""

import json
import pathlib
from typing import Any

import pytest
from kubernetes import client

from tests import kubectl

EDGE = {"name": "edge", "namespace": "infra"}
CASES: list[tuple[Any, str]] = [
    ({"host": "https://vllm11.byteshop.in"}, "no scheme, port, path"),
    ({"host": "vllm11.byteshop.in/v1"}, "no scheme, port, path"),
    ({"host": "VLLM.example"}, "capital letters"),
    ({"host": ""}, "at least 1 char"),
    ({"guide": "no"}, "boolean"),
    ({"host": "a.b", "ingress": {"tls": {}}}, "or the issuer that makes it (issuerRef)"),
    ({"host": "a.b", "ingress": {"tls": {"issuerRef": {}}}}, "name: Required"),
    ({"host": "a.b", "ingress": {"tls": {"issuerRef": {"name": "A"}}}}, "name of a Kubernetes object"),
    ({"host": "a.b", "ingress": {"tls": {"issuerRef": {"name": "a", "kind": "Vault"}}}}, '"Issuer"'),
    ({"host": "a.b", "gateway": {}}, "parentRefs: Required"),
    ({"host": "a.b", "gateway": {"parentRefs": []}}, "should have at least 1 items"),
    ({"host": "a.b", "gateway": {"parentRefs": [{"namespace": "a"}]}}, "name: Required"),
    ({"host": "a.b", "gateway": {"parentRefs": [{"name": "A"}]}}, "name of a Kubernetes object"),
    ({"host": "a.b", "gateway": {"parentRefs": [EDGE, EDGE]}}, "name each Gateway once"),
    ({"host": "a.b", "gateway": {"parentRefs": [EDGE, {**EDGE, "sectionName": "x"}]}}, "(sectionName)"),
    (
        {"host": "a.b", "gateway": {"parentRefs": [{**EDGE, "issuerRef": {"name": "a"}}]}},
        "unknown field",
    ),
    (
        {"host": "a.b", "gateway": {"parentRefs": [EDGE]}, "ingress": {"className": "a"}},
        "leave out ingress, or gateway",
    ),
    (
        {"host": "a.b", "gateway": {"parentRefs": [EDGE]}, "ingress": {"tls": {"secretName": "a"}}},
        "leave out ingress, or gateway",
    ),
    ({"path": "opt"}, "write a path such as /opt"),
    ({"path": "/opt/"}, "no slash at the end"),
    ({"path": "/"}, "no slash at the end"),
    ({"path": "/a/../b"}, "no segment that begins with a dot"),
    ({"path": "/a//b"}, "write a path such as /opt"),
    ({"path": "/a(.*)"}, "write a path such as /opt"),
    ({"path": "/a b"}, "write a path such as /opt"),
    ({"path": "/a?b"}, "write a path such as /opt"),
    ({"path": "/v1"}, "write others"),
    ({"path": "/v12/a"}, "write others"),
    ({"path": "/health"}, "write others"),
    ({"path": "/" + "a" * 128}, "may not be more than 128"),
    ({"url": "https://a.b"}, "write the host too"),
    ({"host": "a.b", "url": "a.b"}, "write an address such as https://"),
    ({"host": "a.b", "url": "ftp://a.b"}, "write an address such as https://"),
    ({"host": "a.b", "url": "https://a.b/"}, "no slash at the end"),
    ({"host": "a.b", "url": "https://u:p@a.b"}, "write an address such as https://"),
    ({"host": "a.b", "url": "https://a.b?x=1"}, "no query"),
    ({"host": "a.b", "url": "https://A.b"}, "lower-case host"),
    ({"serviceAnnotations": {"a b": "c"}}, "write keys of letters"),
    ({"serviceAnnotations": {"serving.byteshop.in/url": "c"}}, "choose another key"),
    ({"serviceAnnotations": {f"k{at}": "c" for at in range(17)}}, "at most 16"),
    ({"serviceAnnotations": {f"k{at}": "c" * 4096 for at in range(9)}}, "at most 32768 characters"),
    (
        {"host": "a.b", "ingress": {"annotations": {f"k{at}": "c" * 4096 for at in range(9)}}},
        "at most 32768 characters",
    ),
    (
        {"host": "a.b", "ingress": {"annotations": {"kubernetes.io/ingress.class": "x"}}},
        "choose another key",
    ),
]


def exposed(expose: Any) -> dict[str, Any]:
    return kubectl.model("good", expose=expose)


@pytest.mark.parametrize(("expose", "words"), CASES)
def test_a_bad_value_is_refused_with_its_remedy(served: pathlib.Path, expose: Any, words: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        kubectl.create(served, exposed(expose), dry_run=True)
    assert refused.value.status in (400, 422)
    assert words in json.loads(refused.value.body)["message"]


def test_listeners_of_one_gateway_are_taken_and_an_empty_ingress_stands_in_no_gateways_way(
    served: pathlib.Path,
) -> None:
    """An empty ingress is the default of models that were stored before."""
    refs = [{**EDGE, "sectionName": "a"}, {**EDGE, "sectionName": "b"}, {"name": "edge"}]
    expose = {"host": "a.b", "gateway": {"parentRefs": refs}, "ingress": {}}
    assert kubectl.create(served, exposed(expose), dry_run=True)["spec"]["expose"]["gateway"] == {"parentRefs": refs}
