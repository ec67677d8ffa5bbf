"""Which Kubernetes a test runs on: the newest, or the older one of `make test-kubernetes`."""

from dev import binaries


def has(version: str) -> bool:
    """Tell whether this Kubernetes is of that version, such as `1.35`, or newer."""
    return _minor(binaries.KUBERNETES_VERSION) >= _minor(version)


def _minor(version: str) -> int:
    return int(version.split(".")[1])
