"""An image that came out empty is said, and not kept; and one image may be of two architectures."""

import pathlib
import re
import subprocess

import pytest

from dev import build_logs, image_builders, images, progress


class Forgetful(image_builders.Engine):
    """An engine that succeeds, and writes what it is told to write: `size` bytes."""

    def __init__(self, size: int) -> None:
        super().__init__("true")
        self.size = size

    def build(self, job: image_builders.Job) -> None:
        job.archive.write_bytes(b"\0" * self.size)
        super().build(job)


def job(folder: pathlib.Path) -> image_builders.Job:
    return image_builders.Job(
        "x", "arm64", folder / "Containerfile", folder, "localhost/x:1", {}, {}, folder / "x.tar", folder / "log"
    )


def test_an_empty_image_is_said_and_not_kept(tmp_path: pathlib.Path) -> None:
    with pytest.raises(progress.Failure, match="the image x came out empty"):
        Forgetful(11_264).build(job(tmp_path))
    assert not job(tmp_path).archive.exists()
    Forgetful(image_builders.SMALLEST).build(job(tmp_path))
    assert job(tmp_path).archive.exists()


def test_each_architecture_of_the_operators_image_is_one_that_can_be_prepared() -> None:
    script = images.SOURCES / "operator" / "target.sh"
    known = set(re.findall(r"^  (\w+)\) machine=", script.read_text(), re.MULTILINE))
    assert known == set(images.ARCHITECTURES["operator"])
    done = subprocess.run(["sh", str(script), "riscv64"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, "no images are made for riscv64\n")


def test_images_of_two_architectures_lie_beside_each_other() -> None:
    own, other = (images.archive("operator", one) for one in images.ARCHITECTURES["operator"])
    assert own != other
    assert images.archive("operator") == images.archive("operator", image_builders.native())
    assert images.reference("operator", "riscv64").startswith(f"{images.PREFIX}/operator-riscv64:")


@pytest.mark.parametrize(
    ("log", "words"),
    [
        ("[1/2] STEP 1/9: FROM base\n[1/2] STEP 3/9: COPY a b\nCollecting torch\n", "step 3 of 9: Collecting torch"),
        ("#7 [build 4/11] RUN pip\n#7 12.3 Collecting torch\n", "step 4 of 11: #7 12.3 Collecting torch"),
        ("#5 [2/3] COPY a b\n", "step 2 of 3: #5 [2/3] COPY a b"),
        ("", "no output yet"),
    ],
)
def test_a_build_says_how_far_it_is(tmp_path: pathlib.Path, log: str, words: str) -> None:
    (tmp_path / "log").write_text(log)
    assert build_logs.how_far(tmp_path / "log") == words
