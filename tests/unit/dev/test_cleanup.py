"""Whose addresses and processes are whose."""

import ipaddress
import os
import pathlib
import subprocess

import pytest

from dev import layout
from dev.embedded import cleanup


@pytest.mark.parametrize(
    ("taken", "clash"),
    [
        ("0.0.0.0/0", False),
        ("10.0.0.0/8", False),
        ("10.117.0.0/16", True),
        ("10.117.0.2/32", True),
        ("10.1.0.0/24", False),
    ],
)
def test_a_narrow_route_is_a_claim(taken: str, clash: bool) -> None:
    assert cleanup._overlap(ipaddress.ip_network(taken), ipaddress.ip_network("10.117.0.0/24")) is clash


def test_a_process_id_that_is_used_again_is_not_ours(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layout, "PID_FILE", tmp_path / "pid")
    assert cleanup.process() is None
    cleanup.note(os.getpid())
    assert cleanup.process() == os.getpid()
    layout.PID_FILE.write_text(f"{os.getpid()} 12345")
    assert cleanup.process() is None


def test_a_process_that_ended_is_gone_before_it_is_reaped(
    tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "PID_FILE", tmp_path / "pid")
    with subprocess.Popen(["cat"], stdin=subprocess.PIPE) as child:
        cleanup.note(child.pid)
        child.kill()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert cleanup.process() is None
