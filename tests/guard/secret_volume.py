"""A Secret's files as the kubelet lays them out, for a guard to read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pathlib


class Mount:
    """A directory with files as the kubelet lays out a Secret: `..data` is a symbolic link, swapped whole."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        self._writes = 0
        directory.mkdir()

    def swap(self, files: dict[str, str]) -> None:
        """Put `files` in place of those before, in one step."""
        self._writes += 1
        fresh = self.directory / f"..{self._writes}"
        fresh.mkdir()
        for name, text in files.items():
            (fresh / name).write_text(text)
            if not (self.directory / name).is_symlink():
                (self.directory / name).symlink_to(f"..data/{name}")
        (self.directory / "..data_tmp").symlink_to(fresh.name)
        (self.directory / "..data_tmp").replace(self.directory / "..data")
