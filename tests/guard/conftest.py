"""Fixtures: an engine, and guards before it."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from tests import browser
from tests.guard import envoys, fake_engine, rig, visitor

if TYPE_CHECKING:
    import pathlib
    from collections.abc import Callable, Iterator

    from vllm_operator import guard


class Start(Protocol):
    def __call__(
        self,
        now: guard.Access | None = None,
        alter: Callable[[Any], None] | None = None,
        envoy: envoys.Envoy | None = None,
    ) -> rig.Guard: ...


@pytest.fixture(scope="session")
def chromium() -> Iterator[browser.Chromium]:
    with browser.started() as running:
        yield running


@pytest.fixture
def engine() -> Iterator[fake_engine.Engine]:
    engine = fake_engine.Engine()
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def start(tmp_path: pathlib.Path, engine: fake_engine.Engine) -> Iterator[Start]:
    """Start guards; they end with the test."""
    with contextlib.ExitStack() as running:

        def start(
            now: guard.Access | None = None,
            alter: Callable[[Any], None] | None = None,
            envoy: envoys.Envoy | None = None,
        ) -> rig.Guard:
            root = tmp_path / f"guard{len(list(tmp_path.iterdir()))}"
            root.mkdir()
            started = rig.Guard(root, engine, now or rig.access(), alter, envoy)
            running.callback(started.stop)
            started.start()
            return started

        yield start


@pytest.fixture
def visit(chromium: browser.Chromium, start: Start) -> Iterator[visitor.Visit]:
    return visitor.Visit(chromium, start)
