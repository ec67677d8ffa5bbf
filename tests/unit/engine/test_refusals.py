"""What a ModelDeployment may not say to vLLM, in any spelling that vLLM's parser would take: in code and in the CRD's rules.

The names stand here once more, so that none can be dropped from the table unnoticed.
"""

import re

import pytest

from vllm_operator import api, crd
from vllm_operator.engine import refusals, table

SETS_THE_OPERATOR = (
    "host", "port", "uds", "root-path", "ssl-keyfile", "ssl-certfile", "ssl-ca-certs", "ssl-cert-reqs", "ssl-ciphers",
    "enable-ssl-refresh", "api-key", "headless", "grpc", "grpc-port", "trust-remote-code", "model", "model-tag",
    "served-model-name", "runner", "convert", "task", "max-model-len", "max-num-queued-reqs", "shutdown-timeout", "config",
    "generation-config", "allowed-media-domains",
)  # fmt: skip
NOBODY_MAY = (
    "hf-token", "help", "data-parallel-multi-port-external-lb", "data-parallel-supervisor-port",
    "dp-supervisor-probe-failure-threshold", "dp-supervisor-probe-interval-s", "dp-supervisor-probe-timeout-s",
)  # fmt: skip
VARIABLES = (
    "VLLM_API_KEY", "VLLM_PORT", "VLLM_HOST_IP", "VLLM_ALLOW_LONG_MAX_MODEL_LEN", "VLLM_SERVER_DEV_MODE",
    "VLLM_ALLOW_INSECURE_SERIALIZATION", "VLLM_ALLOW_RUNTIME_LORA_UPDATING", "VLLM_PLUGINS", "VLLM_ENABLE_RESPONSES_API_STORE",
    "LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONSTARTUP", "PYTHONHOME", "HOME", "USER", "TMPDIR",
    "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "HF_HOME", "HF_HUB_OFFLINE", "VLLM_CACHE_ROOT", "VLLM_NO_USAGE_STATS",
    "TRITON_CACHE_DIR", "TORCHINDUCTOR_CACHE_DIR", "FLASHINFER_WORKSPACE_BASE", "CUDA_CACHE_PATH", "NUMBA_CACHE_DIR",
    "PYTHONWARNINGS", "PYTHONINSPECT", "PYTHONBREAKPOINT", "PYTHONUSERBASE", "PYTHONPLATLIBDIR", "BROWSER", "PATH",
    "NVIDIA_VISIBLE_DEVICES", "VLLM_MEDIA_URL_ALLOW_REDIRECTS",
)  # fmt: skip
REFUSED = [
    "--port=9000",
    "--host",
    "--api-key=x",
    "--api_key=x",
    "--api-k=x",
    "--trust-remote-code",
    "--trust_remote_code",
    "--trust-rem",
    "--no-trust-remote-code",
    "--ssl-keyfile=/x",
    "--ssl_ca_certs=/x",
    "--ssl",
    "--served-model-name=x",
    "--config=/x.yaml",
    "--hos.t=1",
    "--m",
    "--hf-token",
    "--hf_tok=x",
    "-tp=2",
    "-O3",
    "-O",
    "serve",
    "--",
    "--max model len",
    "--tensor-parallel-size 2",
    "--compilation-config.mode",
    "--compilation-config.pass_config+=x",
]
ALLOWED = [
    "--max-num-seqs=4",
    "--dtype=bfloat16",
    "--enforce-eager",
    "--no-enforce-eager",
    "--config-format=hf",
    "--tokenizer-mode=auto",
    "--chat-template={{x}}\n",
    "--chat-template={{ '\\u003c' }}",
    "--kv-cache-dtype=fp8",
    "--reasoning-parser=qwen3",
    "--structured-outputs-config.backend=xgrammar",
    '--structured-outputs-config={"reasoning_parser":"qwen3"}',
    "--optimization-level=3",
]


ENGINE = crd.crd()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]["engine"]


def rules(node: dict[str, object]) -> str:
    """Return the CEL of one node of the CRD."""
    found = node["x-kubernetes-validations"]
    assert isinstance(found, list)
    return " ".join(one["rule"] for one in found)


@pytest.mark.parametrize("name", SETS_THE_OPERATOR + NOBODY_MAY)
@pytest.mark.parametrize("form", ["--{}", "--{}=x", "--{}.y=x"])
def test_an_option_that_is_dangerous_or_has_a_field_is_refused(name: str, form: str) -> None:
    for spelling in (name, name.replace("-", "_")):
        assert "refused here" in str(refusals.refusal(form.format(spelling)))


@pytest.mark.parametrize("name", SETS_THE_OPERATOR + NOBODY_MAY)
def test_the_crd_refuses_the_option_too(name: str) -> None:
    assert f'"--{name}"' in rules(ENGINE["properties"]["args"]["items"])


@pytest.mark.parametrize("name", VARIABLES)
def test_a_variable_that_is_dangerous_or_the_operators_is_refused_by_both(name: str) -> None:
    assert refusals.refusal_of_variable(api.Env(name=name))
    assert f'"{name}"' in rules(ENGINE["properties"]["env"]["items"]["properties"]["name"])


def test_nothing_is_refused_that_is_not_listed_here() -> None:
    options, variables = table.options(), table.variables()
    assert set(table.sorted_as(options, table.OWNED)) == set(SETS_THE_OPERATOR)
    assert set(table.sorted_as(options, table.NEVER)) == set(NOBODY_MAY)
    assert set(table.sorted_as(variables, table.OWNED, table.NEVER)) == set(VARIABLES)


def test_the_rule_of_one_row_reads_as_written_here() -> None:
    row = refusals.Refused(("uds", "api-key"), "because")
    name = "self.split('=')[0].split('.')[0].replace('_', '-').replace('--no-', '--')"
    assert refusals.argument_rule(row) == {
        "rule": f'!["--uds", "--api-key"].exists(name, name.startsWith({name}))',
        "message": "refused here (--uds, --api-key): because",
    }


def test_an_option_that_begins_a_refused_one_is_its_own_rule() -> None:
    rule = refusals.argument_rule(refusals.Refused(("tokenizer-mode-of-ours",), "because"))["rule"]
    assert '["--tokenizer", "--tokenizer-mode"] || ![' in rule


def test_a_line_break_at_the_end_of_a_name_is_refused_as_the_crd_refuses_it() -> None:
    assert refusals.refusal("--dtype\n") == refusals.SHAPE_MESSAGE
    assert re.search(r"\^--.*\$", rules(ENGINE["properties"]["args"]["items"]))


@pytest.mark.parametrize("argument", REFUSED)
def test_options_of_the_operator_are_refused_in_every_spelling(argument: str) -> None:
    assert refusals.refusal(argument)


@pytest.mark.parametrize("argument", ALLOWED)
def test_other_options_are_let_through(argument: str) -> None:
    assert refusals.refusal(argument) is None


def test_every_refusal_says_what_to_use_instead_or_why() -> None:
    assert "spec.expose" in str(refusals.refusal("--port=1"))
    assert "spec.engine.maxModelLen" in str(refusals.refusal("--max-model-len=1"))
