"""What of spec.engine needs an admin, and what does not: one table, for the admission policy and for the operator's own check.

The lists of allow_list_cases.py are those that an admin has set.
"""

from tests import allow_list_cases as lists

SAFE_OPTIONS = (
    "--max-num-seqs=4", "--max_num_seqs=4", "--enforce-eager", "--no-enforce-eager", "--no_enforce_eager",
    "--limit-mm-per-prompt.image=2", '--collect-detailed-traces=["all"]', "--distributed-executor-backend=mp",
    "--distributed_executor_backend=mp", "--compilation-config.mode=3", "--compilation_config.mode=3",
    "--compilation-config.pass_config.fuse_norm_quant=true", "--speculative-config.method=ngram", "--optimization-level=2",
    "--structured-outputs-config.backend=xgrammar", "--load-format=runai_streamer", "--monokernel",
    "--default-chat-template-kwargs={}", "--chat-template=/etc/engine-files/chat.jinja", "--chat-template={{ bos_token }}",
    "--no-enable-prompt-embeds", "--no_enable_log_requests", "--log-level=WARNING",
)  # fmt: skip
LISTED_OPTIONS = (
    "--kv-transfer-config={}",
    "--kv_transfer_config.kv_connector=Ours",
    "--otel-anything=1",
    "--no-otel-x",
)
DATA_OPTIONS = (
    "--tokenizer=org/name",
    "--tokenizer=/etc/engine-files", "--hf-config-path=/etc/engine-files", "--tokenizer-revision=a", "--revision=a",
    "--code-revision=a", "--hf-overrides={}", "--hf_overrides.auto_map=x", "--mm-processor-kwargs={}",
    "--speculative-config.model=/etc/engine-files", "--spec-model=/etc/engine-files",
)  # fmt: skip
ASKED_OPTIONS = (
    "--distributed-executor-backend=a.B", "--distributed-executor-backend=mp.B", "--log-config-file=/etc/engine-files/x.json",
    "--logging-config.pylogging_config_file=/etc/engine-files/x.json", "--ec-transfer-config={}", "--kv-events-config={}",
    "--kv-transfer={}", "--model-class-overrides={}", "--middleware=a.B", "--tool-parser-plugin=/etc/engine-files/x.py",
    "--reasoning-parser-plugin=/x.py", '--structured-outputs-config={"reasoning_parser_plugin":"/x.py"}',
    "--structured-outputs-config.reasoning_parser_plugin=/x.py", "--compilation-config.backend=a.b",
    '--compilation-config={"mode":3}', "--compilation-config.inductor_passes.x=a.b", "--compilation-config.mode_x=1",
    "--compilation-config.mode.x=1", "--speculative-config.model=a.B", "--spec-model=a.B",
    "--speculative-config.method=custom_class",
    "--speculative-config={}", "--model-loader-extra-config={}", "--load-format=tensorizer", "--scheduling-policy=priority",
    "--tool-server=demo", "--enable-prompt-embeds", "--max-num-se=4", "--x.y=z", "--option-of-tomorrow", "--no-prefix",
    "--chat-template=/proc/self/environ", "--chat-template=/etc/engine-files/../../proc/self/environ",
    "--chat_template=/etc/engine-files/..", "--spec-model=/../etc", "--speculative-config.model=/models/../etc",
    "--tokenizer=s3://bucket/x", "--hf-config-path=gs://bucket/x", "--enable-log-requests", "--enable_log_outputs",
    "--log-level=DEBUG", "--log_level=debug", "--logging-config.log_level=DEBUG",
    "--data-parallel-address=10.0.0.1", "--additional-config={}", "--profiler-config={}", "--allowed-local-media-path=/",
)  # fmt: skip
SECRET = {"secretKeyRef": {"name": "own", "key": "own"}}
VARIABLES = [
    ({"name": "VLLM_LOG_STATS_INTERVAL", "value": "30"}, True),
    ({"name": "NCCL_DEBUG", "value": "INFO"}, True),
    ({"name": "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "value": "a=b"}, True),
    ({"name": "HF_TOKEN", "valueFrom": SECRET}, True),
    ({"name": "LMCACHE_CHUNK_SIZE", "value": "256"}, True),
    ({"name": "OTEL_EXPORTER_OTLP_HEADERS", "valueFrom": SECRET}, True),
    ({"name": "OTEL_EXPORTER_OTLP_TRACES_HEADERS", "valueFrom": SECRET}, False),
    ({"name": "HTTPS_PROXY", "valueFrom": SECRET}, False),
    ({"name": "VLLM_LOGGING_CONFIG_PATH", "value": "/x"}, False),
    ({"name": "VLLM_LOGGING_STREAM", "value": "ext://a.b"}, False),
    ({"name": "NCCL_NET_PLUGIN", "value": "/x.so"}, False),
    ({"name": "lmcache_x", "value": ""}, False),
    ({"name": "MY_OWN", "value": ""}, False),
    ({"name": "VLLM_LOGGING_LEVEL", "value": "DEBUG"}, False),
    ({"name": "VLLM_DISABLE_REQUEST_ID_RANDOMIZATION", "value": "1"}, False),
]
"""An entry of spec.engine.env, and whether it is let in."""

TRUSTED = {"trustRemoteCode": True}
FREE = [
    *({"args": [one]} for one in (*SAFE_OPTIONS, *DATA_OPTIONS)),
    *({"env": [one]} for one, passes in VARIABLES[:4] if passes),
]
"""Engines that need no entry of a list."""
LISTED = [
    *({"args": [one]} for one in LISTED_OPTIONS),
    *({"args": [one], **TRUSTED} for one in (*SAFE_OPTIONS, *LISTED_OPTIONS)),
    *({"env": [one]} for one, passes in VARIABLES[4:] if passes),
]
"""Engines that need one, and have it; those among them whose code is trusted."""
REFUSED = [
    *({"args": ["--enforce-eager", one]} for one in ASKED_OPTIONS),
    *({"args": [one], **TRUSTED} for one in DATA_OPTIONS),
    *({"env": [one]} for one, passes in VARIABLES if not passes),
]

CASES = [
    *(lists.Case("engine", one, passes=True) for one in (*FREE, *LISTED)),
    *(lists.Case("engine", one, passes=False) for one in REFUSED),
]
