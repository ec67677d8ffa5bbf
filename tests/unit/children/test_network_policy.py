"""Whose pods may reach a model's pods: the public port is everybody's until namespaces are named, the private one never is."""

from vllm_operator import api, config, guard
from vllm_operator.children import fetch, network_policy, pod
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid")
SPEC = api.Spec(model=api.Model(source="file:///models/facebook/opt-125m"))
HUB = api.Spec(model=api.Model(source="hf://facebook/opt-125m"))
SETTINGS = config.Config(namespace="ops")


def of_servers(spec: api.Spec, settings: config.Config) -> kinds.Object:
    """Return the policy on servers that were made of `spec`."""
    return network_policy.network_policy(OWNER, spec, settings, [pod.template(OWNER, spec, settings)])


def callers(port: int, settings: config.Config) -> list[str] | None:
    """Return the namespaces that reach `port`, or None where all do."""
    policy = of_servers(SPEC, settings)
    (rule,) = [rule for rule in policy["spec"]["ingress"] if [one["port"] for one in rule["ports"]] == [port]]
    if "from" not in rule:
        return None
    (peer,) = rule["from"]
    (expression,) = peer["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/metadata.name", "In")
    return list(expression["values"])


def test_everybody_may_call_until_namespaces_are_named_and_then_they_and_the_operator() -> None:
    assert callers(guard.PUBLIC_PORT, config.Config()) is None
    narrowed = config.Config(namespace="ops", client_namespaces=("edge", "apps"))
    assert callers(guard.PUBLIC_PORT, narrowed) == ["apps", "edge", "ops"]


def test_the_private_port_is_the_operators_and_monitorings_alone() -> None:
    assert callers(guard.PRIVATE_PORT, config.Config(namespace="ops", client_namespaces=("edge",))) == ["ops"]
    watched = config.Config(namespace="ops", monitoring_namespaces=("prometheus",))
    assert callers(guard.PRIVATE_PORT, watched) == ["ops", "prometheus"]


def test_the_policy_is_on_the_models_pods_alone() -> None:
    spec = of_servers(SPEC, config.Config())["spec"]
    assert spec["podSelector"] == {"matchLabels": {"serving.byteshop.in/model": "vllm11"}}


def test_only_the_operator_may_ask_how_far_weights_are() -> None:
    for policy in (network_policy.of_fetch(OWNER, SETTINGS, ()), of_servers(HUB, SETTINGS)):
        rule = policy["spec"]["ingress"][-1]
        assert rule["ports"] == [{"port": fetch.PORT, "protocol": "TCP"}]
        assert rule["from"][0]["namespaceSelector"]["matchExpressions"][0]["values"] == ["ops"]
    assert policy["spec"]["podSelector"] == {"matchLabels": {"serving.byteshop.in/model": "vllm11"}}


def test_no_policy_on_servers_covers_the_pod_of_the_job() -> None:
    servers = of_servers(HUB, SETTINGS)["spec"]["podSelector"]
    assert network_policy.of_fetch(OWNER, SETTINGS, ())["spec"]["podSelector"] != servers
