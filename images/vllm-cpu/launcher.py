"""The `vllm` command of this image: vLLM's own, with three things set before it runs; no file of vLLM is changed.

Fork: on the CPU vLLM asks for `spawn`, so that the engine and each worker import everything again, which more than doubles
the start. AMX: vLLM 0.32 uses the processor's tiles without asking the kernel; torch asks as a side effect of a prompt of
five tokens or more, so a shorter first prompt kills the worker by an illegal instruction. Asked here, it holds for all.
Eager: the image has no C++ compiler, and without one the first request for logprobs would end the server.
"""

import ctypes
import os
import platform
import sys
from typing import Any

ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILE_DATA = 158, 0x1023, 18  # x86-64: <asm/unistd_64.h>, <asm/prctl.h>


def ask_for_tiles() -> None:
    """Ask the kernel for AMX's tiles, for this process and those forked from it; a processor without any declines."""
    if platform.machine() == "x86_64":
        ctypes.CDLL(None).syscall(ARCH_PRCTL, ARCH_REQ_XCOMP_PERM, XTILE_DATA)


def choose_fork() -> None:
    """Let vLLM complete its configuration as it does, then choose fork."""
    from vllm.platforms.cpu import CpuPlatform  # noqa: PLC0415 - after the environment is set

    complete = CpuPlatform.check_and_update_config.__func__

    def check_and_update_config(platform_: type[CpuPlatform], config: Any) -> None:
        complete(platform_, config)
        os.environ["VLLM_WORKER_MULTIPROC_METHOD"] = "fork"

    CpuPlatform.check_and_update_config = classmethod(check_and_update_config)


def compile_nothing() -> None:
    """Have torch run what is marked for compilation as it stands."""
    os.environ["TORCHDYNAMO_DISABLE"] = "1"
    if sys.argv[1:2] == ["serve"] and "--enforce-eager" not in sys.argv:
        sys.argv.append("--enforce-eager")


def main() -> int | None:
    """Run vLLM's command line."""
    ask_for_tiles()
    compile_nothing()
    choose_fork()
    from vllm.entrypoints.cli.main import main as vllm  # noqa: PLC0415 - the same

    sys.argv[0] = "vllm"
    return vllm()


if __name__ == "__main__":
    sys.exit(main())
