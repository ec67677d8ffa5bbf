"""One client doing one thing in a process of its own: `worker <client> <act> <namespace> <bodies>`; prints its cost as JSON.

`act` is list, watch or create; `bodies` is a file with the objects, one a line. The environment names the kubeconfig.
"""

import asyncio
import importlib
import importlib.metadata
import json
import pathlib
import re
import sys
import time
from typing import Any

import uvloop

IN_FLIGHT = 64
PAGE = 500
PREFIX = "tests.bench.clients.adapters."
SHIPPED = ("aiohttp", "orjson", "pyyaml", "pydantic", "uvloop")  # what the operator installs for other reasons


def main(name: str, act: str, namespace: str, bodies: str) -> dict[str, float]:
    """Import the client, act, and return what both cost: seconds, and MB in memory and on disk."""
    before = time.process_time()
    adapter = importlib.import_module(PREFIX + name)
    imported, resident = time.process_time() - before, _memory("VmRSS")
    lines = pathlib.Path(bodies).read_text().splitlines()
    wall, cpu = uvloop.run(_run(adapter, act, namespace, lines))
    return {
        "wall": wall,
        "cpu": cpu,
        "import": imported,
        "resident": resident,
        "peak": _memory("VmHWM"),
        "disk": _disk(adapter.PACKAGE) / 1e6,
    }


async def _run(adapter: Any, act: str, namespace: str, lines: list[str]) -> tuple[float, float]:
    async with adapter.Client() as client:
        bodies = [json.loads(line) for line in lines] if act == "create" else []
        for body in bodies:
            body["metadata"]["namespace"] = namespace
        wall, cpu = time.perf_counter(), time.process_time()
        if act == "list":
            found = await client.list(namespace, PAGE)
            assert found == len(lines), (found, len(lines))
        elif act == "watch":
            await client.watch(namespace, len(lines))
        else:
            await _create(client, bodies)
        return time.perf_counter() - wall, time.process_time() - cpu


async def _create(client: Any, bodies: list[dict[str, Any]]) -> None:
    waiting = iter(bodies)

    async def one_by_one() -> None:
        for body in waiting:
            await client.create(body)

    await asyncio.gather(*(one_by_one() for _ in range(IN_FLIGHT)))


def _memory(field: str) -> float:
    """Return VmRSS or VmHWM in MB; getrusage would tell of the parent's too."""
    found = re.search(rf"{field}:\s*(\d+)", pathlib.Path("/proc/self/status").read_text())
    return int(found[1]) * 1024 / 1e6 if found else float("nan")


def _disk(package: str) -> int:
    """Return the bytes of a package and of what it needs, without what the operator installs anyway."""
    known = _closure(SHIPPED)
    added = _closure((package,) if package else ()) - known
    return sum(_bytes(name) for name in added)


def _closure(names: tuple[str, ...]) -> set[str]:
    found: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop().lower().replace("_", "-")
        if name in found or not _is_installed(name):
            continue
        found.add(name)
        waiting += [_name(one) for one in importlib.metadata.requires(name) or () if "extra ==" not in one]
    return found


def _is_installed(name: str) -> bool:
    try:
        importlib.metadata.distribution(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _name(requirement: str) -> str:
    return re.split(r"[\s<>=!~;\[(]", requirement, maxsplit=1)[0]


def _bytes(name: str) -> int:
    files = importlib.metadata.files(name) or ()
    paths = (pathlib.Path(str(one.locate())) for one in files)
    return sum(path.stat().st_size for path in paths if path.suffix != ".pyc" and path.is_file())


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
