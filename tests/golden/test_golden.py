"""What each golden model becomes, and what is said of it in the world that the case describes: as text, read by people.

`make generate` writes the files anew; the real consumers read them in tests/integration.
"""

import pathlib

import pytest

from tests.golden import render


@pytest.mark.parametrize("case", render.CASES, ids=lambda case: case.name)
def test_a_golden_model_becomes_what_is_written_down(case: pathlib.Path) -> None:
    for name, text in render.texts(case).items():
        assert (case / name).read_text() == text, f"{case.name}/{name} differs: `make generate`, and read the change"


@pytest.mark.parametrize("case", render.CASES, ids=lambda case: case.name)
def test_no_key_stands_outside_a_secret(case: pathlib.Path) -> None:
    words = [text for text in (case / "children.yaml").read_text().split("\n---\n") if "kind: Secret" not in text]
    assert not any(key in text for text in words for key in render.KEYS.values())
    assert not any(key in (case / "status.yaml").read_text() for key in render.KEYS.values())
