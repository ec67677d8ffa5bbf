"""A machine to break for each test."""

import os
import pathlib

import pytest

from tests.bootstrap import machine


@pytest.fixture
def broken(tmp_path: pathlib.Path) -> machine.Machine:
    if os.geteuid():
        pytest.skip("needs root")
    return machine.Machine(tmp_path)
