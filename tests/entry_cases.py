"""Lists and repetitions in spec.engine.args: what the CRD's rules and the operator's own check both take or refuse."""

LISTS = {
    '--allowed-media-domains=["a.example","b.example"]': ["--allowed-media-domains", "a.example", "b.example"],
    '--allowed_media_domains = ["a"]': None,
    '--ignore-patterns=[ "original/**/*" , "*.bin" ]': ["--ignore-patterns", "original/**/*", "*.bin"],
    "--cudagraph-capture-sizes=[1,2,4]": ["--cudagraph-capture-sizes", "1", "2", "4"],
    '--lora-target-modules=["q_proj"]': ["--lora-target-modules", "q_proj"],
    '--numa-bind-cpus=["0-3","4-7"]\n': ["--numa-bind-cpus", "0-3", "4-7"],
    '--allowed-origins=["https://a.example"]': ['--allowed-origins=["https://a.example"]'],
    '--allowed_origins=["*"]': ['--allowed_origins=["*"]'],
    "--allowed-origins=[]": ["--allowed-origins=[]"],
    '--compilation-config.splitting_ops=["-a"]': ['--compilation-config.splitting_ops=["-a"]'],
    '--compilation-config={"compile_sizes":[1]}': ['--compilation-config={"compile_sizes":[1]}'],
    "--tool-server=[::1]:8000": ["--tool-server=[::1]:8000"],
    "--chat-template=[{{x}}": ["--chat-template=[{{x}}"],
    '--ignore-patterns=["--trust-remote-code"]': None,
    '--ignore-patterns=["a","-tp","8"]': None,
    '--ignore-patterns=["$(EVIL)"]': None,
    '--ignore-patterns=["\\u002d-trust-remote-code"]': None,
    '--ignore-patterns=[""]': None,
    "--ignore-patterns=[]": None,
    "--ignore-patterns=[a,b]": None,
    "--ignore-patterns=['a']": None,
    '--ignore-patterns=["a",]': None,
    '--ignore-patterns=[["a"]]': None,
    "--cudagraph-capture-sizes=[-1]": None,
    '--ignore-patterns=["a" "--host=0.0.0.0"]': None,
}
"""An entry, and the arguments that vLLM is given for it; None where it is refused."""

TWICE = [
    ("--max-num-seqs=4", "--max-num-seqs=8"),
    ("--max-num-seqs=4", "--max_num_seqs=4"),
    ("--max-num-seqs=4", "--dtype=auto", "--max-num-se=8"),
    ("--lora-modules=a=/a", "--lora-modules=b=/b"),
    ("--enable-prefix-caching", "--no-enable-prefix-caching"),
    ("--no_enable_prefix_caching", "--enable-prefix-cach"),
    ("--tokenizer=a", "--tokenizer=b"),
    ("--compilation-config.level=3", "--compilation-config.level=2"),
    ('--compilation-config={"level":3}', "--compilation-config.level=2"),
]
ONCE = [
    (),
    ("--max-num-seqs=4", "--max-num-batched-tokens=8"),
    ("--tokenizer=a", "--tokenizer-mode=auto", "--tokenizer-revision=b"),
    ("--chat-template=a", "--chat-template-content-format=string"),
    ("--kv-cache-dtype=fp8", '--kv-cache-dtype-skip-layers=["1"]'),
    ("--compilation-config.level=3", "--compilation-config.level_of=2", "--compilation-config.mode=1"),
    ("--enable-lora", "--enable-log-requests"),
]
