"""How the documentation tells how soon the operator acts, without a cluster."""

import json
import pathlib

import pytest

from tests.bench import delays, figures

MACHINE = {"processor": "2 x some", "commit": "abc"}


@pytest.fixture(autouse=True)
def _folders(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures, "FOLDER", tmp_path)
    monkeypatch.setattr(delays, "DATA", tmp_path / "delays.json")


def test_the_tables_say_what_was_measured_with_its_promise_and_its_machine() -> None:
    figures.write("drift", [figures.Figure("put back", "s", (0.5, 0.25, 0.75), 1)], MACHINE)
    figures.write("takeover", [figures.Figure("writes", "", (1234.0,))], MACHINE)
    delays.take()
    assert delays.table(delays.kept()).splitlines()[2:] == [
        "| takeover | writes | 1234 |  |",
        "| drift | put back | 0.5 s (0.25 to 0.75) | 1 |",
    ]
    assert delays.machines(delays.kept()).splitlines() == [
        "| | takeover | drift |",
        "|---|---|---|",
        "| processor | 2 x some | 2 x some |",
        "| commit | abc | abc |",
    ]


def test_a_benchmark_that_was_not_measured_again_keeps_its_figures() -> None:
    delays.DATA.write_text(json.dumps({"drift": {"machine": MACHINE, "figures": []}}))
    figures.write("takeover", [], MACHINE)
    delays.take()
    assert sorted(delays.kept()) == ["drift", "takeover"]
