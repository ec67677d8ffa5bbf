"""What vLLM says before it ends -> reason and message: one table. Patterns come from the output of vLLM 0.29 to 0.33.

A message names the pattern's groups and ends with what an admin can do. Must not know where the text came from.
"""

from vllm_operator.engine import accelerator_rows, weights_rows
from vllm_operator.engine.cause_row import Row

FULL = r"(?:CUDA|HIP|XPU|NPU) out of memory[.]?"
_SIZE = r"([\d.]{1,9} [KMGT]?i?B)"
_TRIED = rf" Tried to allocate {_SIZE}[.] GPU \d{{1,9}} has a total capacity of {_SIZE}"
ALLOCATION = rf"{FULL}(?:{_TRIED})?"
_LOADS = r", in (?:load_model|create_weights|initialize_model)\b"
AT_LOADING = rf"{_LOADS}(?:(?!{_LOADS})[\s\S]){{0,2000}}?{FULL}"
"""What is between the two holds no other beginning: else each of a thousand beginnings would be read on from."""
WORKER = r"(?:Vllm)?Worker(?:_[A-Z]{2}\d{1,4}){0,4}(?:-\d{1,4})?"
CORE = r"EngineCore(?:_DP\d{1,4})?"
"""The names of processes."""
SHARED = "'/?(?:dev/shm/|psm_|torch_|mp-|sem[.])"
"""Files of shared memory."""

OPTIONS = (
    Row("unrecognized arguments: .{0,500}--(max-num-queued-reqs|shutdown-timeout)", "EngineTooOld",
        "this vLLM is older than 0.29 and does not know --{0}: choose a newer spec.engine.image"),
    Row("unrecognized arguments: (.{1,500})", "UnknownOption",
        "vLLM does not know the option {0}: correct spec.engine.args"),
    Row("error: argument (-.{1,500})", "BadOption",
        "vLLM refuses an option: {0}: correct spec.engine.args"),
    Row(r"validation errors? for \w{1,100}\n(\w{1,100})\n {1,8}(Input should .{1,200}?) \[type=", "BadOption",
        "vLLM refuses an option: {0}: {1}: correct spec.engine.args"),
    Row(r"max_num_batched_tokens \((\d{1,9})\) must be greater than or equal to max_num_seqs \((\d{1,9})\)", "BadOption",
        "--max-num-batched-tokens={0} is less than the {1} of --max-num-seqs: raise the one or lower the other in"
        " spec.engine.args"),
    Row(r"max_num_batched_tokens \((\d{1,9})\) is smaller than max_model_len \((\d{1,9})\)", "BadOption",
        "--max-num-batched-tokens={0} is less than the context of {1}: raise it in spec.engine.args, or lower"
        " spec.engine.maxModelLen"),
    Row(r"Quantization method specified in the model config \((\S{1,80})\) does not match .{0,80} argument \((\S{1,80})\)",
        "BadOption",
        "the weights are quantized by {0}, and --quantization says {1}: leave the option out of spec.engine.args"),
    Row(r"Unknown quantization method: (\S{1,200}?)[.]", "BadOption",
        "vLLM knows no quantization {0}: correct spec.engine.args"),
    Row(r"Cannot find the config file for (\w{1,100})", "BadOption",
        "the weights are not quantized by {0}, as --quantization says: leave the option out of spec.engine.args"),
    Row("Load format `(.{1,200}?)` is not supported", "BadOption",
        "vLLM knows no load format {0}: correct spec.engine.args"),
    Row(r"invalid (tool call|reasoning) parser: (\S{1,200}) \(chose", "BadOption",
        "vLLM knows no {0} parser {1}: correct spec.engine.args"),
    Row(r"Reasoning parser '(\S{1,200})' not found", "BadOption",
        "vLLM knows no reasoning parser {0}: correct spec.engine.args"),
    Row(r"chat template string \((.{1,300}?)\) appears path-like, but doesn't exist", "BadOption",
        "the chat template {0} does not exist: bring it by spec.engine.files, or correct spec.engine.args"),
    Row(r"invalid literal for int\(\) with base 10: '(.{0,200}?)'", "BadOption",
        "a variable or an option has the value {0}, which is no whole number: correct spec.engine.env or spec.engine.args"),
    Row(r"\[Errno 98\] [Aa]ddress already in use|address \('.{0,200}', \d{1,9}\): address already in use", "PortInUse",
        "another process in the pod has vLLM's port: correct what spec.engine.args or spec.engine.image starts beside it"),
)  # fmt: skip

MEMORY = (
    Row(r"User-specified max_model_len \((\d{1,9})\) is greater than the derived max_model_len \([^=\n]{0,80}=(\d{1,9})",
        "ContextTooLong",
        "spec.engine.maxModelLen {0} is more than the {1} that the weights declare: lower it, or set allowLongContext"),
    Row(r"estimated maximum model length is (\d{1,9})", "CacheTooSmall",
        "the memory for the KV cache is too small for this context: set spec.engine.maxModelLen to {0} or less"),
    Row(r"serve at least one request with the model's max seq len \((\d{1,9})\), \(([\d.]{1,9}) GiB KV cache is needed, which is"
        r" larger than the available KV cache memory \(([\d.]{1,9}) GiB",
        "CacheTooSmall",
        "the KV cache has {2} GiB, and one request of {0} tokens needs {1} GiB: lower spec.engine.maxModelLen, or raise"
        " --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    Row("No available memory for the cache blocks", "CacheTooSmall",
        "no memory is left for the KV cache: raise --gpu-memory-utilization, on CPUs VLLM_CPU_KVCACHE_SPACE"),
    Row(r"already uses ([\d.]{1,9}) GiB \(model weights and runtime\), more than the ([\d.]{1,9}) GiB", "CacheTooSmall",
        "the weights take {0} GiB of the {1} GiB that are reserved, which leaves none for the KV cache: set"
        " VLLM_CPU_KVCACHE_SPACE in spec.engine.env, or raise --gpu-memory-utilization"),
    Row(r"Available memory on node \d{1,9} \(([\d.]{1,9})/.{1,90} requested memory for kv \(([\d.]{1,9})(?: GiB|/)",
        "OutOfMemory",
        "the KV cache of {1} GiB is more than the {0} GiB that are free: lower VLLM_CPU_KVCACHE_SPACE"),
    Row(r"Available memory on node \d{1,9} \(([\d.]{1,9})/.{1,99} desired CPU memory utilization"
        r" \([\d.]{1,9}, ([\d.]{1,9}) GiB\)",
        "OutOfMemory",
        "vLLM wants {1} GiB of memory, and {0} GiB are free: set VLLM_CPU_KVCACHE_SPACE in spec.engine.env, or lower"
        " --gpu-memory-utilization"),
    Row(r"Free memory on device (?:\S{1,200} )?\(([\d.]{1,9})/([\d.]{1,9}) GiB\) on startup.{1,200}?"
        r"\([\d.]{1,9}, ([\d.]{1,9}) GiB\)",
        "OutOfMemory",
        "the accelerator has {0} of {1} GiB free, and vLLM wants {2} GiB: lower --gpu-memory-utilization, or end what else"
        " uses it"),
    Row(r"out of memory occurred when warming up \w{1,100} .{0,200}with (\d{1,9}) dummy requests", "OutOfMemory",
        "the accelerator's memory is too small for {0} requests at once: lower --max-num-seqs or --gpu-memory-utilization"
        " in spec.engine.args"),
    Row(r"Failed to load model - not enough GPU memory\b[^\n]{0,600}? total capacity of ([\d.]{1,9} [KMGT]?i?B)", "OutOfMemory",
        "the weights do not fit into the accelerator's memory of {0}: ask for more accelerators in spec.resources, or"
        " choose quantized weights"),
    Row(AT_LOADING + _TRIED, "OutOfMemory",
        "the weights do not fit into the accelerator's memory of {1}: ask for more accelerators in spec.resources, or"
        " choose quantized weights"),
    Row(AT_LOADING, "OutOfMemory",
        "the weights do not fit into the accelerator's memory: ask for more accelerators in spec.resources, or choose"
        " quantized weights"),
    Row(ALLOCATION, "OutOfMemory",
        "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
    Row("OutOfMemoryError", "OutOfMemory",
        "the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"),
    Row(rf"{accelerator_rows.DEVICE}: out of memory|(?:CUDA error: )?(?:CUBLAS|HIPBLAS)_STATUS_ALLOC_FAILED"
        r"|NVML_SUCCESS == r INTERNAL ASSERT FAILED|Cuda failure (?:\d{1,4} )?'out of memory'", "OutOfMemory",
        "the accelerator's memory is full beside what vLLM reserves: lower --gpu-memory-utilization or --max-num-seqs in"
        " spec.engine.args, or end what else uses it"),
    Row(r"Insufficient space in /dev/shm(?: for [\w -]{1,80})?: (\d{1,9} [KMGT]?i?B) required, (\d{1,9} [KMGT]?i?B) free",
        "SharedMemoryTooSmall",
        "/dev/shm has {1} free and vLLM needs {0}: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row("unable to (?:open|allocate|mmap).{0,60}shared memory|DataLoader worker .{0,200} killed by signal: Bus error",
        "SharedMemoryTooSmall",
        "/dev/shm is too small for this model: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row(rf"No space left on device: {SHARED}|Error while creating shared memory segment /dev/shm/nccl",
        "SharedMemoryTooSmall",
        "/dev/shm is full: raise spec.resources.limits.memory, to which it counts"),  # noqa: S108 - the container
    Row(r"[Cc]annot allocate memory(?! in static TLS)|\bMemoryError\b|DefaultCPUAllocator: can't allocate memory|std::bad_alloc",
        "OutOfMemory",
        "vllm needs more memory than its limit: raise spec.resources.limits.memory"),
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
    Row(r"Timed out waiting for engine core processes to start.{1,300}Waited (\d{1,9})s", "StartTimedOut",
        "the engine did not start within vLLM's own {0} s: set VLLM_ENGINE_READY_TIMEOUT_S in spec.engine.env to"
        " spec.engine.startupTimeout"),
    Row(r'exec: \"vllm\": executable file not found|stat vllm: no such file', "NotAnEngine",
        "the image holds no command vllm: choose an image of vLLM in spec.engine.image"),
    Row("exec format error", "NotAnEngine",
        "the image is made for another processor than the node's: choose another spec.engine.image, or another node"),
)  # fmt: skip

CAUSES = (
    *OPTIONS,
    *accelerator_rows.ACCELERATORS,
    *MEMORY,
    *accelerator_rows.LINKS,
    *KILLED,
    *weights_rows.WEIGHTS,
    *SIGNALS,
    *PROCESSES,
)
"""Where several match, the first is the one to fix."""
SERVERS = frozenset({"AcceleratorFailed", "OutOfMemory", "SharedMemoryTooSmall", "DiskFull", "KilledBySignal"})
OF_SERVERS = tuple(row for row in CAUSES if row.reason in SERVERS)
"""What can end a server that has served. Groups match numbers and fixed words alone, as a client's text may be around them."""
