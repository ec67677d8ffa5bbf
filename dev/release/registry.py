"""A registry on loopback: Distribution, upstream's own, with its storage in a directory. For dry runs and for tests."""

import contextlib
import json
import pathlib
import re
import subprocess
import time
from collections.abc import Iterator

from dev import binaries, progress

READY = re.compile(r"listening on (127\.0\.0\.1:\d+)")
DEADLINE_SECONDS = 20.0


@contextlib.contextmanager
def serving(folder: pathlib.Path) -> Iterator[str]:
    """Yield the address (127.0.0.1:PORT) of a registry that stores in `folder`, and end it afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    config, log = folder / "config.json", folder / "registry.log"
    config.write_text(json.dumps(_config(folder / "data")))  # YAML, of which JSON is a part
    command = [str(binaries.directory("registry") / "registry"), "serve", str(config)]
    with log.open("w") as said, subprocess.Popen(command, stdout=said, stderr=said, stdin=subprocess.DEVNULL) as server:
        try:
            yield _address(server, log)
        finally:
            server.terminate()


def _config(data: pathlib.Path) -> dict[str, object]:
    return {
        "version": "0.1",
        "log": {"level": "info"},
        "storage": {"filesystem": {"rootdirectory": str(data)}},
        "http": {"addr": "127.0.0.1:0"},
    }


def _address(server: subprocess.Popen[bytes], log: pathlib.Path) -> str:
    """Return where the registry listens, as soon as it says so."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        if found := READY.search(log.read_text()):
            return found[1]
        time.sleep(0.02)
    raise progress.Failure("the local registry does not start", f"read {log}")
