"""Files and secret values of an engine: read from the model's namespace, by the engine alone, and shown nowhere."""

import json
from typing import Any

import pytest

from vllm_operator import api, config
from vllm_operator.children import pod, template
from vllm_operator.engine import refusals, table
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
TEMPLATE = {"name": "chat.jinja", "configMapKeyRef": {"name": "templates", "key": "llama.jinja"}}
PARSER = {"name": "tools.json", "configMapKeyRef": {"name": "templates"}}
OTHER = {"name": "other", "configMapKeyRef": {"name": "others"}}
TOKEN = {"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "hub", "key": "token"}}}


def spec(**engine: Any) -> api.Spec:
    return api.parse({"model": {"source": "file:///models/a/b"}, "engine": engine})


def rendered(**engine: Any) -> kinds.Object:
    """Return the spec of the pod."""
    found: kinds.Object = pod.template(OWNER, spec(**engine), config.Config())["spec"]
    return found


def variables(**engine: Any) -> dict[str, dict[str, Any]]:
    return {entry["name"]: entry for entry in rendered(**engine)["containers"][0]["env"]}


def test_files_of_several_config_maps_lie_side_by_side_under_their_names() -> None:
    (volume,) = [one for one in rendered(files=[TEMPLATE, OTHER, PARSER])["volumes"] if one["name"] == "engine-files"]
    assert volume["projected"]["sources"] == [
        {"configMap": {"name": "templates", "items": [
            {"key": "llama.jinja", "path": "chat.jinja"}, {"key": "tools.json", "path": "tools.json"}]}},
        {"configMap": {"name": "others", "items": [{"key": "other", "path": "other"}]}},
    ]  # fmt: skip


def test_the_engine_alone_reads_files_where_its_arguments_say() -> None:
    found = rendered(files=[TEMPLATE], args=["--chat-template=/etc/engine-files/chat.jinja"])
    (mount,) = [one for one in found["containers"][0]["volumeMounts"] if one["name"] == "engine-files"]
    assert mount == {"name": "engine-files", "mountPath": "/etc/engine-files", "readOnly": True}
    assert "engine-files" not in json.dumps(found["initContainers"])
    assert f"--chat-template={mount['mountPath']}/chat.jinja" in found["containers"][0]["args"]


def test_without_files_there_is_no_volume_and_no_new_template() -> None:
    assert "engine-files" not in json.dumps(rendered())
    assert template.digest(spec()) != template.digest(spec(files=[TEMPLATE])) != template.digest(spec(files=[OTHER]))


def test_a_variable_may_have_its_value_from_a_secret() -> None:
    assert variables(env=[TOKEN])["HF_TOKEN"] == TOKEN
    assert template.digest(spec(env=[TOKEN])) != template.digest(spec())


@pytest.mark.parametrize("name", ["VLLM_LOGGING_PREFIX", "HOME", "VLLM_API_KEY", "LD_PRELOAD", "hf_token"])
def test_a_secret_is_given_to_no_variable_that_may_show_it(name: str) -> None:
    assert name not in refusals.secrets()
    found = variables(env=[{**TOKEN, "name": name}])
    assert "valueFrom" not in found.get(name, {})


def test_no_variable_of_the_operators_may_come_from_a_secret() -> None:
    own = table.sorted_as(table.variables(), table.OWNED, table.NEVER)
    assert not set(own) & set(refusals.secrets())


def test_a_proxy_with_a_password_wins_over_the_settings_in_both_spellings() -> None:
    engine = spec(env=[{**TOKEN, "name": "HTTPS_PROXY"}])
    settings = config.Config(https_proxy="http://proxy.example:3128")
    found = pod.template(OWNER, engine, settings)["spec"]["containers"][0]["env"]
    assert [one for one in found if one["name"].lower() == "https_proxy"] == [{**TOKEN, "name": "HTTPS_PROXY"}]
