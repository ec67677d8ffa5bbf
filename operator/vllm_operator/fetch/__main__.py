"""`python -m vllm_operator.fetch`: fetch what FETCH_SOURCES names, and end with 0, or with 1 and the reason.

The last words, one line of JSON, go to FETCH_RESULT and to the log: what the model is, or reason and message.
"""

import asyncio
import json
import logging
import os
import pathlib
import signal
import sys
import time
from typing import Any

import uvloop

from vllm_operator.fetch import failures, fetcher, http_client, patience, progress, server, settings, tidy

LOG = logging.getLogger("vllm_operator.fetch")
STOPPED = 143
UMASK = 0o002
"""What is fetched is read by servers that may run as another user of the same group."""
LOG_SECONDS = 30.0


def main() -> int:
    """Fetch; return the exit status."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stdout)
    os.umask(UMASK)
    result = os.environ.get("FETCH_RESULT") or settings.RESULT
    try:
        tidy.tidy(os.environ)
        found = uvloop.run(_run(settings.read(os.environ)))
    except failures.Failure as failure:
        _say(result, {"reason": failure.reason, "message": failure.message})
        return 1
    except asyncio.CancelledError:
        LOG.info("stopped: what is fetched stays, and the next start goes on from it")
        return STOPPED
    _say(result, found)
    return 0


async def _run(told: settings.Settings) -> dict[str, Any]:
    """Fetch; return what is said at the end."""
    task = asyncio.current_task()
    for one in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(one, task.cancel if task else sys.exit)
    clock = patience.Clock(time.monotonic, asyncio.sleep)
    state = progress.Progress(clock.now())
    async with server.serving(told.port, lambda: state.report(clock.now())), http_client.Client() as client:
        telling = asyncio.create_task(_tell(state, clock))
        try:
            found = await fetcher.Fetcher(told, client, state, clock).all()
            return {**found._asdict(), "files": f"{found.files}/{found.files}", "seconds": state.seconds}
        finally:
            telling.cancel()


async def _tell(state: progress.Progress, clock: patience.Clock) -> None:
    """Log how far it is, for those who read the pod's log."""
    while True:
        await clock.sleep(LOG_SECONDS)
        LOG.info("%s", json.dumps(state.report(clock.now())))


def _say(path: str, words: dict[str, Any]) -> None:
    line = json.dumps(words)
    LOG.info("%s", line)
    try:
        pathlib.Path(path).write_text(f"{line}\n")
    except OSError as error:
        LOG.warning("the result is not written path=%s error=%s", path, error)


if __name__ == "__main__":
    sys.exit(main())
