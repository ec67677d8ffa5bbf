"""Code of weights is run where an admin trusts their source; variables that a cloud's accelerators need come from the chart."""

import json
from typing import Any

import pytest

from vllm_operator import api, children, config
from vllm_operator.children import pod, wanted
from vllm_operator.engine import options
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
ENV = {
    "nvidia.com/gpu": {"LD_LIBRARY_PATH": "/usr/local/nvidia/lib64", "NCCL_DEBUG": "WARN", "HOME": "/evil"},
    "cpu": {"VLLM_CPU_KVCACHE_SPACE": "4"},
}
SETTINGS = config.Config(
    engine_images={"cpu": "cpu:1", "nvidia.com/gpu": "cuda:1"},
    engine_env=ENV,
    allow=config.Allow(remote_code={"models": ("hf://acme",)}),
)


def spec(source: str = "hf://acme/model", **more: Any) -> api.Spec:
    return api.parse({"model": {"source": source}, **more})


def decided(spec: api.Spec, namespace: str = "models") -> children.Plan:
    owner = OWNER._replace(namespace=namespace)
    return children.plan(children.Inputs(owner, spec, SETTINGS, children.serving(owner, spec, SETTINGS)))


TRUSTED = {"engine": {"trustRemoteCode": True}}


def test_trusted_code_is_run_and_else_none() -> None:
    assert "--trust-remote-code" in options.arguments(spec(**TRUSTED))
    for untrusted in ({}, {"trustRemoteCode": False}, {"args": ["--trust-remote-code"]}):
        assert "--trust-remote-code" not in options.arguments(spec(engine=untrusted))


@pytest.mark.parametrize(("source", "namespace"), [("hf://other/model", "models"), ("hf://acme/model", "elsewhere")])
def test_a_model_whose_code_nobody_trusts_here_gets_no_server(source: str, namespace: str) -> None:
    plan = decided(spec(source, **TRUSTED), namespace)
    assert plan.server == ()
    assert "allow.remoteCode" in plan.violations[0].message
    assert decided(spec(**TRUSTED)).violations == ()


def test_code_is_fetched_where_it_is_to_be_run() -> None:
    def fetched(wanted: api.Spec) -> tuple[list[str], bool]:
        entries: list[kinds.Object] = decided(wanted).revision["data"]["template"]["spec"]["initContainers"]
        text = next(one["value"] for each in entries for one in each.get("env", ()) if one["name"] == "FETCH_SOURCES")
        told = json.loads(text)[0]
        return list(told["files"]), told.get("code", False)

    assert fetched(spec(**TRUSTED)) == ([], True)
    assert fetched(spec()) == ([], False)
    named = {"model": {"source": "hf://acme/model", "files": ["*.bin"]}, **TRUSTED}
    assert fetched(api.parse(named)) == (["*.bin"], False)
    assert wanted.key(spec(**TRUSTED), "") != wanted.key(spec(), "")


def variables(wanted: api.Spec) -> dict[str, str]:
    entries = pod.template(OWNER, wanted, SETTINGS)["spec"]["containers"][0]["env"]
    assert len({one["name"] for one in entries}) == len(entries)
    return {one["name"]: one.get("value", "") for one in entries}


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "nvidia.com/mig-1g.10gb"])
def test_an_accelerator_brings_the_variables_that_the_chart_has_for_its_vendor(resource: str) -> None:
    found = variables(spec(resources={"limits": {resource: 1}}))
    assert found["LD_LIBRARY_PATH"] == "/usr/local/nvidia/lib64"
    assert "VLLM_CPU_KVCACHE_SPACE" not in found
    assert variables(spec())["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert "LD_LIBRARY_PATH" not in variables(spec(resources={"limits": {"amd.com/gpu": 1}}))


def test_the_specs_own_variable_wins_over_the_charts_and_the_operators_over_both() -> None:
    gpu = {"limits": {"nvidia.com/gpu": 1}}
    found = variables(spec(resources=gpu, engine={"env": [{"name": "NCCL_DEBUG", "value": "INFO"}]}))
    assert (found["NCCL_DEBUG"], found["HOME"]) == ("INFO", "/home/vllm")
