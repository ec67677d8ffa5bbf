"""Closed networks: proxies and private authorities reach the engine, and a setting restarts nothing."""

from typing import Any

from vllm_operator import api, config
from vllm_operator.children import pod, template
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid")
CLOSED = config.Config(
    http_proxy="http://proxy.example:3128", no_proxy=".svc", ca_config_map="private-ca", ca_key="bundle.pem"
)


def spec(**engine: Any) -> api.Spec:
    return api.Spec.model_validate({"model": {"source": "file:///models/a"}, "engine": engine})


def engine(one: api.Spec, settings: config.Config = CLOSED) -> kinds.Object:
    container: kinds.Object = pod.template(OWNER, one, settings)["spec"]["containers"][0]
    return container


def variables(one: api.Spec) -> dict[str, str]:
    return {entry["name"]: entry.get("value", "") for entry in engine(one)["env"]}


def test_a_proxy_is_named_in_both_spellings_and_only_where_there_is_one() -> None:
    found = variables(spec())
    assert found["http_proxy"] == found["HTTP_PROXY"] == "http://proxy.example:3128"
    assert found["no_proxy"] == found["NO_PROXY"] == ".svc"
    assert not {"https_proxy", "HTTPS_PROXY"} & set(found)


def test_a_models_own_proxy_wins() -> None:
    found = engine(spec(env=[{"name": "HTTP_PROXY", "value": "http://own"}]))["env"]
    assert [entry["value"] for entry in found if entry["name"].lower() == "http_proxy"] == ["http://own"]


def test_private_authorities_are_mounted_and_trusted() -> None:
    volumes = pod.template(OWNER, spec(), CLOSED)["spec"]["volumes"]
    bundle = next(volume for volume in volumes if volume["name"] == "ca-bundle")
    assert bundle["configMap"] == {"name": "private-ca", "items": [{"key": "bundle.pem", "path": "ca.crt"}]}
    mount = next(mount for mount in engine(spec())["volumeMounts"] if mount["name"] == "ca-bundle")
    found = variables(spec())
    assert found["SSL_CERT_FILE"] == found["REQUESTS_CA_BUNDLE"] == f"{mount['mountPath']}/ca.crt"


def test_a_changed_network_restarts_nothing() -> None:
    pinned = template.revision(OWNER, spec(), config.Config(engine_images={"cpu": "registry.example/vllm-cpu:1"}), ())
    assert template.revision(OWNER, spec(), CLOSED, (pinned,)) == pinned
