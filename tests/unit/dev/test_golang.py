"""What the Go toolchain's errors mean; the messages are Go's own."""

import pathlib

import pytest

from dev import golang

CASES = {
    "go: download go1.26.6 for linux/amd64: toolchain not available": "the Go toolchain cannot be fetched",
    'go: k8s.io/kubernetes@v1.37.2: Get "https://proxy.example/…": dial tcp 127.0.0.1:1: connect: connection refused': (
        "the Go module proxy cannot be reached"
    ),
    "k8s.io/api/core/v1\nlink: mapping output file failed: no space left on device": "the disk is full",
    "k8s.io/api/core/v1\ngo: updates to go.mod needed; to update it:\n\tgo mod tidy": (
        "building etcd failed (go: updates to go.mod needed; to update it:)"
    ),
    "": "building etcd failed (no message)",
}


@pytest.mark.parametrize(("errors", "cause"), CASES.items())
def test_the_cause_is_named(tmp_path: pathlib.Path, errors: str, cause: str) -> None:
    log = tmp_path / "etcd.log"
    log.write_text(errors)
    failure = golang.failure("etcd", log)
    assert failure.cause.startswith(cause)
    assert failure.remedy
