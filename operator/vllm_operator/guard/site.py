"""The place of a guard: addresses, ports and directories. The defaults are those of a model's pod; tests have others."""

from __future__ import annotations

import dataclasses

from vllm_operator.guard import bounds

DIRECTORY = "/etc/guard"
"""Where the guard's Secret is mounted."""

RUN_DIRECTORY = "/run/guard"
"""An emptyDir that only the guard's container mounts, so that the engine cannot reach Envoy's admin socket in it."""

IPV4, BOTH = "0.0.0.0", "::"  # noqa: S104 - the public port is what the guard is for
"""Every address of a pod: of IPv4, or of both families."""

PUBLIC_PORT = 8000
PRIVATE_PORT = 8002
ENGINE_PORT = 8001


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """`address`: where the guard listens; `engine_address`: where vLLM does, which nobody outside the pod reaches.

    `memory`: the bytes that the guard's container may use.
    """

    address: str = IPV4
    public_port: int = PUBLIC_PORT
    private_port: int = PRIVATE_PORT
    engine_address: str = "127.0.0.1"
    engine_port: int = ENGINE_PORT
    directory: str = DIRECTORY
    run_directory: str = RUN_DIRECTORY
    memory: int = bounds.MEMORY
