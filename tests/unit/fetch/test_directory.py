"""What lies on the volume, also where it was made to mislead."""

import os
import pathlib

import pytest

from tests import fetching
from vllm_operator.fetch import directory, failures, listing, plan

FILES = (listing.File("a.json", 3), listing.File("sub/b.json", 2))
MANIFEST = directory.Manifest("hf://org/tiny", (), listing.Listing("c" * 40, FILES))


def filled(path: pathlib.Path) -> directory.Directory:
    target = directory.Directory(str(path / "into"))
    target.__enter__()
    target.start(MANIFEST)
    return target


def test_what_was_planned_is_found_again(tmp_path: pathlib.Path) -> None:
    with filled(tmp_path) as target:
        target.note(plan.have_line(0, plan.Range(0, 2)))
    with directory.Directory(str(tmp_path / "into")) as target:
        assert target.manifest() == MANIFEST
        assert plan.replay(target.journal(), FILES).have == {0: (plan.Range(0, 2),)}


def test_a_line_after_one_that_was_cut_counts(tmp_path: pathlib.Path) -> None:
    with filled(tmp_path) as target:
        (tmp_path / "into/.fetch/journal").write_text("have 0 0 1\nhave 0 1")
        target.note(plan.have_line(1, plan.Range(0, 2)))
        assert plan.replay(target.journal(), FILES).have == {0: (plan.Range(0, 1),), 1: (plan.Range(0, 2),)}


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '{"files": [["../x", 1]]}', '{"files": [[1]], "source": 1, "patterns": []}']
)
def test_a_manifest_that_is_none_is_as_good_as_away(tmp_path: pathlib.Path, text: str) -> None:
    with filled(tmp_path) as target:
        (tmp_path / "into/.fetch/manifest").write_text(text)
        assert target.manifest() is None


def test_a_symbolic_link_on_the_volume_leads_nowhere(tmp_path: pathlib.Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with filled(tmp_path) as target:
        (tmp_path / "into/sub").symlink_to(outside)
        os.close(target.part(1))
        with pytest.raises(OSError, match="sub"):
            target.place(1, "sub/b.json")
        (outside / "b.json").write_text("xx")
        assert target.size("sub/b.json") == -1
        (tmp_path / "into/.fetch/part-0").symlink_to(outside / "b.json")
        with pytest.raises(OSError, match="part-0"):
            target.part(0)
    assert (outside / "b.json").read_text() == "xx"


async def test_a_link_in_the_place_of_a_file_is_replaced_and_not_followed(
    rig: fetching.Rig, tmp_path: pathlib.Path
) -> None:
    outside = tmp_path / "outside.json"
    outside.write_text("mine")
    rig.into.mkdir()
    (rig.into / "config.json").symlink_to(outside)
    await rig.fetch()
    assert outside.read_text() == "mine"
    assert not (rig.into / "config.json").is_symlink()


def test_the_lock_is_free_when_its_holder_is_gone(tmp_path: pathlib.Path) -> None:
    with filled(tmp_path) as one, directory.Directory(one.path) as other:
        assert one.lock()
        assert not other.lock()
    with directory.Directory(one.path) as other:
        assert other.lock()


def test_complete_counts_only_with_every_file_at_its_size(tmp_path: pathlib.Path) -> None:
    with filled(tmp_path) as target:
        target.complete({"source": "x"})
        assert directory.finished(target.path) is None
        for index, file in enumerate(FILES):
            descriptor = target.part(index)
            os.pwrite(descriptor, b"x" * file.size, 0)
            os.close(descriptor)
            target.place(index, file.path)
            target.place(index, file.path)
        assert directory.finished(target.path) == {"source": "x"}
        os.truncate(tmp_path / "into/a.json", 1)
        assert directory.finished(target.path) is None


def test_a_directory_that_is_not_there_is_not_whole(tmp_path: pathlib.Path) -> None:
    assert directory.finished(str(tmp_path / "none")) is None


@pytest.mark.parametrize("number", [13, 30, 28, 122, 5, 116])
def test_every_error_of_a_volume_has_a_remedy(number: int) -> None:
    found = failures.of_volume(OSError(number, os.strerror(number)), "/weights/x", "make it larger")
    assert found.reason in (failures.DISK_FULL, failures.UNWRITABLE)
    assert "/weights/x" in found.message
