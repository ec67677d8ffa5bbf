"""A stand-in for vLLM that makes steps, or hangs as real ones do: `/health` says 200, and nothing moves.

Run as a process, it listens on the port of its argument, and can be stopped by a signal.
"""

from __future__ import annotations

import json
import sys
import threading
from typing import TYPE_CHECKING

from tests.guard import fake_engine

if TYPE_CHECKING:
    import http.server
    from collections.abc import Mapping

PROOF = {"ENGINE_PROOF_PATH": "/v1/completions", "ENGINE_PROOF_TYPE": "application/json", "ENGINE_PROOF_BODY": "{}"}
"""The question with which a guard makes sure."""
WAIT = 120


class Vllm:
    """Answers as vLLM does.

    `proofs`: how often a guard asked it for a token; `unread`: how many bytes its answers have;
    `lag`: the seconds after which its server answers anything.
    """

    def __init__(self) -> None:
        self.steps, self.proofs, self.unread, self.lag = 0, 0, 0, 0.0
        self.moves = threading.Event()
        self.moves.set()

    def __call__(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        threading.Event().wait(self.lag)
        if handler.path == "/metrics":
            fake_engine.answer(body=self.metrics())(handler)
        elif handler.command == "GET":
            fake_engine.answer()(handler)
        else:
            self._complete(handler)

    def _complete(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        self.proofs += "x-client-id" not in handler.headers
        if not self.moves.wait(WAIT):
            return
        self.steps += 1
        fake_engine.answer(body=b"{}" + bytes(self.unread))(handler)

    def metrics(self) -> bytes:
        ended = 'vllm:request_success_total{engine="0",finished_reason="stop"}'
        return f'# all\nvllm:iteration_tokens_total_count{{engine="0"}} {self.steps}\n{ended} {self.steps}\n'.encode()


def variables(seconds: int) -> Mapping[str, str]:
    """Return the variables of a guard whose engine may be silent for so long."""
    return {**PROOF, "ENGINE_STALL_SECONDS": str(seconds)}


def main(port: int) -> None:
    """Be the engine, until somebody ends it."""
    engine = fake_engine.Engine()
    engine.port, engine.script = port, Vllm()
    engine.start()
    print(json.dumps({"port": port}), flush=True)  # noqa: T201 - tells that it listens
    threading.Event().wait()


if __name__ == "__main__":
    main(int(sys.argv[1]))
