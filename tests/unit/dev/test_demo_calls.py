"""The demo's calls as they are printed: by kind they work in any shell of the machine, as they stand."""

import base64
import pathlib
import subprocess

import pytest

from dev import binaries, demo_calls, kind, layout, provider

KUBECTL = """#!/bin/sh
test "$*" = "$(cat "$0.asked")" && cat "$0.answer"
"""


@pytest.fixture
def by_kind(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    """A machine with a demo by kind, with blanks in its paths; returns kubectl, which answers one question."""
    folder = tmp_path / "a b"
    folder.mkdir()
    kubectl = folder / "kubectl"
    kubectl.write_text(KUBECTL)
    kubectl.chmod(0o755)
    monkeypatch.setattr(provider, "current", lambda: kind)
    monkeypatch.setattr(binaries, "find", lambda _: str(kubectl))
    monkeypatch.setattr(layout, "KUBECONFIG", folder / "kubeconfig")
    asked = (
        f"--kubeconfig={folder}/kubeconfig -n models get secret vllm11.key.default -o jsonpath={{.data.OPENAI_API_KEY}}"
    )
    (folder / "kubectl.asked").write_text(asked)
    (folder / "kubectl.answer").write_bytes(base64.b64encode(b"sk-1"))
    return kubectl


def test_the_first_line_sets_the_key_that_the_calls_send(by_kind: pathlib.Path) -> None:
    typed = f'{demo_calls.key_line()}\nprintf %s "$KEY"'
    said = subprocess.run(["sh", "-euc", typed], capture_output=True, text=True, check=True)
    assert said.stdout == "sk-1"
    assert by_kind.exists()


@pytest.mark.usefixtures("by_kind")
def test_each_call_says_where_the_host_is_and_whom_to_trust() -> None:
    for call in demo_calls.CALLS:
        assert demo_calls.spoken(call).startswith(f"curl --resolve {demo_calls.HOST}:443:127.0.0.1 --cacert ")
