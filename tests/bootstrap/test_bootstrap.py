"""dev/bootstrap.sh on machines that lack something: one line with cause and remedy, and nothing done by half."""

import pathlib
import shutil
from collections.abc import Iterator

import pytest

from dev import paths
from tests.bootstrap import machine

BOOTSTRAP = "sh dev/bootstrap.sh"


@pytest.fixture
def small_group() -> Iterator[pathlib.Path]:
    """A cgroup with a gibibyte of memory."""
    top = pathlib.Path("/sys/fs/cgroup")
    v1 = (top / "memory").is_dir()
    group = (top / "memory" if v1 else top) / "vllm-operator-test"
    try:
        group.mkdir(exist_ok=True)
        (group / ("memory.limit_in_bytes" if v1 else "memory.max")).write_text(str(1 << 30))
    except OSError:
        pytest.skip("no cgroup with a memory limit can be made here")
    yield group
    group.rmdir()


def test_a_second_run_is_quick_and_changes_nothing(broken: machine.Machine) -> None:
    broken.share("uv", "tools", "bin")
    (broken.tree / ".venv").symlink_to(paths.ROOT / ".venv")
    result = broken.run(BOOTSTRAP)
    assert result.status == 0, result.errors
    assert "this machine is ready" in result.said
    assert "installing" not in result.said


def test_not_root(broken: machine.Machine) -> None:
    broken.run(BOOTSTRAP, namespaces="--user").failed_with("not root", "run it as root")


def test_another_system(broken: machine.Machine) -> None:
    """What macOS says of itself; it has no /proc either, so nothing may be asked before."""
    says = "mkdir bin; printf '#!/bin/sh\necho Darwin\n' >bin/uname; chmod +x bin/uname; export PATH=$PWD/bin:$PATH"
    broken.run(f"{says}; umount -l /proc; {BOOTSTRAP}").failed_with("this is Darwin", "use a Linux machine")


@pytest.mark.parametrize("way", ["kind", "embedded"])
def test_another_architecture(broken: machine.Machine, way: str) -> None:
    """The image of vLLM for the CPU is for x86-64; the checks, and a cluster of one's own, need none."""
    says = "mkdir bin; printf '#!/bin/sh\ntest $1 = -m && echo aarch64 || echo Linux\n' >bin/uname; chmod +x bin/uname"
    broken.run(f"{says}; PATH=$PWD/bin:$PATH {BOOTSTRAP}", CLUSTER=way).failed_with("aarch64", "x86-64 machine")


def test_checks_need_neither_root_nor_disk(broken: machine.Machine) -> None:
    broken.share("tools")
    (broken.tree / ".venv").symlink_to(paths.ROOT / ".venv")
    shutil.copy(paths.ROOT / ".venv" / "installed.txt", broken.tree / "requirements" / "dev.txt")
    result = broken.run(f"{BOOTSTRAP} check", namespaces="--user")
    assert result.status == 0, result.errors


def test_a_container_engine_has_the_rights_that_a_cluster_needs(broken: machine.Machine) -> None:
    """Whoever has one needs no root here, but disk."""
    says = "mkdir bin; printf '#!/bin/sh\n' >bin/podman; chmod +x bin/podman; export PATH=$PWD/bin:$PATH"
    full = f"mount -t tmpfs -o size=64m none {broken.cache}"
    result = broken.run(f"{says}; {full}; {BOOTSTRAP}", CLUSTER="")
    result.failed_with("12000 MiB are needed", "free some space")


def test_memory_short(broken: machine.Machine, small_group: pathlib.Path) -> None:
    result = broken.run(f"echo $$ >{small_group}/cgroup.procs; {BOOTSTRAP}")
    result.failed_with("1024 MiB of memory", "larger machine")


def test_disk_full(broken: machine.Machine) -> None:
    result = broken.run(f"mount -t tmpfs -o size=64m none {broken.cache}; {BOOTSTRAP}")
    result.failed_with(r"\d+ MiB free in .*cache", "free some space")


def test_cache_on_a_read_only_disk(broken: machine.Machine) -> None:
    broken.cache.rmdir()
    result = broken.run(f"mount -t tmpfs -o ro none {broken.cache.parent}; sh {paths.ROOT}/dev/bootstrap.sh")
    result.failed_with("cannot be made", "VLLM_OPERATOR_CACHE")


def test_no_overlayfs(broken: machine.Machine) -> None:
    """An overlay cannot lie on an overlay: what a container finds that has no volume for the cache."""
    broken.share("bin")
    lower, upper, work = (broken.cache.with_name(name) for name in ("lower", "upper", "work"))
    for path in (lower, upper, work):
        path.mkdir()
    (upper / "bin").symlink_to(paths.BIN)
    overlay = f"mount -t overlay -o lowerdir={lower},upperdir={upper},workdir={work} none {broken.cache}"
    broken.run(f"{overlay}; {BOOTSTRAP}").failed_with("overlayfs cannot be mounted", "ext4 or xfs")


def test_no_namespaces(broken: machine.Machine) -> None:
    """Without CAP_SYS_ADMIN, as in a plain container."""
    broken.share("bin")
    result = broken.run(f"exec setpriv --bounding-set=-sys_admin --inh-caps=-sys_admin {BOOTSTRAP}")
    result.failed_with("no namespaces", "outside of a container")


def test_debian_mirror_unreachable(broken: machine.Machine) -> None:
    """A machine on which one package is missing: its package database is the real one less one entry."""
    broken.share("bin", "tools")
    database = broken.cache.with_name("dpkg")
    forget = f"cp -r /var/lib/dpkg {database}; sed -i '/^Package: mmdebstrap$/,/^$/d' {database}/status"
    lists = broken.cache.with_name("apt")
    mounts = f"mkdir -p {lists}/lists/partial; mount --bind {database} /var/lib/dpkg; mount --bind {lists} /var/lib/apt"
    result = broken.run(f"{forget}; {mounts}; {BOOTSTRAP}")
    result.failed_with("the Debian mirror cannot be reached", "/etc/apt")


def test_package_index_unreachable(broken: machine.Machine) -> None:
    broken.share("bin", "tools")
    result = broken.run(BOOTSTRAP, UV_HTTP_RETRIES="0")
    result.failed_with("the Python package index cannot be reached", "UV_DEFAULT_INDEX")


def test_killed_half_way(broken: machine.Machine) -> None:
    """Killed between making the virtual environment and filling it; the next run fills it."""
    broken.share("bin", "tools", "uv")
    process = broken.start(BOOTSTRAP, network=True)
    machine.until(process, broken.tree / ".venv" / "pyvenv.cfg")
    machine.kill(process)
    result = broken.run(f"{BOOTSTRAP}; .venv/bin/python -c 'import kopf, cryptography'", network=True)
    assert result.status == 0, result.errors
