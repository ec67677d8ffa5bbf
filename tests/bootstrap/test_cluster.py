"""The embedded cluster where something is amiss, and that it leaves nothing behind.

A cluster of the test's own: with its own cache directory, in a network namespace of its own, beside whatever runs here.
"""

from collections.abc import Iterator

import pytest

from dev import binaries, images
from tests.bootstrap import machine

UP, DOWN, STATUS = (f'"$PYTHON" -m dev {command}' for command in ("up", "down", "status"))
OUTER = 'cut -d" " -f1 "$VLLM_OPERATOR_CACHE/run/cluster/pid"'
TRACES = """traces() {
  ip -o -4 route; ip -o link; iptables-save | grep -v '^[#:]' || true; mount | sort
  find /sys/fs/cgroup -type d -name "$("$PYTHON" -c 'from dev import layout; print(layout.CGROUP)')"
  pgrep -fa "$VLLM_OPERATOR_CACHE" | grep -v pgrep || true
  find /run /var/lib /var/log /etc -xdev -type d | grep -i -e kube -e cni -e containerd -e vllm-operator || true
  sysctl vm.overcommit_memory kernel.panic kernel.panic_on_oops net.ipv4.ip_forward
}
"""


@pytest.fixture
def built(broken: machine.Machine) -> Iterator[machine.Machine]:
    """A machine on which everything is built, and no cluster."""
    for group in binaries.EMBEDDED:
        binaries.directory(group)
    images.build("pause")
    broken.share("bin", "go", "images")
    yield broken
    broken.run(DOWN, CLUSTER="embedded")


PORTS_TAKEN = """
"$PYTHON" -c "
import socket, time
held = [socket.create_server(('', port)) for port in (80, 443, 2379, 2380, 6443, 8001, 10250)]
time.sleep(3600)" & trap "kill $!" EXIT
"""
"""Somebody else's servers on the ports of the cluster's components: a network of its own has its own ports."""


def test_addresses_taken(built: machine.Machine) -> None:
    taken = "ip address add 10.117.0.7/24 dev lo; ip link set lo up"
    built.run(f"{taken}; {UP}", CLUSTER="embedded").failed_with(
        "the addresses 10.117.0.0/24 are in use", "dev/layout.py"
    )


def test_cgroups_read_only(built: machine.Machine) -> None:
    """What a container without privileges sees."""
    read_only = "mount -t cgroup,cgroup2 | cut -d' ' -f3 | while read -r path; do mount -o remount,bind,ro $path; done"
    built.run(f"{read_only}; {UP}", CLUSTER="embedded").failed_with("no cgroup can be made", "privileged")


def test_unknown_way(built: machine.Machine) -> None:
    built.run(UP, CLUSTER="minikube").failed_with("CLUSTER=minikube is unknown", "embedded")


def test_a_component_that_does_not_start(built: machine.Machine) -> None:
    """A file where containerd's store should be."""
    (built.cache / "containerd").mkdir()
    (built.cache / "containerd" / "io.containerd.metadata.v1.bolt").write_text("no directory")
    result = built.run(UP, CLUSTER="embedded")
    result.failed_with("containerd", "containerd.log")
    assert "ended the cluster" in result.said
    assert "stale" in built.run(f"{STATUS}; {DOWN}", CLUSTER="embedded").said


def test_disk_full(built: machine.Machine) -> None:
    """Containerd's store has room for itself, and for no image."""
    store = built.cache / "containerd"
    result = built.run(f"mkdir {store}; mount -t tmpfs -o size=2m none {store}; {UP}", CLUSTER="embedded")
    result.failed_with("the disk is full", "free some space")


def test_a_cluster_that_was_killed_is_replaced_and_then_removed(built: machine.Machine) -> None:
    script = f"""{TRACES}{PORTS_TAKEN}
      traces >before
      {UP}; {UP}; {STATUS}
      kill -9 $({OUTER}); while kill -0 $({OUTER}) 2>/dev/null; do sleep 0.1; done
      {STATUS}; {UP}; {STATUS}
      {DOWN}; {DOWN}; {STATUS}
      traces >after; diff before after"""
    result = built.run(script, CLUSTER="embedded")
    assert result.status == 0, f"{result.said}\n{result.errors}"
    states = [
        line.split()[0].rstrip(":") for line in result.said.splitlines() if line.startswith(("up", "stale", "down"))
    ]
    assert states == ["up", "stale", "up", "down"]
    assert result.said.count("==> starting the cluster") == 2
    assert result.said.count("==> importing") == 1, "the store outlives the cluster"


def test_killed_half_way(built: machine.Machine) -> None:
    """Killed while the cluster starts: the next run replaces what is there."""
    process = built.start(f"{UP}; sleep 60", CLUSTER="embedded")
    machine.until(process, built.cache / "run" / "cluster" / "pid")
    machine.kill(process)
    result = built.run(f"{UP}; {DOWN}", CLUSTER="embedded")
    assert result.status == 0, f"{result.said}\n{result.errors}"
    assert "ended the cluster" in result.said
