"""What each golden model becomes, as text for people to read, and that no key stands in it but in Secrets.

`make generate` writes the files anew; the real consumers read what they show in tests/integration and tests/e2e.
"""

import json
import pathlib

import pytest

from tests import canonical
from tests.golden import render
from vllm_operator import guard

FOLDERS = pytest.mark.parametrize("folder", render.CASES, ids=lambda folder: folder.name)


@FOLDERS
def test_a_golden_model_becomes_what_is_written_down(folder: pathlib.Path) -> None:
    texts = render.texts(folder)
    for name, text in texts.items():
        written = (folder / name).read_text()
        assert written == text, f"{folder.name}/{name} differs: `make generate`, and read the change"
    assert {file.name for file in folder.iterdir()} == {"model.yaml", *texts}


@FOLDERS
def test_no_key_stands_outside_a_secret(folder: pathlib.Path) -> None:
    model = render.model(folder)
    words = [json.dumps(child) for child in render.desired(model) if child["kind"] != "Secret"]
    words.append(render.guard_files(model)[guard.BOOTSTRAP])
    assert not any(key in text for text in words for key in render.KEYS.values())


@FOLDERS
def test_every_child_comes_back_as_it_is_sent(folder: pathlib.Path) -> None:
    for child in render.desired(render.model(folder)):
        assert canonical.lossy(child) == ()
