"""Building the images where something is amiss."""

from tests.bootstrap import machine

BUILD = '"$PYTHON" -m dev images pause'


def test_no_registry_and_no_debian_mirror(broken: machine.Machine) -> None:
    """Where no registry answers, the base image is made from Debian packages; here there are none either."""
    result = broken.run(BUILD)
    result.failed_with("making the base image .* a Debian mirror is not reached", "check the network and apt's sources")


def test_disk_full(broken: machine.Machine) -> None:
    store = broken.cache / "buildah"
    result = broken.run(f"mkdir {store}; mount -t tmpfs -o size=32m none {store}; {BUILD}", network=True)
    result.failed_with("the disk is full", "free some space")
