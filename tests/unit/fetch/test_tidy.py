"""What no server mounts any more makes room; nothing else on the volume is touched."""

import json
import pathlib

from vllm_operator.fetch import tidy

OLD, NEW = "0" * 16, "1" * 16


def volume(root: pathlib.Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if path.is_dir()}


def test_weights_and_code_that_no_server_uses_are_removed(tmp_path: pathlib.Path) -> None:
    for place in (
        f"weights/{OLD}/sub",
        f"weights/{NEW}",
        f"compiled/{OLD}",
        f"compiled/{NEW}",
        "weights/mine",
        "theirs",
    ):
        (tmp_path / place).mkdir(parents=True)
    (tmp_path / "weights" / ("2" * 16)).symlink_to(tmp_path / "theirs")
    tidy.tidy({"FETCH_KEEP": json.dumps({"root": str(tmp_path), "keep": [f"weights/{NEW}", f"compiled/{NEW}"]})})
    left = {"weights", f"weights/{NEW}", "weights/mine", "compiled", f"compiled/{NEW}", "theirs", f"weights/{'2' * 16}"}
    assert volume(tmp_path) == left


def test_a_claim_that_is_shared_is_left_as_it_is(tmp_path: pathlib.Path) -> None:
    (tmp_path / "weights" / OLD).mkdir(parents=True)
    tidy.tidy({})
    assert f"weights/{OLD}" in volume(tmp_path)
