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


FAKE_UV = """#!/bin/sh
echo "$@" > "$TOLD"
while [ "$1" != --target ]; do shift; done
mkdir "$2"
"""


def test_no_setting_of_the_callers_leaves_a_hash_unchecked(monkeypatch: pytest.MonkeyPatch) -> None:
    callers = {"GOFLAGS": "-mod=mod -insecure", "GOSUMDB": "off", "GONOSUMDB": "*", "GOPRIVATE": "*", "GOINSECURE": "*"}
    for name, value in callers.items():
        monkeypatch.setenv(name, value)
    found = golang.environment(cgo=False)
    assert {name for name, value in callers.items() if found[name] == value} == set()


def test_go_itself_is_fetched_by_its_hash(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "uv").write_text(FAKE_UV)
    (tmp_path / "uv").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TOLD", str(tmp_path / "told"))
    golang.fetch(tmp_path / "go")
    told = (tmp_path / "told").read_text()
    assert "--require-hashes" in told
    assert f"-r {golang.LOCK}" in told
    assert "--hash=sha256:" in golang.LOCK.read_text()


@pytest.mark.parametrize(("errors", "cause"), CASES.items())
def test_the_cause_is_named(tmp_path: pathlib.Path, errors: str, cause: str) -> None:
    log = tmp_path / "etcd.log"
    log.write_text(errors)
    failure = golang.failure("etcd", log)
    assert failure.cause.startswith(cause)
    assert failure.remedy
