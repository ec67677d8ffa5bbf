"""`run`: the command, with what it printed."""

import pathlib

import pytest

from tests import rendering


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> rendering.Run:
    return rendering.Run(capsys, monkeypatch, tmp_path)
