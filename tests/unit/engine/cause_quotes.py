"""What vLLM and its libraries print where accelerators, stores or faults are needed that these tests have not -> what is told.

By origin: each text is as that source has it, with values in place of its variables. `vLLM`: the same in 0.29 to 0.33.
"""

from collections.abc import Mapping

from tests.unit.engine import test_causes

GENERAL = test_causes.GENERAL
VALUE = test_causes.value_error
ALLOCATION = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 23.65 GiB of which"
LOADING = 'File "/x/gpu_model_runner.py", line 5050, in load_model\n    self.model = loader.load_model(\n'
FULL = "OutOfMemory: the accelerator's memory is full: lower --gpu-memory-utilization or spec.engine.maxModelLen"
BESIDE = "OutOfMemory: the accelerator's memory is full beside what vLLM reserves: lower --gpu-memory-utilization"
TOO_LARGE = "OutOfMemory: the weights do not fit into the accelerator's memory of 23.65 GiB: ask for more accelerators"
LIMIT = "OutOfMemory: vllm needs more memory than its limit: raise spec.resources.limits.memory"
NOT_FOUND = "AcceleratorNotUsable: vLLM finds no accelerator in its container"
OLD_DRIVER = "AcceleratorNotUsable: the node's driver is older than the image needs"
NO_CODE = "AcceleratorTooOld: the image has no code for this accelerator"
FAILED = "AcceleratorFailed: the accelerator failed "
SMALL = "SharedMemoryTooSmall: /dev/shm is too small"
SHM_FULL = "SharedMemoryTooSmall: /dev/shm is full"
UNTRUSTED = "RemoteCodeNotTrusted: the weights bring code that has to run: set spec.engine.trustRemoteCode"
UNREACHABLE = "SourceUnreachable: vLLM cannot reach the source of the weights"
REFUSED = "SourceUnauthorized: the store does not accept the credentials, or they may not read the weights: correct the Secret"
LACKING = "SourceBroken: the weights lack the file /models/x/model-00002-of-00003.safetensors: fetch or copy them again"
PARTS = (
    "BadOption: the accelerators' parts of the quantized weights, of the size 1408, are no multiples of a group: change"
)

ENDED_BY_SIGNALS = {
    said.format(number): f"KilledBySignal: its process {name} was ended by the signal {number}: {remedy}"
    for said, name in (
        ("RuntimeError: Worker proc VllmWorker-0 died unexpectedly (exit code: -{})", "VllmWorker-0"),
        (
            "RuntimeError: Engine core initialization failed. Failed core proc(s): {{'EngineCore_DP0': -{}}}",
            "EngineCore_DP0",
        ),
    )
    for number, remedy in (
        (9, "mostly for memory, so raise spec.resources.limits.memory"),
        (4, "choose a spec.engine.image for the node's processor"),
        (7, "mostly /dev/shm is full"),
        (11, "see the log"),
    )
}

OF_OPTIONS = {
    "AssertionError: 50304 is not divisible by 3":
        "BadOption: a part of the model of the size 50304 cannot be split among 3 accelerators: change spec.resources",
    "ValueError: Weight input_size_per_partition = 1408 is not divisible by weight quantization block_k = 128.": PARTS,
    "ValueError: Weight input_size_per_partition=1408 for layer 'a.b' is not divisible by group_size=128. This happens": PARTS,
    "ValueError: The output_size of gate's and up's weight = 1408 is not divisible by weight quantization block_n = 128.": PARTS,
    "ValueError: Tensor parallel size 16 is greater than the number of experts 8.":
        "BadOption: 8 experts cannot be split among 16 accelerators: change spec.resources",
    VALUE("Value error, World size (4) is larger than the number of available GPUs (2) in this node."):
        "BadOption: vLLM is told to use 4 accelerators, and its container has 2: ask for 4 in spec.resources.limits",
    VALUE("Value error, Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has"
          " compute capability 7.5."): "AcceleratorTooOld: Tesla T4 does not know bfloat16: set --dtype=half",
    VALUE("Value error, The quantization method fp8 is not supported for the current GPU. Minimum capability: 89. Current "
          "capability: 80."): "AcceleratorTooOld: the accelerator is too old for weights quantized by fp8",
    "RuntimeError: Quantization scheme is not supported for the current GPU. Min capability: 89. Current capability: 80.":
        "AcceleratorTooOld: the accelerator does not suit the quantization of the weights (it has the capability 80, and 89",
    "RuntimeError: Failed to infer device type, please set the environment variable": NOT_FOUND,
    "KeyError: \"Reasoning parser 'nosuch' not found. Available parsers: deepseek_r1\"":
        "BadOption: vLLM knows no reasoning parser nosuch",
}  # fmt: skip
OF_MEMORY = {
    f"Failed to load model - not enough GPU memory. Try lowering --gpu-memory-utilization to free memory for weights, increasing "
    f"--tensor-parallel-size, or using --quantization. See https://docs.vllm.ai/x for more tips. (original error: {ALLOCATION} ":
        TOO_LARGE,
    "RuntimeError: CUDA out of memory occurred when warming up sampler with 1024 dummy requests. Please try lowering":
        "OutOfMemory: the accelerator's memory is too small for 1024 requests at once: lower --max-num-seqs",
    "ValueError: Free memory on device cuda:0 (1.2/79.1 GiB) on startup is less than desired GPU memory utilization (0.92, 72.8 "
    "GiB). Decrease": "OutOfMemory: the accelerator has 1.2 of 79.1 GiB free, and vLLM wants 72.8 GiB",
    "ValueError: Available memory on node 0 (1.1/31.2 GiB) on kv cache allocation is less than requested memory for kv (7.2/9.1 "
    "GiB). Reduce": "OutOfMemory: the KV cache of 7.2 GiB is more than the 1.1 GiB that are free",
    "ValueError: The worker already uses 4.0 GiB (model weights and runtime), more than the 3.1 GiB of CPU memory reserved":
        "CacheTooSmall: the weights take 4.0 GiB of the 3.1 GiB that are reserved",
    "ValueError: To serve at least one request with the model's max seq len (131072), (16.0 GiB KV cache is needed, which is "
    "larger than the available KV cache memory (0.4 GiB). Try increasing":
        "CacheTooSmall: the KV cache has 0.4 GiB, and one request of 131072 tokens needs 16.0 GiB: lower spec.engine.maxModelLen",
}  # fmt: skip
OF_WEIGHTS = {
    VALUE("Value error, Model architectures ['XForCausalLM'] failed to be inspected. Please check the logs for more details."):
        "UnsupportedModel: this vLLM cannot load its code for the architecture 'XForCausalLM'",
    VALUE("Value error, Model architecture XForCausalLM was supported in vLLM until v0.10.2, and is not supported"):
        "UnsupportedModel: vLLM 0.10.2 was the last one that served the architecture XForCausalLM: choose other weights",
    VALUE("Value error, Model architecture XForCausalLM is not supported in-tree anymore. Please"):
        "UnsupportedModel: vLLM serves the architecture XForCausalLM by a plugin alone: choose a spec.engine.image",
    "RuntimeError: Failed to load the model config. If the model is a custom model not yet available in the HuggingFace "
    "transformers library, consider setting `trust_remote_code=True` in LLM or using the `--trust-remote-code` flag in the CLI.":
        UNTRUSTED,
    "FileNotFoundError: Weight files referenced in index but missing: {'/models/x/model-00002-of-00003.safetensors'}": LACKING,
    "ValueError: Following weights were not initialized from checkpoint: {'model.norm.weight', 'lm_head.weight'}":
        "SourceBroken: the weights lack model.norm.weight, which the model needs: fetch or copy all files of one model",
    VALUE("Value error, Invalid repository ID or local directory specified: '/models/x'.\nPlease verify the following"):
        "SourceNotFound: the weights are not where spec.model.source says, or the pod's user may not enter their directory",
    "ValueError: GraniteMoe does not support LoRA yet.":
        "AdapterRejected: vLLM serves no adapters for the architecture GraniteMoe",
    "ImportError: Please install vllm[audio] for audio support":
        "UnsupportedModel: the image lacks the Python package vllm[audio]: choose a spec.engine.image that has it",
    "TimeoutError: Timed out waiting for engine core processes to start. This is often caused by slow weight loading for large "
    "models. Waited 600s": "StartTimedOut: the engine did not start within vLLM's own 600 s",
}  # fmt: skip

BY_ORIGIN: Mapping[str, Mapping[str, str]] = {
    "vLLM": {**OF_OPTIONS, **OF_MEMORY, **OF_WEIGHTS, **ENDED_BY_SIGNALS},
    "vLLM 0.29 and 0.30": {
        "RuntimeError: Insufficient space in /dev/shm: 160 MiB required, 64 MiB free.":
            "SharedMemoryTooSmall: /dev/shm has 64 MiB free and vLLM needs 160 MiB",
    },
    "vLLM 0.29 to 0.32": {
        "ValueError: Available memory on node 0 (10.1/31.2 GiB) on startup is less than desired CPU memory utilization (0.92,"
        " 28.7 GiB).": "OutOfMemory: vLLM wants 28.7 GiB of memory, and 10.1 GiB are free: set VLLM_CPU_KVCACHE_SPACE",
    },
    "torch": {
        f"torch.OutOfMemoryError: {ALLOCATION} 1.20 GiB is free.{GENERAL}": FULL,
        f"{LOADING}torch.OutOfMemoryError: {ALLOCATION} 1.20 GiB is free.{GENERAL}": TOO_LARGE,
        f"{LOADING}torch.OutOfMemoryError: CUDA out of memory.{GENERAL}": TOO_LARGE.replace(" of 23.65 GiB", ""),
        "RuntimeError: CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`": BESIDE,
        'RuntimeError: NVML_SUCCESS == r INTERNAL ASSERT FAILED at "/pytorch/c10/cuda/CUDACachingAllocator.cpp":1016, please':
            BESIDE,
        "RuntimeError: unable to mmap 1024 bytes from file </torch_1>: shared memory": SMALL,
        "RuntimeError: DataLoader worker (pid 12) is killed by signal: Bus error. It is possible that": SMALL,
        "RuntimeError: [enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory": LIMIT,
        "RuntimeError: The NVIDIA driver on your system is too old (found version 12020).": OLD_DRIVER,
        "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU": NOT_FOUND,
        "RuntimeError: No CUDA GPUs are available": NOT_FOUND,
        "RuntimeError: No HIP GPUs are available": NOT_FOUND,
        "torch.distributed.DistBackendError: NCCL error in: /pytorch/x.cpp:317, unhandled system error, NCCL version 2.27":
            "AcceleratorFailed: the accelerators of the server cannot speak with each other (NCCL: unhandled system error)",
        "DistNetworkError: The server socket has failed to bind. port: 29500, useIpv6: false, code: -98, name: EADDRINUSE,"
        " message: address ('127.0.0.1', 29500): address already in use": "PortInUse: another process in the pod has vLLM's port",
    },
    "CUDA": {
        "torch.AcceleratorError: CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported": BESIDE,
        "RuntimeError: Triton Error [CUDA]: out of memory": BESIDE,
        "RuntimeError: CUDA error: no kernel image is available for execution on the device": NO_CODE,
        "torch.AcceleratorError: CUDA error: the provided PTX was compiled with an unsupported toolchain.": OLD_DRIVER,
        "RuntimeError: Error 803: system has unsupported display driver / cuda driver combination": OLD_DRIVER,
        "RuntimeError: CUDA driver version is insufficient for CUDA runtime version": OLD_DRIVER,
        "RuntimeError: CUDA error: no CUDA-capable device is detected": NOT_FOUND,
        "ImportError: libcuda.so.1: cannot open shared object file: No such file or directory": NOT_FOUND,
        "torch.AcceleratorError: CUDA error: invalid device ordinal":
            "AcceleratorNotUsable: vLLM looks for an accelerator that its container does not have: ask for as many",
        "torch.AcceleratorError: CUDA error: CUDA-capable device(s) is/are busy or unavailable":
            "AcceleratorNotUsable: the accelerator is busy or unavailable",
        "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized":
            "AcceleratorNotUsable: the node's links between accelerators are not set up: see to its fabric manager",
        "torch.AcceleratorError: CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be":
            f"{FAILED}(an illegal memory access was encountered)",
        "torch.AcceleratorError: CUDA error: an illegal instruction was encountered":
            f"{FAILED}(an illegal instruction was encountered)",
        "torch.AcceleratorError: CUDA error: unknown error": f"{FAILED}(unknown error)",
        "RuntimeError: Triton Error [CUDA]: misaligned address": f"{FAILED}(misaligned address)",
    },
    "HIP": {
        "torch.AcceleratorError: HIP error: out of memory": BESIDE,
        "torch.AcceleratorError: HIP error: invalid device function": NO_CODE,
    },
    "NCCL": {
        "NCCL error: unhandled cuda error (run with NCCL_DEBUG=INFO for details)\nLast error:\nCuda failure 2 'out of memory'":
            BESIDE,
        "unhandled system error\nError while creating shared memory segment /dev/shm/nccl-7dQKd8 (size 9637888)": SHM_FULL,
    },
    "transformers 5.19": {
        VALUE("Value error, The repository x requires you to execute the configuration file in that repo"):
            UNTRUSTED,
        "OSError: /models/x does not appear to have a file named config.json. Checkout 'https://huggingface.co//models/x/tree/main'"
        " for available files.": "SourceNotFound: the weights lack the file config.json: fetch or copy them again",
        "OSError: Can't load tokenizer for '/models/x'. If you were trying to load it from 'https://huggingface.co/models'":
            "SourceNotFound: the source of the weights lacks the files of the tokenizer: fetch or copy them too",
        "OSError: Can't load the configuration of '/models/x'. If you were trying to load it from 'https://huggingface.co":
            "SourceNotFound: the source of the weights lacks the file config.json",
        "ImportError: This modeling file requires the following packages that were not found in your environment: flash_attn.":
            "UnsupportedModel: the image lacks the Python package flash_attn",
    },
    "huggingface_hub 2.4": {
        "huggingface_hub.errors.GatedRepoError: 403 Client Error.\nCannot access gated repo for url http://HUB/x":
            "SourceGated: the model is gated",
        "huggingface_hub.errors.RevisionNotFoundError: 404 Client Error.":
            "RevisionNotFound: the repository has no such revision",
        "httpx2.ConnectError: [Errno 111] Connection refused": UNREACHABLE,
    },
    "safetensors": {
        'FileNotFoundError: No such file or directory: "/models/x/model-00002-of-00003.safetensors"': LACKING,
    },
    "botocore 1.44": {
        'botocore.exceptions.EndpointConnectionError: Could not connect to the endpoint URL: "http://HOST/x"': UNREACHABLE,
        "botocore.errorfactory.NoSuchBucket: the ListObjectsV2 operation: The specified bucket does not exist":
            "SourceNotFound: there is no such bucket",
        "botocore.exceptions.NoCredentialsError: Unable to locate credentials":
            "SourceUnauthorized: the store of the weights wants credentials: set spec.model.credentialsSecretRef",
        "botocore.exceptions.ClientError: An error occurred (AccessDenied) when calling the ListObjectsV2 operation":
            REFUSED,
        "botocore.exceptions.ClientError: An error occurred (403) when calling the HeadObject operation: Forbidden": REFUSED,
    },
    "Python 3.12": {
        "MemoryError": LIMIT,
        "OSError: [Errno 12] Cannot allocate memory": LIMIT,
        "OSError: [Errno 28] No space left on device: '/home/vllm/.cache/x'": "DiskFull: a volume of the pod is full",
        "OSError: [Errno 28] No space left on device: '/psm_12ab'": SHM_FULL,
        "OSError: [Errno 30] Read-only file system: '/models/x/.cache'":
            "VolumeNotWritable: vLLM may not write /models/x/.cache, which lies on a file system that is read-only",
        "ModuleNotFoundError: No module named 'flash_attn'": "UnsupportedModel: the image lacks the Python package flash_attn",
    },
    "libstdc++": {"terminate called after throwing an instance of 'std::bad_alloc'": LIMIT},
    "runc": {
        'failed to create containerd task: OCI runtime create failed: exec: "vllm": executable file not found in $PATH':
            "NotAnEngine: the image holds no command vllm",
        "OCI runtime create failed: stat vllm: no such file or directory": "NotAnEngine: the image holds no command vllm",
    },
    "Linux": {"exec /usr/bin/vllm: exec format error": "NotAnEngine: the image is made for another processor"},
}  # fmt: skip
