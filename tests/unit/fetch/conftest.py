"""The fetcher before a stand-in hub."""

import pathlib
from collections.abc import AsyncIterator

import pytest

from tests import fetching


@pytest.fixture
async def rig(tmp_path: pathlib.Path) -> AsyncIterator[fetching.Rig]:
    async with fetching.Rig(tmp_path).serving() as one:
        yield one
