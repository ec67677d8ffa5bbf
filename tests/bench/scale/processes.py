"""What processes cost, from /proc: CPU seconds and resident memory."""

import os
import pathlib
import re

TICK = os.sysconf("SC_CLK_TCK")
SERVERS = {"kube-apiserver": "API server", "etcd": "etcd", "kube-controller": "controller manager"}


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process, its threads included."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICK


def resident(pid: int) -> float:
    """Return what a process holds in memory now, in MB."""
    return _memory(pid, "VmRSS")


def peak(pid: int) -> float:
    """Return the most that a process ever held in memory, in MB."""
    return _memory(pid, "VmHWM")


def servers() -> dict[str, int]:
    """Return the ids of the light cluster's processes, which are children of this one, by the component's name."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        try:
            before, _, after = stat.read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        pid, _, name = before.partition(" (")
        if int(after.split()[1]) == os.getpid() and name in SERVERS:
            found[SERVERS[name]] = int(pid)
    return found


def _memory(pid: int, field: str) -> float:
    found = re.search(rf"^{field}:\s*(\d+) kB$", pathlib.Path(f"/proc/{pid}/status").read_text(), re.MULTILINE)
    return int(found[1]) * 1024 / 1e6 if found else float("nan")
