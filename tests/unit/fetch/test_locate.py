"""The model in an image is found at its root or in /models, and its absence is said with the remedy."""

import json
import pathlib

import pytest

from vllm_operator.fetch import locate


@pytest.mark.parametrize("place", [".", "models"])
def test_a_model_is_found_where_catalogues_put_it(tmp_path: pathlib.Path, place: str) -> None:
    image, link = tmp_path / "image", tmp_path / "models/org/name"
    (image / place).mkdir(parents=True)
    (image / place / "config.json").write_text("{}")
    for _ in range(2):  # the container may be started again
        assert locate.main(str(image), str(link)) == 0
        assert (link / "config.json").read_text() == "{}"


def test_an_image_without_a_model_says_what_to_write(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    result = tmp_path / "result"
    monkeypatch.setenv("FETCH_RESULT", str(result))
    (tmp_path / "image/weights").mkdir(parents=True)
    (tmp_path / "image/weights/config.json").write_text("{}")
    assert locate.main(str(tmp_path / "image"), str(tmp_path / "models/name")) == 1
    said = json.loads(result.read_text())
    assert said["reason"] == "SourceNotFound"
    assert "oci://image:tag/path" in said["message"]
