"""What vLLM says before it ends -> reason and message: one table. Patterns come from the output of vLLM 0.29 to 0.33.

A message names the pattern's groups and ends with what an admin can do. Must not know where the text came from.
"""

from typing import NamedTuple

FULL = r"(?:CUDA|HIP|XPU|NPU) out of memory[.]?"
ALLOCATION = (
    rf"{FULL}(?: Tried to allocate ([\d.]+ [KMGT]?i?B)[.] GPU \d+ has a total capacity of ([\d.]+ [KMGT]?i?B))?"
)
AT_LOADING = rf", in (?:load_model|create_weights|initialize_model)\b[\s\S]{{0,2000}}?{ALLOCATION}"
NCCL = (
    "unhandled (?:cuda|system) error|internal error|invalid (?:argument|usage)"
    "|remote process exited or there was a network error"
)
"""The errors that NCCL names."""
WORKER = r"(?:Vllm)?Worker(?:_[A-Z]{2}\d{1,4}){0,4}(?:-\d{1,4})?"
CORE = r"EngineCore(?:_DP\d{1,4})?"
"""The names of processes."""
SHARED = "'/?(?:dev/shm/|psm_|torch_|mp-|sem[.])"
"""Files of shared memory."""
UNNAMED = "this vLLM does not serve the architecture of the weights: choose other weights, or a newer spec.engine.image"
"""What is told where the beginning of a list of 419 architectures is cut off, and with it the name of the one that is missing."""


class Row(NamedTuple):
    """A pattern, and the cause that it stands for."""

    pattern: str
    reason: str
    message: str


OPTIONS = (
    Row("unrecognized arguments: .*--(max-num-queued-reqs|shutdown-timeout)", "EngineTooOld",
        "this vLLM is older than 0.29 and does not know --{0}: choose a newer spec.engine.image"),
    Row("unrecognized arguments: (.+)", "UnknownOption",
        "vLLM does not know the option {0}: correct spec.engine.args"),
    Row("error: argument (-.+)", "BadOption",
        "vLLM refuses an option: {0}: correct spec.engine.args"),
    Row(r"validation errors? for \w+\n(\w+)\n +(Input should .+?) \[type=", "BadOption",
        "vLLM refuses an option: {0}: {1}: correct spec.engine.args"),
    Row(r"max_num_batched_tokens \((\d+)\) must be greater than or equal to max_num_seqs \((\d+)\)", "BadOption",
        "--max-num-batched-tokens={0} is less than the {1} of --max-num-seqs: raise the one or lower the other in"
        " spec.engine.args"),
    Row(r"max_num_batched_tokens \((\d+)\) is smaller than max_model_len \((\d+)\)", "BadOption",
        "--max-num-batched-tokens={0} is less than the context of {1}: raise it in spec.engine.args, or lower"
        " spec.engine.maxModelLen"),
    Row(r"Quantization method specified in the model config \((\S+)\) does not match .* argument \((\S+)\)", "BadOption",
        "the weights are quantized by {0}, and --quantization says {1}: leave the option out of spec.engine.args"),
    Row(r"Unknown quantization method: (\S+?)[.]", "BadOption",
        "vLLM knows no quantization {0}: correct spec.engine.args"),
    Row(r"Cannot find the config file for (\w+)", "BadOption",
        "the weights are not quantized by {0}, as --quantization says: leave the option out of spec.engine.args"),
    Row("Load format `(.+?)` is not supported", "BadOption",
        "vLLM knows no load format {0}: correct spec.engine.args"),
    Row(r"invalid (tool call|reasoning) parser: (\S+) \(chose", "BadOption",
        "vLLM knows no {0} parser {1}: correct spec.engine.args"),
    Row(r"Reasoning parser '(\S+)' not found", "BadOption",
        "vLLM knows no reasoning parser {0}: correct spec.engine.args"),
    Row(r"chat template string \((.+?)\) appears path-like, but doesn't exist", "BadOption",
        "the chat template {0} does not exist: bring it by spec.engine.files, or correct spec.engine.args"),
    Row(r"invalid literal for int\(\) with base 10: '(.*?)'", "BadOption",
        "a variable or an option has the value {0}, which is no whole number: correct spec.engine.env or spec.engine.args"),
    Row(r"\[Errno 98\] [Aa]ddress already in use|address \('.*', \d+\): address already in use", "PortInUse",
        "another process in the pod has vLLM's port: correct what spec.engine.args or spec.engine.image starts beside it"),
)  # fmt: skip

ACCELERATORS = (
    Row(r"attention heads \((\d+)\) must be divisible by tensor parallel size \((\d+)\)", "BadOption",
        "{0} attention heads cannot be split among {1} accelerators: change spec.resources, or set --tensor-parallel-size"),
    Row(r"Bfloat16 is only supported on GPUs with compute capability of at least \S+ Your (.+?) GPU", "AcceleratorTooOld",
        "{0} does not know bfloat16: set --dtype=half in spec.engine.args, or ask for a newer accelerator"),
    Row(r"quantization method (\S+) is not supported for the current GPU[.] Minimum capability: (\d+)[.] Current"
        r" capability: (\d+)",
        "AcceleratorTooOld",
        "the accelerator is too old for weights quantized by {0} (it has the capability {2}, and {1} is needed): choose"
        " other weights, or a newer accelerator"),
    Row("no kernel image is available for execution on the device", "AcceleratorTooOld",
        "the image has no code for this accelerator: choose a spec.engine.image that was built for it, or another"
        " accelerator"),
    Row("NVIDIA driver on your system is too old|driver version is insufficient for CUDA runtime version",
        "AcceleratorNotUsable",
        "the node's driver is older than the image needs: update the driver, or choose a spec.engine.image of an older CUDA"),
    Row("No CUDA GPUs are available|Found no NVIDIA driver|Failed to infer device type|libcuda[.]so[.]1: cannot open|No"
        " HIP GPUs are available|CUDA error: no CUDA-capable device is detected",
        "AcceleratorNotUsable",
        "vLLM finds no accelerator in its container: ask for one in spec.resources.limits, or choose the spec.engine.image"
        " of the one that it has; on a node, see to its driver and runtime class"),
    Row("CUDA error: (uncorrectable ECC error encountered|an illegal memory access was encountered|unspecified launch"
        " failure|misaligned address|device-side assert triggered)",
        "AcceleratorFailed",
        "the accelerator failed ({0}): if it happens again on this node, drain the node and have the device tested, else"
        " choose another spec.engine.image"),
    Row(rf"NCCL error[^\n]*?[:,] ({NCCL})\b", "AcceleratorFailed",
        "the accelerators of the server cannot speak with each other (NCCL: {0}): see to /dev/shm, the driver and the"
        " links of the node"),
)  # fmt: skip

MEMORY = (
    Row(r"User-specified max_model_len \((\d+)\) is greater than the derived max_model_len \([^=]*=(\d+)", "ContextTooLong",
        "spec.engine.maxModelLen {0} is more than the {1} that the weights declare: lower it, or set allowLongContext"),
    Row(r"estimated maximum model length is (\d+)", "CacheTooSmall",
        "the memory for the KV cache is too small for this context: set spec.engine.maxModelLen to {0} or less"),
    Row(r"serve at least one request with the model's max seq len \((\d+)\), \(([\d.]+) GiB KV cache is needed, which is"
        r" larger than the available KV cache memory \(([\d.]+) GiB",
        "CacheTooSmall",
        "the KV cache has {2} GiB, and one request of {0} tokens needs {1} GiB: lower spec.engine.maxModelLen, or raise"
        " --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    Row("No available memory for the cache blocks", "CacheTooSmall",
        "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    Row(r"already uses ([\d.]+) GiB \(model weights and runtime\), more than the ([\d.]+) GiB", "CacheTooSmall",
        "the weights take {0} GiB of the {1} GiB that are reserved, which leaves none for the KV cache: set"
        " VLLM_CPU_KVCACHE_SPACE in spec.engine.env, or raise --gpu-memory-utilization"),
    Row(r"Available memory on node \d+ \(([\d.]+)/.+ requested memory for kv \(([\d.]+)(?: GiB|/)", "OutOfMemory",
        "the KV cache of {1} GiB is more than the {0} GiB that are free: lower VLLM_CPU_KVCACHE_SPACE"),
    Row(r"Available memory on node \d+ \(([\d.]+)/.+ desired CPU memory utilization \([\d.]+, ([\d.]+) GiB\)", "OutOfMemory",
        "vLLM wants {1} GiB of memory, and {0} GiB are free: set VLLM_CPU_KVCACHE_SPACE in spec.engine.env, or lower"
        " --gpu-memory-utilization"),
    Row(r"Free memory on device (?:\S+ )?\(([\d.]+)/([\d.]+) GiB\) on startup.+?\([\d.]+, ([\d.]+) GiB\)", "OutOfMemory",
        "the accelerator has {0} of {1} GiB free, and vLLM wants {2} GiB: lower --gpu-memory-utilization, or end what else"
        " uses it"),
    Row(r"out of memory occurred when warming up \w+ .*with (\d+) dummy requests", "OutOfMemory",
        "the accelerator's memory is too small for {0} requests at once: lower --max-num-seqs or --gpu-memory-utilization"
        " in spec.engine.args"),
    Row(AT_LOADING, "OutOfMemory",
        "the weights do not fit into the accelerator's memory of {1}: ask for more accelerators in spec.resources, or"
        " choose quantized weights"),
    Row(ALLOCATION, "OutOfMemory",
        "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
    Row("OutOfMemoryError", "OutOfMemory",
        "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
    Row(r"Insufficient space in /dev/shm for [\w -]+: (\d+ [KMGT]?i?B) required, (\d+ [KMGT]?i?B) free", "SharedMemoryTooSmall",
        "/dev/shm has {1} free and vLLM needs {0}: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row("unable to (?:open|allocate|mmap).{0,60}shared memory|DataLoader worker .* killed by signal: Bus error",
        "SharedMemoryTooSmall",
        "/dev/shm is too small for this model: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row(rf"No space left on device: {SHARED}", "SharedMemoryTooSmall",
        "/dev/shm is full: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row(r"[Cc]annot allocate memory(?! in static TLS)|\bMemoryError\b|DefaultCPUAllocator: can't allocate memory|std::bad_alloc",
        "OutOfMemory",
        "vllm needs more memory than its limit: raise spec.resources.limits.memory"),
)  # fmt: skip

WEIGHTS = (
    Row("contains custom code which must be executed|requires you to execute the configuration file|using the"
        " `--trust-remote-code` flag",
        "RemoteCodeNotTrusted",
        "the weights bring code that has to run: set spec.engine.trustRemoteCode, which the chart's allow.remoteCode must"
        " allow"),
    Row(r"[Mm]odel architectures \[(.+?)\] are not supported", "UnsupportedModel",
        "this vLLM does not serve the architecture {0}: choose other weights, or a newer spec.engine.image"),
    Row(r"[Mm]odel architectures \[(.+?)\] failed to be inspected", "UnsupportedModel",
        "this vLLM cannot load its code for the architecture {0}: choose other weights, or a newer spec.engine.image"),
    Row("model type `(.+?)` but Transformers does not recognize", "UnsupportedModel",
        "this vLLM does not know the model type {0}: choose other weights, or a newer spec.engine.image"),
    Row(r"'\w+', '\w+'\]\) \[type=value_error", "UnsupportedModel",  # the end of what follows "are not supported"
        UNNAMED),
    Row(r"LoRA rank (\d+) is greater than max_lora_rank (\d+)", "AdapterRejected",
        "{adapter} has the rank {0}, and the engine has room for {1}: raise --max-lora-rank in spec.engine.args"),
    Row(r"While loading /adapters/([^,\s]+), expected target modules in \{[^}]*\} but received \['([^']+)'", "AdapterRejected",
        "the adapter {0} was made for another model, as these weights have no {1}: correct spec.model.adapters"),
    Row("add_lora method failed: .*'(The size of tensor a .+?)', please", "AdapterRejected",
        "{adapter} was made for another model ({0}): correct spec.model.adapters"),
    Row(r"Loading lora (\S+) failed: No adapter found for", "AdapterRejected",
        "the source of the adapter {0} holds no adapter_config.json: correct spec.model.adapters"),
    Row("The lora adapter '([^']+)' conflicts with a served base model", "AdapterRejected",
        "the adapter {0} is named like the model: give it another name"),
    Row(r"""add_lora method failed: (?:Worker failed with error )?['"]?(.+?)[.]?['"]?, please check""", "AdapterRejected",
        "vLLM refuses {adapter}: {0}: correct spec.model.adapters"),
    Row(r"\b(\w{1,80}) does not support LoRA yet", "AdapterRejected",
        "vLLM serves no adapters for the architecture {0}: leave spec.model.adapters out, or choose a newer"
        " spec.engine.image"),
    Row(r"PermissionError: \[Errno 13\] [Pp]ermission denied: '([^']+)'", "SourceNotReadable",
        "the pod's user may not read or write {0}: let user 65532 do so, or set spec.securityContext to the owner's user"
        " and group"),
    Row("No space left on device", "DiskFull",
        "a volume of the pod is full: raise spec.resources.limits.ephemeral-storage, or spec.model.cache.size"),
    Row("Cannot access gated repo|access a gated repo", "SourceGated",
        "the model is gated: ask for access with the account of the token in spec.model.credentialsSecretRef"),
    Row("Invalid credentials in Authorization header|401 Unauthorized", "SourceUnauthorized",
        "the hub does not accept the token: correct the Secret that spec.model.credentialsSecretRef names"),
    Row("is not a valid git identifier|RevisionNotFoundError", "RevisionNotFound",
        "the repository has no such revision: correct what follows the @ in spec.model.source"),
    Row("couldn't connect to '[^']*' to load the files|ConnectError|Could not connect to the endpoint URL"
        "|EndpointConnectionError",
        "SourceUnreachable",
        "vLLM cannot reach the source of the weights: let the pod out to it, or have the operator fetch them"),
    Row("NoSuchBucket|specified bucket does not exist", "SourceNotFound",
        "there is no such bucket: correct spec.model.source"),
    Row("No module named 'runai_model_streamer'", "UnsupportedModel",
        "the image cannot stream weights from a bucket: choose a spec.engine.image with the extra runai"),
    Row("Repo id must be in the form|Invalid repository ID or local directory specified: '/", "SourceNotFound",
        "the weights are not where spec.model.source says, or the pod's user may not enter their directory: correct the"
        " one or the other"),
    Row("Invalid repository ID or local directory|is not a local folder", "SourceNotFound",
        "the weights are not where spec.model.source says: correct it, or put them there"),
    Row("Cannot find any model weights", "SourceNotFound",
        "the source's directory holds no weights: correct spec.model.source"),
    Row("Error while deserializing header|cannot fit 'int' into an index-sized integer"
        "|It looks like the config file at '[^']*' is not a valid JSON file", "SourceBroken",
        "a file of the weights is damaged or cut short: fetch or copy the weights again"),
    Row(r"Attempted to load weight \(torch[.]Size\((\S+ ?\S*)\)\) into parameter \(torch[.]Size\((\S+ ?\S*)\)\)",
        "SourceBroken",
        "the weights are not those that their config.json describes ({0} instead of {1}): fetch or copy all files of one"
        " model"),
)  # fmt: skip


def _ended_by(number: str, remedy: str) -> tuple[Row, Row]:
    """Return the rows of a process that a signal ended: as the engine says it of its workers, and the server of its engine."""
    message = f"its process {{0}} was ended by the signal {{1}}: {remedy}"
    return (
        Row(rf"Worker proc ({WORKER}) died unexpectedly \(exit code: -({number})\)", "KilledBySignal", message),
        Row(rf"Failed core proc\(s\): \{{[^}}\n]{{0,200}}?'({CORE})': -({number})\b", "KilledBySignal", message),
    )


KILLED = _ended_by("9", "mostly for memory, so raise spec.resources.limits.memory")
"""No error in a process leads to this, so one that it told before was survived."""
SIGNALS = (
    *_ended_by("4", "choose a spec.engine.image for the node's processor, or another node"),
    *_ended_by("7", "mostly /dev/shm is full, so raise spec.resources.limits.memory, to which it counts"),
    *_ended_by(r"\d{1,2}", "see the log for what it said before"),
)
PROCESSES = (
    Row(r"Timed out waiting for engine core processes to start.+Waited (\d+)s", "StartTimedOut",
        "the engine did not start within vLLM's own {0} s: set VLLM_ENGINE_READY_TIMEOUT_S in spec.engine.env to"
        " spec.engine.startupTimeout"),
    Row(r'exec: \"vllm\": executable file not found|stat vllm: no such file', "NotAnEngine",
        "the image holds no command vllm: choose an image of vLLM in spec.engine.image"),
    Row("exec format error", "NotAnEngine",
        "the image is made for another processor than the node's: choose another spec.engine.image, or another node"),
)  # fmt: skip

CAUSES = (*OPTIONS, *ACCELERATORS, *MEMORY, *KILLED, *WEIGHTS, *SIGNALS, *PROCESSES)
"""Where several match, the first is the one to fix."""
SERVERS = frozenset({"AcceleratorFailed", "OutOfMemory", "SharedMemoryTooSmall", "DiskFull", "KilledBySignal"})
OF_SERVERS = tuple(row for row in CAUSES if row.reason in SERVERS)
"""What can end a server that has served. Groups match numbers and fixed words alone, as a client's text may be around them."""
