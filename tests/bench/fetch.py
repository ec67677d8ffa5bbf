"""What the fetcher of weights costs: its speed beside curl's for the same file, its memory, and what an end by SIGKILL costs.

One file of SIZE bytes lies behind the stand-in hub on loopback, and is fetched by turns by curl, by curl with sha256sum and sync
after it, and by the fetcher, which also hashes and syncs. Loopback is quicker than any hub, so the CPU and the disk are measured.
Then the fetcher is killed in the middle and started again.
"""

import contextlib
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator

from dev import paths, progress
from tests.bench import figures
from tests.guard import fake_engine

SIZE = int(os.environ.get("SIZE", str(1 << 30)))
RUNS = int(os.environ.get("RUNS", "3"))
MIB = 1 << 20
SOURCE = "hf://org/large"
TIMES_BELOW, MEMORY_BELOW = 2.0, 256.0  # the second is what a fetcher's pod asks its node for, in MiB


def main() -> list[figures.Figure]:
    """Measure by turns, then kill and go on."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIRECTORY")) as directory:
        here = pathlib.Path(directory)
        file = _large(here / "root/org/large/model.safetensors")
        with _hub(here / "root") as (hub, cdn):
            plain: list[float] = []
            checked: list[float] = []
            ours: list[float] = []
            memory: list[float] = []
            for _ in range(RUNS):
                plain.append(_curl(cdn, here / "curl"))
                checked.append(_curl_checked(cdn, here / "curl"))
                took, peak = _fetch(hub, here / "into")
                ours.append(took)
                memory.append(peak)
            again = [_killed(hub, here / "into", file.stat().st_size) for _ in range(RUNS)]
    return [
        figures.Figure("curl", "MiB/s", _speeds(plain)),
        figures.Figure("curl, then sha256sum and sync", "MiB/s", _speeds(checked)),
        figures.Figure("fetcher, whole process", "MiB/s", _speeds(ours)),
        figures.Figure("fetcher's time / curl's", "x", _ratios(ours, plain)),
        figures.Figure("fetcher's time / curl's with hash and sync", "x", _ratios(ours, checked), TIMES_BELOW),
        figures.Figure("fetched once more after SIGKILL in the middle", "MiB", tuple(again)),
        figures.Figure("the fetcher's largest memory", "MiB", tuple(memory), MEMORY_BELOW),
    ]


def _large(file: pathlib.Path) -> pathlib.Path:
    file.parent.mkdir(parents=True)
    with file.open("wb") as opened:
        for _ in range(SIZE // MIB):
            opened.write(os.urandom(MIB))
    return file


@contextlib.contextmanager
def _hub(root: pathlib.Path) -> Iterator[tuple[str, str]]:
    ports = [str(fake_engine.free_port()) for _ in range(2)]
    command = [sys.executable, "-m", "tests.fake_hub", str(root), "--port", ports[0], "--cdn-port", ports[1]]
    with subprocess.Popen(command, cwd=paths.ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        told = json.loads(process.stdout.readline())
        urllib.request.urlopen(f"{told['hub']}/api/models/org/large/tree/main").read()  # hashes once
        try:
            yield told["hub"], f"{told['cdn']}/org/large/model.safetensors?signature=signed-for-an-hour"
        finally:
            process.terminate()


def _curl(url: str, into: pathlib.Path) -> float:
    into.unlink(missing_ok=True)
    since = time.monotonic()
    subprocess.run(["curl", "-sSf", "-o", str(into), url], check=True)
    return time.monotonic() - since


def _curl_checked(url: str, into: pathlib.Path) -> float:
    took = _curl(url, into)
    since = time.monotonic()
    subprocess.run(["sha256sum", str(into)], check=True, capture_output=True)
    subprocess.run(["sync", str(into)], check=True)
    return took + time.monotonic() - since


def _fetch(hub: str, into: pathlib.Path) -> tuple[float, float]:
    """Return the seconds that it took, and the MiB that it held at most."""
    shutil.rmtree(into, ignore_errors=True)
    since = time.monotonic()
    with _fetcher(hub, into) as process:
        _, status, used = os.wait4(process.pid, 0)
        took, process.returncode = time.monotonic() - since, os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise progress.Failure("the fetcher failed", into.with_suffix(".log").read_text()[-500:])
    return took, used.ru_maxrss / 1024


def _killed(hub: str, into: pathlib.Path, size: int) -> float:
    """Kill the fetcher when half is written, start it again; return the MiB that were fetched twice."""
    shutil.rmtree(into, ignore_errors=True)
    with _fetcher(hub, into) as process:
        while _written(into) < size // 2 and process.poll() is None:
            time.sleep(0.01)
        written = _written(into)
        process.send_signal(signal.SIGKILL)
    journal = into / ".fetch/journal"
    lines = [line.split() for line in journal.read_text().splitlines()] if journal.exists() else []
    noted = sum(int(line[3]) - int(line[2]) for line in lines if line[0] == "have")
    with _fetcher(hub, into) as process:
        process.wait()
    if not (into / ".complete").exists():
        raise progress.Failure("the fetcher did not go on after SIGKILL", into.with_suffix(".log").read_text()[-500:])
    return max(written - noted, 0) / MIB


def _written(into: pathlib.Path) -> int:
    parts = (into / ".fetch").glob("part-*")
    return sum(part.stat().st_blocks * 512 for part in parts)


def _fetcher(hub: str, into: pathlib.Path) -> "subprocess.Popen[bytes]":
    environment = {
        **os.environ,
        "FETCH_SOURCES": json.dumps([{"source": SOURCE, "into": str(into)}]),
        "FETCH_ENDPOINTS": json.dumps({"hf": hub}),
        "FETCH_PORT": str(fake_engine.free_port()),
        "FETCH_RESULT": str(into.with_suffix(".result")),
        "PYTHONPATH": str(paths.ROOT / "operator"),
    }
    with into.with_suffix(".log").open("wb") as log:
        return subprocess.Popen([sys.executable, "-m", "vllm_operator.fetch"], env=environment, stdout=log, stderr=log)


def _speeds(seconds: list[float]) -> tuple[float, ...]:
    return tuple(SIZE / MIB / one for one in seconds)


def _ratios(seconds: list[float], others: list[float]) -> tuple[float, ...]:
    return tuple(one / other for one, other in zip(seconds, others, strict=True))
