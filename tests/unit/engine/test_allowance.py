"""What of an engine needs an admin is told with its reason, and what may be written instead."""

from typing import Any

import pytest

from vllm_operator import api, config, policy
from vllm_operator.engine import allowance, table
from vllm_operator.kube import kinds

SOURCE = "hf://acme/model"


def findings(allow: dict[str, Any] | None = None, **engine: Any) -> list[str]:
    spec = api.Spec.model_validate({"model": {"source": SOURCE}, "engine": engine})
    lists = {"remoteCode": {"models": [SOURCE]}, **(allow or {})}
    settings = config.Config(allow=config.Allow.model_validate(lists))
    return [finding.message for finding in policy.findings(kinds.Key("models", "opt"), spec, settings)]


def test_an_option_that_needs_an_admin_is_told_with_the_list_and_the_reason() -> None:
    [message] = findings({"engineArgs": ["--otel-*"]}, args=['--kv-transfer-config={"secret":"sk-x"}'])
    assert message == (
        "spec.engine.args --kv-transfer-config is not in allow.engineArgs: --otel-*;"
        " it opens ports beside the guard, or loads modules by name"
    )


def test_a_shortened_or_misspelt_option_is_told_to_be_written_whole() -> None:
    for given in ("--max-num-se=4", "--no-such-option"):
        [message] = findings(args=[given])
        assert "no option of vLLM 0.29 to 0.33, or a shortened name: write the whole name" in message


def test_an_option_whose_parts_are_safe_says_so() -> None:
    [message] = findings(args=['--compilation-config={"mode":3}'])
    assert "docs/engine.md has what needs no admin, such as --compilation-config." in message


@pytest.mark.parametrize("name", table.sorted_as(table.options(), table.ADMIN))
def test_an_admin_may_allow_each_option_that_is_not_safe(name: str) -> None:
    flag = table.FLAG in table.options()[name].values
    argument = f"--{name}" if flag else f"--{name}=x"
    [message] = findings(args=[argument])
    assert f"spec.engine.args --{name} is not in allow.engineArgs: none" in message
    assert findings({"engineArgs": [f"--{name}"]}, args=[argument]) == []
    assert findings({"engineArgs": ["--*"]}, args=[argument]) == []


@pytest.mark.parametrize("name", table.sorted_as(table.options(), table.OWNED, table.NEVER))
def test_no_admin_can_allow_what_the_operator_sets_or_nobody_may(name: str) -> None:
    assert findings({"engineArgs": ["--*"]}, args=[f"--{name}=x"]) != []


@pytest.mark.parametrize("name", table.sorted_as(table.variables(), table.OWNED, table.NEVER))
def test_no_admin_can_allow_a_variable_that_nobody_may_set(name: str) -> None:
    assert findings({"engineEnv": ["*"]}, env=[{"name": name, "value": "x"}]) != []


@pytest.mark.parametrize(
    "given", ["--tokenizer=/etc/engine-files", "--hf-config-path=/etc/engine-files", "--revision=x"]
)
def test_where_code_is_trusted_it_comes_from_nowhere_else(given: str) -> None:
    assert findings(args=[given]) == []
    [message] = findings(args=[given], trustRemoteCode=True)
    assert "beside spec.engine.trustRemoteCode it may run code from elsewhere than spec.model.source" in message
    assert findings({"engineArgs": [given.partition("=")[0]]}, args=[given], trustRemoteCode=True) == []


def test_a_commit_that_anybody_can_propose_is_not_trusted_by_its_repository() -> None:
    for commit in ("0" * 40, "abcdef1"):
        spec = api.Spec.model_validate({"model": {"source": f"{SOURCE}@{commit}"}, "engine": {"trustRemoteCode": True}})
        for listed, is_trusted in ((SOURCE, False), ("hf://acme", False), (f"{SOURCE}@{commit}", True), ("*", True)):
            settings = config.Config(allow=config.Allow(remote_code={"models": (listed,)}))
            found = policy.findings(kinds.Key("models", "opt"), spec, settings)
            assert (found == ()) is is_trusted
            assert is_trusted or "until it is listed itself" in found[0].message


def test_a_stored_option_that_nobody_may_set_any_more_is_told_in_words_without_its_value() -> None:
    [message] = findings(args=["--hf-token=hf_secret"])
    assert "use HF_TOKEN in spec.engine.env with valueFrom" in message
    assert "hf_secret" not in message
    [message] = findings(args=['--enforce-eager=["/z"]'])
    assert message == "spec.engine.args --enforce-eager: this option takes no value: write --name or --no-name"


def test_a_secret_whose_value_a_log_may_show_needs_an_admin() -> None:
    entry = {"name": "OTEL_EXPORTER_OTLP_HEADERS", "valueFrom": {"secretKeyRef": {"name": "a", "key": "b"}}}
    [message] = findings(env=[entry])
    assert "is not in allow.engineEnv: none; its library shows its value in a log where it is wrong" in message
    assert findings({"engineEnv": ["OTEL_*"]}, env=[entry]) == []
    assert findings(env=[{"name": "OTEL_EXPORTER_OTLP_HEADERS", "value": "a=b"}]) == []


def test_what_is_asked_names_an_option_once_however_it_is_spelt() -> None:
    engine = api.Engine(args=("--no_option_of_tomorrow", "--kv_transfer_config.x=y"))
    assert [one.name for one in allowance.options(engine)] == ["--option-of-tomorrow", "--kv-transfer-config"]


def test_no_template_is_read_from_where_secrets_may_be() -> None:
    """A variable of a Secret stands in /proc/self/environ, and /tokenize shows what a template says."""
    assert "reads any file" in " ".join(findings(args=["--chat-template=/proc/self/environ"]))
    assert findings(args=["--chat-template=/etc/engine-files/../../proc/self/environ"])
    assert findings(args=["--chat-template=/etc/engine-files/chat.jinja"]) == []


def test_a_tokenizer_comes_from_where_the_weights_come_from() -> None:
    assert "elsewhere" in " ".join(findings(args=["--tokenizer=s3://bucket/x"]))
    assert findings(args=["--tokenizer=/models/x"]) == []
