"""An image that came out empty is said, and not kept."""

import pathlib

import pytest

from dev import image_builders, progress


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
