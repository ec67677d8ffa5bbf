"""What the allow-lists let a ModelDeployment name, and what they say where they do not."""

from typing import Any

import pytest

from tests import allow_list_cases as table
from tests import engine_cases
from vllm_operator import api, config, policy
from vllm_operator.children import exposure
from vllm_operator.kube import image_names, kinds, naming

IMAGES = [
    # image, prefix, is it under it
    ("registry.example/team/vllm:1", "registry.example/team", True),
    ("registry.example/team/deep/vllm", "registry.example/team", True),
    ("registry.example/team:1", "registry.example/team", True),
    ("registry.example/team@sha256:ab", "registry.example/team", True),
    ("registry.example/team:1@sha256:ab", "registry.example/team", True),
    ("registry.example/team", "registry.example/team", True),
    ("registry.example/team-evil/vllm", "registry.example/team", False),
    ("registry.example/teams", "registry.example/team", False),
    ("registry.example/team:80/evil", "registry.example/team", False),
    ("registry.example/team/vllm", "registry.example/team/", True),
    ("registry.example/team:1", "registry.example/team/", False),
    ("registry.example/vllm", "registry.example", True),
    ("registry.example:5000/vllm", "registry.example", False),
    ("registry.example:5000", "registry.example", False),
    ("registry.example.evil/vllm", "registry.example", False),
    ("localhost:5000/vllm", "localhost", False),
    ("registry.example:5000/vllm", "registry.example:5000", True),
    ("registry.example:50001/vllm", "registry.example:5000", False),
    ("vllm/vllm-openai:v0.33.0", "vllm", False),
    ("vllm/vllm-openai:v0.33.0", "vllm/", True),
    ("vllm/vllm-openai:v0.33.0", "docker.io/vllm", True),
    ("vllm/vllm-openai:v0.33.0", "docker.io", True),
    ("docker.io/vllm/vllm-openai:v0.33.0", "vllm/vllm-openai", True),
    ("index.docker.io/vllm/vllm-openai", "vllm/vllm-openai", True),
    ("registry.example/vllm/vllm-openai", "vllm/vllm-openai", False),
    ("debian/evil:v1", "debian", False),
    ("debian", "debian:latest", True),
    ("docker.io/library/debian", "debian", True),
    ("debian:13", "debian:13", True),
    ("registry:5000/x", "registry:5000", True),
    ("registry.example/team/../evil", "registry.example/team", False),
    ("registry.example/team//evil", "registry.example/team", False),
    ("registry.example/team/./vllm", "registry.example/team", False),
    ("registry.example//team", "registry.example", False),
    ("registry.example/team/", "registry.example/team", False),
    ("registry.example/x:v1@sha256:ab", "registry.example/x:v1", False),
    ("registry.example/x:v1@sha256:ab", "registry.example/x@sha256:ab", True),
    ("registry.example/x@sha256:ab", "registry.example/x:v1@sha256:ab", True),
    ("registry.example/x", "registry.example/x:latest", True),
    ("vllm/vllm-openai:v0.33.0", "vllm/vllm-openai", True),
    ("vllm/vllm-openai-evil:v0.33.0", "vllm/vllm-openai", False),
    ("debian:13", "debian", True),
    ("vllm/vllm-openai:v0.33.0", "vllm/vllm-openai:v0.33.0", True),
    ("vllm/vllm-openai:v0.33.0-evil", "vllm/vllm-openai:v0.33.0", False),
    ("vllm/vllm-openai:v0.33.0@sha256:ab", "vllm/vllm-openai:v0.33.0", False),
    ("vllm/x@sha256:ab", "vllm/x@sha256:ab", True),
    ("vllm/x@sha256:abc", "vllm/x@sha256:ab", False),
    ("registry.example/x", "", False),
    ("evil/registry.example/team", "registry.example/team", False),
]
HOSTS = [
    ("a.example", True),
    ("m.a.example", True),
    ("deep.m.a.example", True),
    ("b.example", True),
    ("evil-a.example", False),
    ("example", False),
    ("a.example.evil", False),
]
NAMES = [
    ("weights-reader", True),
    ("ci-one", True),
    ("weights-reader-2", False),
    ("default", False),
    ("ci", False),
]


def findings(
    namespace: str = "models", allow: dict[str, Any] | None = None, domain: str = "", **spec: Any
) -> list[str]:
    wanted = api.Spec.model_validate({"model": {"source": "file:///models/opt"}, **spec})
    settings = config.Config(allow=config.Allow.model_validate(allow or {}), domain=domain)
    model = kinds.Key(namespace, table.NAME)
    return [finding.message for finding in policy.findings(model, wanted, settings)]


@pytest.mark.parametrize(("image", "prefix", "under"), IMAGES)
def test_a_prefix_ends_where_a_part_of_a_reference_does(image: str, prefix: str, *, under: bool) -> None:
    assert image_names.is_under_any(image, [prefix]) is under


def test_without_a_list_any_image_and_host_may_be_used_and_nothing_of_the_rest() -> None:
    assert findings(engine={"image": "anything"}, expose={"host": "any.where"}) == []
    assert len(findings(serviceAccountName="a")) == 1
    assert len(findings(podMetadata={"labels": {"a": "b"}, "annotations": {"c": "d"}})) == 2
    assert len(findings(expose={"host": "any.where", "ingress": {"annotations": {"a": "b"}}})) == 1


def test_an_image_is_refused_with_its_field_and_the_list() -> None:
    allow = {"images": ["registry.example/team/", "vllm/vllm-openai"]}
    [message] = findings(allow=allow, engine={"image": "evil:1"})
    assert message == (
        "spec.engine.image evil:1 is under none of allow.images: registry.example/team/, vllm/vllm-openai"
    )
    [message] = findings(allow=allow, model={"source": "oci://evil.example/weights:1"})
    assert message.startswith("spec.model.source evil.example/weights:1 is under none of allow.images")
    assert findings(allow=allow, model={"source": "oci://registry.example/team/weights:1"}) == []


def test_the_operators_own_images_need_no_list() -> None:
    assert findings(allow={"images": ["registry.example/"]}) == []


@pytest.mark.parametrize(("host", "allowed_here"), HOSTS)
def test_a_host_is_a_listed_domain_of_its_namespace_or_under_one(host: str, *, allowed_here: bool) -> None:
    allow = {"domains": {"models": ["a.example", "b.example"], "closed": []}}
    assert (findings(allow=allow, expose={"host": host}) == []) is allowed_here
    assert findings("elsewhere", allow, expose={"host": host}) == []
    [message] = findings("closed", allow, expose={"host": host})
    assert message.endswith("is under none of allow.domains of the namespace closed: none")


def test_a_namespace_that_is_not_listed_has_the_hosts_of_the_star() -> None:
    allow = {"domains": {"models": ["a.example"], "*": ["b.example"]}}
    assert findings("tomorrow", allow, expose={"host": "m.b.example"}) == []
    [message] = findings("tomorrow", allow, expose={"host": "m.a.example"})
    assert message.endswith("is under none of allow.domains of the namespace tomorrow: b.example")
    assert findings("models", allow, expose={"host": "m.b.example"}) != []


def test_a_host_under_the_operators_domain_is_that_of_one_model() -> None:
    assert findings(domain="own.example", expose={"host": "judged.own.example"}) == []
    assert findings(domain="own.example", expose={"host": "judged.models.own.example"}) == []
    [message] = findings(domain="own.example", expose={"host": "grafana.own.example"})
    assert message == (
        "spec.expose.host grafana.own.example lies under expose.domain, where the hosts of this model are"
        " judged.own.example and judged.models.own.example"
    )
    allow = {"domains": {"models": ["shared.own.example"]}}
    assert findings(allow=allow, domain="own.example", expose={"host": "shared.own.example", "path": "/a"}) == []


def test_an_ingress_class_is_any_where_none_is_listed_and_one_of_the_list_else() -> None:
    expose = {"host": "a.b", "ingress": {"className": "outer"}}
    assert findings(expose=expose) == []
    [message] = findings(allow={"ingressClasses": ["inner"]}, expose=expose)
    assert message == "spec.expose.ingress.className outer is not in allow.ingressClasses: inner"


@pytest.mark.parametrize(("name", "allowed_here"), NAMES)
def test_names_are_exact_or_begin_as_listed(name: str, *, allowed_here: bool) -> None:
    allow = {"serviceAccounts": ["weights-reader", "ci-*"]}
    assert (findings(allow=allow, serviceAccountName=name) == []) is allowed_here


def test_each_key_is_looked_at() -> None:
    allow = {"podLabels": ["team"], "podAnnotations": ["example.com/*"], "ingressAnnotations": ["*"]}
    metadata = {"labels": {"team": "a", "cost": "b"}, "annotations": {"example.com/a": "c", "example.org/b": "d"}}
    ingress = {"host": "a.b", "ingress": {"annotations": {"any.thing/x": "y"}}}
    assert findings(allow=allow, podMetadata=metadata, expose=ingress) == [
        "spec.podMetadata.labels cost is not in allow.podLabels: team",
        "spec.podMetadata.annotations example.org/b is not in allow.podAnnotations: example.com/*",
    ]


def test_only_what_the_edge_carries_is_the_edges() -> None:
    spec = api.Spec.model_validate(
        {
            "model": {"source": "file:///models/opt"},
            "serviceAccountName": "a",
            "expose": {"host": "a.b", "ingress": {"annotations": {"x": "y"}}},
        }
    )
    settings = config.Config(allow=config.Allow(domains={"models": ("c.d",)}))
    assert [finding.edge for finding in policy.findings(kinds.Key("models", "opt"), spec, settings)] == [
        False,
        True,
        True,
    ]


def test_clients_are_not_sent_to_a_host_of_others() -> None:
    spec = api.Spec.model_validate({"model": {"source": "file:///models/opt"}, "expose": {"host": "bank.example"}})
    owner = naming.Owner("models", "opt", "u")
    settings = config.Config(allow=config.Allow(domains={"models": ("team.example",)}))
    assert exposure.url(owner, spec, config.Config()) == "http://bank.example/"
    assert exposure.url(owner, spec, settings) == "http://opt.models.svc/"


def test_clients_are_not_sent_to_an_address_of_others() -> None:
    """A key that follows spec.expose.url would leave the namespace's own hosts."""
    allow = {"domains": {"models": ["team.example"]}}
    for url in ("https://bank.example/opt", "https://team.example.evil:8443"):
        [message] = findings(allow=allow, expose={"host": "a.team.example", "url": url})
        assert message.startswith("spec.expose.url ")
    assert findings(allow=allow, expose={"host": "a.team.example", "url": "https://b.team.example:8443/opt"}) == []


def test_gateways_are_any_where_none_is_listed_and_named_with_their_namespace() -> None:
    expose = {"host": "a.b", "gateway": {"parentRefs": [{"name": "own"}, {"name": "edge", "namespace": "infra"}]}}
    assert findings(expose=expose) == []
    assert findings(allow={"gateways": ["infra/*"]}, expose=expose) == [
        "spec.expose.gateway.parentRefs models/own is not in allow.gateways: infra/*"
    ]
    assert findings(allow={"gateways": ["infra/edge", "models/own"]}, expose=expose) == []


@pytest.mark.parametrize("case", [*table.CASES, *engine_cases.CASES], ids=str)
def test_the_operator_lets_in_what_the_admission_policy_lets_in(case: table.Case) -> None:
    assert (findings(case.namespace, table.ALLOW, table.DOMAIN, **case.spec()) == []) is case.passes
