"""What a ModelDeployment may not say to vLLM, in any spelling that vLLM's parser would take."""

import pytest

from vllm_operator import api, config
from vllm_operator.engine import environment, options

REFUSED = [
    "--port=9000",
    "--host",
    "--api-key=x",
    "--api_key=x",
    "--api-k=x",
    "--trust-remote-code",
    "--trust_remote_code",
    "--trust-rem",
    "--scheduler-cls=theirs.Scheduler",
    "--ssl-keyfile=/x",
    "--ssl_ca_certs=/x",
    "--ssl",
    "--served-model-name=x",
    "--config=/x.yaml",
    "--hos.t=1",
    "--m",
    "-tp=2",
    "serve",
    "--",
    "--max model len",
    "--tensor-parallel-size 2",
    "--reasoning-parser-=/x.py",
    "--reasoning_parser_plug=/x.py",
    "--kv-events-config={}",
    "--kv_transfer_config.kv_connector=Theirs",
    "--structured-outputs-config.reasoning_parser_plugin=/x.py",
    "--structured-outputs-config.reasoning-parser-plugin=/x.py",
    "--structured_outputs_c.reasoning_parser_plugin=/x.py",
    '--structured-outputs-config={"reasoning_parser_plugin":"/x.py"}',
    '--structured-outputs-config= {\n"a":1, "reasoning_parser_plugi\\u006e":"/x.py"}',
]
ALLOWED = [
    "--max-num-seqs=4",
    "--dtype=bfloat16",
    "--enforce-eager",
    "--config-format=hf",
    "--tokenizer-mode=auto",
    "--chat-template={{x}}\n",
    "--chat-template={{ '\\u003c' }}",
    "--kv-cache-dtype=fp8",
    "--reasoning-parser=qwen3",
    "--structured-outputs-config.backend=xgrammar",
    '--structured-outputs-config={"reasoning_parser":"qwen3"}',
]


@pytest.mark.parametrize("argument", REFUSED)
def test_options_of_the_operator_are_refused_in_every_spelling(argument: str) -> None:
    assert options.refusal(argument)


@pytest.mark.parametrize("argument", ALLOWED)
def test_other_options_are_let_through(argument: str) -> None:
    assert options.refusal(argument) is None


def test_every_refusal_says_what_to_use_instead_or_why() -> None:
    assert "spec.expose" in str(options.refusal("--port=1"))
    assert "spec.engine.maxModelLen" in str(options.refusal("--max-model-len=1"))


def test_a_refused_option_that_came_in_by_an_older_schema_never_reaches_vllm() -> None:
    spec = api.Spec(
        model=api.Model(source="file:///models/a/b"), engine=api.Engine(args=("--port=1", "--enforce-eager"))
    )
    given = options.arguments(spec)
    assert "--enforce-eager" in given
    assert "--port=1" not in given
    assert "--port=8001" in given


@pytest.mark.parametrize(
    ("args", "held"),
    [
        ((), options.SEATS + 64),
        (("--max-num-seqs=4",), 68),
        (("--max_num_seqs=4",), 68),
        (("--max-num-se=4",), 68),
        (("--max-num-seqs=4", "--max-num-seqs=8"), 72),
        (("--max-num-seqs=four",), options.SEATS + 64),
        (("--max-num-scheduled-tokens=4",), options.SEATS + 64),
    ],
)
def test_what_runs_is_not_counted_as_waiting(args: tuple[str, ...], held: int) -> None:
    spec = api.Spec(model=api.Model(source="file:///models/a/b"), engine=api.Engine(args=args))
    assert f"--max-num-queued-reqs={held}" in options.arguments(spec)


def test_the_operators_variables_win() -> None:
    engine = api.Engine(env=(api.Env(name="HOME", value="/evil"), api.Env(name="A", value="")))
    given = {entry["name"]: entry.get("value") for entry in environment.environment(engine, config.Config())}
    assert given["HOME"] == environment.HOME
    assert given["A"] is None


def test_long_context_is_an_explicit_choice() -> None:
    named = [entry["name"] for entry in environment.environment(api.Engine(allow_long_context=True), config.Config())]
    assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN" in named
    assert "VLLM_ALLOW_LONG_MAX_MODEL_LEN" not in [
        entry["name"] for entry in environment.environment(api.Engine(), config.Config())
    ]
