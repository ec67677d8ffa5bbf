"""What a model's pods may reach: name servers, and what a spec shows that they need."""

import copy
import ipaddress
from typing import Any

import pytest

from tests import egress_cases as cases
from tests.golden import render
from vllm_operator import api, children, config
from vllm_operator.children import egress, network_policy, pod, rollout, template
from vllm_operator.kube import kinds


def reached(policy: kinds.Object) -> set[str]:
    """Return the places that a network plugin lets pods under the policy reach."""
    assert policy["spec"]["policyTypes"] == ["Ingress", "Egress"]
    return {
        name for name, place in cases.PLACES.items() if any(lets_out(rule, place) for rule in policy["spec"]["egress"])
    }


def lets_out(rule: kinds.Object, place: cases.Place) -> bool:
    at = {(one["port"], one["protocol"]) for one in rule.get("ports", [])}
    fits = not at or (place.port, place.protocol) in at
    return fits and ("to" not in rule or any(is_peer(peer, place) for peer in rule["to"]))


def is_peer(peer: kinds.Object, place: cases.Place) -> bool:
    if "ipBlock" in peer:
        return bool(place.address) and is_in(peer["ipBlock"], ipaddress.ip_address(place.address))
    if "namespaceSelector" in peer:
        return peer["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": place.namespace}}
    assert peer == {"podSelector": {}}
    return place.namespace == cases.OWNER.namespace


def is_in(block: kinds.Object, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    within, *beside = map(ipaddress.ip_network, (block["cidr"], *block.get("except", [])))
    assert all(one.subnet_of(within) and one != within for one in beside)  # type: ignore[arg-type]
    return address in within and not any(address in one for one in beside)


@pytest.mark.parametrize("name", cases.SERVERS)
def test_servers_reach_what_their_spec_shows_that_they_need(name: str) -> None:
    row = cases.SERVERS[name]
    assert reached(cases.of_servers(row)) == row.dns | row.reached


@pytest.mark.parametrize("name", cases.JOBS)
def test_a_job_reaches_where_weights_may_lie(name: str) -> None:
    row = cases.JOBS[name]
    assert reached(cases.of_fetch(row)) == row.dns | row.reached


def test_servers_of_a_release_without_a_list_reach_public_hosts_alone() -> None:
    """Their vLLM fetches any URL, and a policy that cut it off would break what works."""
    spec, settings = cases.told(cases.Row(set()))
    earlier = copy.deepcopy(pod.template(cases.OWNER, spec, settings))
    (engine,) = earlier["spec"]["containers"]
    engine["args"] = [
        one for one in engine["args"] if one not in ("--allowed-media-domains", "urls-are-not-fetched.invalid")
    ]
    assert reached(network_policy.network_policy(cases.OWNER, spec, settings, [earlier])) == cases.DNS | cases.WEB


def test_servers_of_an_earlier_version_reach_what_they_need_until_they_are_gone() -> None:
    before, after = api.Spec.model_validate({"model": cases.HUB}), api.Spec.model_validate({"model": cases.LOCAL})
    live = template.revision(cases.OWNER, before, render.SETTINGS, ())
    rolling = render.decided(cases.OWNER, after, render.SETTINGS, live)
    (policy,) = [one for one in rolling.first if one["kind"] == "NetworkPolicy"]
    assert reached(policy) == cases.DNS | cases.PUBLIC


def test_servers_that_are_there_while_the_deployment_has_the_new_template_keep_their_reach() -> None:
    before, after = api.Spec.model_validate({"model": cases.HUB}), api.Spec.model_validate({"model": cases.LOCAL})
    old, new = (template.revision(cases.OWNER, spec, render.SETTINGS, ()) for spec in (before, after))
    new["metadata"]["name"] += ".new"
    pod_of_old = {"kind": "Pod", **old["data"]["template"]}
    for pods, expected in ((pod_of_old,), cases.DNS | cases.PUBLIC), ((), cases.DNS):
        rolling = rolled(after, (old, new), pods)
        (policy,) = [one for one in rolling.first if one["kind"] == "NetworkPolicy"]
        assert reached(policy) == expected


def rolled(spec: api.Spec, revisions: tuple[kinds.Object, ...], pods: tuple[kinds.Object, ...]) -> children.Plan:
    """Return the plan where the Deployment has the template of the spec, and `pods` are there."""
    at_work, live = template.digest(spec), rollout.Live(pods=pods)
    serving = children.serving(cases.OWNER, spec, render.SETTINGS)
    return children.plan(
        children.Inputs(cases.OWNER, spec, render.SETTINGS, serving, revisions, at_work=at_work, live=live)
    )


def test_a_template_of_somebodys_own_holds_up_nobody() -> None:
    env = [{"name": name} for name in ("FETCH_SOURCES", "OTEL_EXPORTER_OTLP_ENDPOINT")]
    garbled = ['{"a":1}', "[1]", '[{"source":[1]}]', "[" * 9999, "no json"]
    made = [
        [*env, {"name": "FETCH_SOURCES", "value": text}, {"name": "FETCH_ENDPOINTS", "value": text}] for text in garbled
    ]
    templates = [
        {"spec": {"containers": [{"name": "vllm", "args": ["--allowed-media-domains"], "env": one}]}} for one in made
    ]
    rules = egress.of_servers(templates, config.Config())
    assert 1 < len(rules) <= 4


def test_the_chart_may_leave_all_open() -> None:
    spec, settings = cases.told(cases.Row(set(), settings={"egress": False}))
    for policy in (
        network_policy.network_policy(cases.OWNER, spec, settings, ()),
        network_policy.of_fetch(cases.OWNER, settings, ()),
    ):
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        assert "egress" not in policy["spec"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"egress_to": [{}]}, "write cidr or namespace"),
        ({"egress_to": [{"cidr": "10.0.0.0/8", "namespace": "a"}]}, "write cidr or namespace"),
        ({"egress_to": [{"cidr": "10.0.0.1/8"}]}, "not a valid IPv4 or IPv6 network"),
        ({"egress_to": [{"namespace": "a", "ports": [0]}]}, "greater than or equal to 1"),
        ({"egress_dns": [{}]}, "write cidr or namespace"),
        ({"egress_except": ["0.0.0.0/0"]}, "write a part of all addresses"),
        ({"egress_except": ["inside"]}, "not a valid IPv4 or IPv6 network"),
    ],
)
def test_a_setting_that_makes_no_rule_is_refused(value: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        config.Config.model_validate(value)
