"""What an admin adds to the operator's pod, and what the operator's pods reach under their NetworkPolicy."""

from typing import Any

from tests import chart
from tests.integration import chart_seen, test_egress
from vllm_operator import config, guard
from vllm_operator.children import fetch
from vllm_operator.engine import options
from vllm_operator.kube import naming

POLICY = ("NetworkPolicy", "vllm-operator")
MODELS = test_egress.PODS["models"]
PLACES = {
    "name server": ("10.244.0.4", 5353),
    "api server": ("10.0.0.1", 6443),
    "another address": ("93.184.216.34", 443),
    "guard": (MODELS, guard.PRIVATE_PORT),
    "model": (MODELS, guard.PUBLIC_PORT),
    "fetch": (MODELS, fetch.PORT),
    "engine": (MODELS, options.PORT),
    "http": ("93.184.216.34", 80),
}


def policy(**given: object) -> Any:
    """Return the spec of the operator's NetworkPolicy."""
    return chart.objects({"networkPolicy": {"enabled": True, **given}})[POLICY]["spec"]


def pod(values: dict[str, Any]) -> Any:
    """Return the spec of the operator's pods."""
    return chart_seen.template("spec")(chart.objects(values))


def test_packets_of_the_operator_come_to_name_servers_the_api_server_and_models_and_nowhere_else() -> None:
    policies = {"open": policy()["egress"], "narrow": policy(apiServer={"cidrs": ["10.0.0.0/24"]})["egress"]}
    reached = test_egress.reached(policies, PLACES)
    assert reached["narrow"] == {"name server", "api server", "guard", "model", "fetch"}
    assert reached["open"] == reached["narrow"] | {"another address"}


def test_the_pods_it_reaches_are_those_that_the_operator_asks() -> None:
    rule = policy()["egress"][2]
    keys = [one["podSelector"]["matchExpressions"][0]["key"] for one in rule["to"]]
    assert keys == [naming.MODEL_LABEL, naming.FETCH_LABEL]
    assert {one["port"] for one in rule["ports"]} == {guard.PUBLIC_PORT, guard.PRIVATE_PORT, fetch.PORT}


def test_the_port_it_opens_is_that_of_metrics_to_those_who_read_them() -> None:
    found = chart.objects({"networkPolicy": {"enabled": True}, "monitoring": {"namespaces": ["monitoring"]}})
    (rule,) = found[POLICY]["spec"]["ingress"]
    (callers,) = rule["from"]
    assert callers["namespaceSelector"]["matchExpressions"][0]["values"] == ["ops", "monitoring"]
    (port,) = found["Deployment", "vllm-operator"]["spec"]["template"]["spec"]["containers"][0]["ports"]
    assert rule["ports"] == [{"port": port["name"], "protocol": "TCP"}]
    assert port["containerPort"] == config.Config.model_fields["http_port"].default


def test_a_variable_that_the_chart_sets_is_refused_with_what_to_do() -> None:
    done = chart.template({"image": {"repository": "x"}, "extraEnv": [{"name": "VLLM_OPERATOR_DOMAIN", "value": "x"}]})
    assert "extraEnv: VLLM_OPERATOR_DOMAIN is set by the chart: set the value that it is made of" in done.stderr


def test_a_setting_without_a_value_comes_by_a_variable() -> None:
    found = chart.objects({"extraEnv": [{"name": "VLLM_OPERATOR_WORKERS", "value": "4"}]})
    assert chart_seen.variables(found)["VLLM_OPERATOR_WORKERS"] == "4"


def test_what_is_added_stands_beside_the_bundle_of_authorities() -> None:
    mount = {"name": "more", "mountPath": "/more"}
    more = {"extraVolumes": [{"name": "more", "emptyDir": {}}], "extraVolumeMounts": [mount]}
    found = pod({**more, "caBundle": {"configMap": "ca"}})
    assert [one["name"] for one in found["volumes"]] == ["ca-bundle", "more"]
    assert found["containers"][0]["volumeMounts"][1] == mount


def test_a_part_of_a_security_context_is_added_and_a_null_takes_one_away() -> None:
    given = {"podSecurityContext": {"seccompProfile": None, "runAsUser": 7}, "securityContext": {"privileged": False}}
    found = pod(given)
    assert found["securityContext"] == {"runAsNonRoot": True, "runAsUser": 7}
    assert found["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert chart.objects(given)["Pod", "vllm-operator-test"]["spec"]["securityContext"] == found["securityContext"]
