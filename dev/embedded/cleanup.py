"""What the embedded cluster leaves outside of its namespaces (process, link, cgroups, directory), and its removal.

Knows how to tell its own from everybody else's; must not know what runs inside.
"""

import contextlib
import ipaddress
import json
import os
import pathlib
import shutil
import signal
import subprocess
import time

from dev import layout, progress

END_SECONDS = 30.0
KUBELET_CONTROLLERS = {"cpu", "cpuset", "hugetlb", "memory", "pids"}
OUTSIDE = "run it outside of a container, or in a privileged one with the host's cgroups"
LINKS = pathlib.Path("/sys/class/net")
CGROUPS = pathlib.Path("/sys/fs/cgroup")


def note(pid: int) -> None:
    """Note the outer process of the cluster; its start tells it from a later process with the same id."""
    layout.PID_FILE.write_text(f"{pid} {_started(pid)}")


def process() -> int | None:
    """Return the id of the cluster's outer process where it lives."""
    if not layout.PID_FILE.exists():
        return None
    pid, _, started = layout.PID_FILE.read_text().partition(" ")
    return int(pid) if started and _started(int(pid)) == started else None


def is_elsewhere() -> bool:
    """Tell whether a cluster of another user or cache directory is up: all have the same link."""
    return process() is None and (LINKS / layout.INTERFACE).exists()


def make_cgroups() -> None:
    """Make the cluster's own root in each hierarchy. With cgroup v2 the kubelet's controllers must be handed down to it."""
    version_2 = (CGROUPS / "cgroup.controllers").exists()
    if version_2:
        _hand_down(set((CGROUPS / "cgroup.controllers").read_text().split()) & KUBELET_CONTROLLERS)
    hierarchies = (
        [CGROUPS] if version_2 else [path for path in CGROUPS.iterdir() if path.is_dir() and not path.is_symlink()]
    )
    try:
        for hierarchy in hierarchies:
            (hierarchy / layout.CGROUP).mkdir(exist_ok=True)
    except OSError as error:
        raise progress.Failure(f"no cgroup can be made in {hierarchy} ({error.strerror})", OUTSIDE) from error


def remove() -> None:
    """End the cluster and remove what it left; say what was there."""
    end()
    if layout.RUN.exists():
        shutil.rmtree(layout.RUN)
        progress.say(f"removed {layout.RUN}")


def end() -> None:
    """End the cluster; of what it left, only the directory with its logs stays."""
    pid = process()
    if pid is not None:
        _end(pid)
        progress.say(f"ended the cluster (process {pid})")
    if subprocess.run(["ip", "link", "delete", layout.INTERFACE], capture_output=True, check=False).returncode == 0:
        progress.say(f"removed the link {layout.INTERFACE}")
    removed = sum(_remove_cgroups(root) for root in _cgroups())
    if removed:
        progress.say(f"removed {removed} cgroups below {layout.CGROUP}")


def check_addresses() -> None:
    """Raise where another interface or route of this machine already has some of the cluster's addresses."""
    ours = [ipaddress.ip_network(network) for network in (layout.NETWORK, layout.POD_NETWORK, layout.SERVICE_NETWORK)]
    listed = subprocess.run(
        ["ip", "-j", "-4", "route", "show", "table", "all"], capture_output=True, text=True, check=True
    )
    for route in json.loads(listed.stdout):
        taken = "0.0.0.0/0" if route["dst"] == "default" else route["dst"]
        clash = [network for network in ours if _overlap(ipaddress.ip_network(taken), network)]
        if clash and route.get("dev") != layout.INTERFACE:
            raise progress.Failure(
                f"the addresses {clash[0]} are in use: {taken} lies on {route.get('dev', 'another interface')}",
                "free them (see `ip route`), or choose others in dev/layout.py",
            )


def _hand_down(wanted: set[str]) -> None:
    control = CGROUPS / "cgroup.subtree_control"
    missing = sorted(wanted - set(control.read_text().split()))
    if not missing:
        return
    progress.say(f"enabling the cgroup controllers {', '.join(missing)} in {control}")
    try:
        control.write_text(" ".join(f"+{name}" for name in missing))
    except OSError as error:
        raise progress.Failure(
            f"the cgroup controllers {', '.join(missing)} cannot be enabled ({error.strerror})",
            OUTSIDE,
        ) from error


def _overlap(
    taken: ipaddress.IPv4Network | ipaddress.IPv6Network, ours: ipaddress.IPv4Network | ipaddress.IPv6Network
) -> bool:
    """A wide route, such as the default one, is no claim on the addresses in it."""
    return taken.overlaps(ours) and taken.prefixlen > 8  # noqa: PLR2004 - wider: a route to everywhere


def _started(pid: int) -> str:
    """Return when a process was started, in clock ticks since boot; "gone" for one that has ended."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "gone"
    return "gone" if fields[0] in "ZX" else fields[19]


def _end(pid: int) -> None:
    """End the outer process; the kernel ends the inside with it, and the inside's first process last of all."""
    inside = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    deadline = time.monotonic() + END_SECONDS
    while any(_started(int(child)) != "gone" for child in inside):
        if time.monotonic() > deadline:
            raise progress.Failure(f"the processes of the cluster did not end in {END_SECONDS:.0f} s", "run it again")
        time.sleep(0.05)


def _cgroups() -> list[pathlib.Path]:
    """Return the cluster's own root in each hierarchy: one with cgroup v2, about a dozen with v1."""
    return [
        path
        for path in (CGROUPS / layout.CGROUP, *CGROUPS.glob(f"*/{layout.CGROUP}"))
        if path.is_dir() and not path.parent.is_symlink()
    ]


def _remove_cgroups(root: pathlib.Path) -> int:
    """Remove a tree of cgroups from its leaves up; a kernel that is still at it is given a moment."""
    found = sorted((path for path in [root, *root.rglob("*")] if path.is_dir()), key=lambda path: -len(path.parts))
    deadline = time.monotonic() + END_SECONDS
    for path in found:
        while path.exists():
            try:
                path.rmdir()
            except OSError as error:
                if time.monotonic() > deadline:
                    raise progress.Failure(
                        f"the cgroup {path} cannot be removed ({error.strerror})", "end the processes in it"
                    ) from error
                time.sleep(0.05)
    return len(found)
