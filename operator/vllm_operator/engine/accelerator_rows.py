"""What vLLM, torch and NCCL say of accelerators -> reason and message: a part of the table of causes."""

from vllm_operator.engine.cause_row import Row

NCCL = (
    "unhandled (?:cuda|system) error|internal error|invalid (?:argument|usage)"
    "|remote process exited or there was a network error"
)
"""The errors that NCCL names."""
DEVICE = r"(?:(?:CUDA|HIP) error|Triton Error \[(?:CUDA|HIP)\])"
"""How torch and Triton begin what the driver says."""
SPLIT = "change spec.resources, or set --tensor-parallel-size"

ACCELERATORS = (
    Row(r"attention heads \((\d{1,9})\) must be divisible by tensor parallel size \((\d{1,9})\)", "BadOption",
        f"{{0}} attention heads cannot be split among {{1}} accelerators: {SPLIT}"),
    Row(r"AssertionError: (\d{1,9}) is not divisible by (\d{1,4})\b", "BadOption",
        f"a part of the model of the size {{0}} cannot be split among {{1}} accelerators: {SPLIT}"),
    Row(r"(?:_size_per_partition|'s weight) ?= ?(\d{1,9})\b[^\n]{0,200}? is not divisible by", "BadOption",
        f"the accelerators' parts of the quantized weights, of the size {{0}}, are no multiples of a group: {SPLIT}"),
    Row(r"Tensor parallel size (\d{1,4}) is greater than the number of experts (\d{1,6})", "BadOption",
        f"{{1}} experts cannot be split among {{0}} accelerators: {SPLIT}"),
    Row(r"World size \((\d{1,4})\) is larger than the number of available GPUs \((\d{1,4})\)", "BadOption",
        "vLLM is told to use {0} accelerators, and its container has {1}: ask for {0} in spec.resources.limits, or lower"
        " --tensor-parallel-size and --pipeline-parallel-size in spec.engine.args"),
    Row(r"Bfloat16 is only supported on GPUs with compute capability of at least \S{1,9} Your (.{1,100}?) GPU",
        "AcceleratorTooOld",
        "{0} does not know bfloat16: set --dtype=half in spec.engine.args, or ask for a newer accelerator"),
    Row(r"quantization method (\S{1,200}) is not supported for the current GPU[.] Minimum capability: (\d{1,9})[.] Current"
        r" capability: (\d{1,9})",
        "AcceleratorTooOld",
        "the accelerator is too old for weights quantized by {0} (it has the capability {2}, and {1} is needed): choose"
        " other weights, or a newer accelerator"),
    Row(r"Quantization scheme is not supported for the current GPU[.] \w{1,9} capability: (\d{1,4})[.] Current"
        r" capability: (\d{1,4})",
        "AcceleratorTooOld",
        "the accelerator does not suit the quantization of the weights (it has the capability {1}, and {0} is needed): choose"
        " other weights, or another accelerator"),
    Row("no kernel image is available for execution on the device|HIP error: invalid device function", "AcceleratorTooOld",
        "the image has no code for this accelerator: choose a spec.engine.image that was built for it, or another"
        " accelerator"),
    Row("NVIDIA driver on your system is too old|driver version is insufficient for CUDA runtime version"
        "|the provided PTX was compiled with an unsupported toolchain"
        "|system has unsupported display driver / cuda driver combination",
        "AcceleratorNotUsable",
        "the node's driver is older than the image needs: update the driver, or choose a spec.engine.image of an older CUDA"),
    Row("No CUDA GPUs are available|Found no NVIDIA driver|Failed to infer device type|libcuda[.]so[.]1: cannot open|No"
        " HIP GPUs are available|CUDA error: no CUDA-capable device is detected",
        "AcceleratorNotUsable",
        "vLLM finds no accelerator in its container: ask for one in spec.resources.limits, or choose the spec.engine.image"
        " of the one that it has; on a node, see to its driver and runtime class"),
    Row("CUDA error: invalid device ordinal", "AcceleratorNotUsable",
        "vLLM looks for an accelerator that its container does not have: ask for as many in spec.resources.limits as"
        " --tensor-parallel-size times --pipeline-parallel-size needs"),
    Row(r"CUDA error: [^\n]{1,40} busy or unavailable", "AcceleratorNotUsable",
        "the accelerator is busy or unavailable: see to the node's driver, and to what else uses the device"),
    Row("system not yet initialized", "AcceleratorNotUsable",
        "the node's links between accelerators are not set up: see to its fabric manager and driver"),
    Row(rf"{DEVICE}: (uncorrectable ECC error encountered|an illegal memory access was encountered|an illegal instruction was"
        " encountered|unspecified launch failure|misaligned address|device-side assert triggered|the launch timed out and was"
        " terminated|unknown error)",
        "AcceleratorFailed",
        "the accelerator failed ({0}): if it happens again on this node, drain the node and have the device tested, else"
        " choose another spec.engine.image"),
)  # fmt: skip

LINKS = (
    Row(rf"NCCL error[^\n]{{0,200}}?[:,] ({NCCL})\b", "AcceleratorFailed",
        "the accelerators of the server cannot speak with each other (NCCL: {0}): see to /dev/shm, the driver and the"
        " links of the node"),
)  # fmt: skip
