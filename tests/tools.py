"""Tools of the tests that have pinned packages of their own: installed once, from hashes, in the cache.

A tool is known by its requirements file, such as requirements/checkov.txt.
"""

import hashlib
import os
import pathlib
import shutil
import subprocess

from dev import paths, progress


def environment(requirements: pathlib.Path) -> pathlib.Path:
    """Return a virtual environment that has nothing but these packages."""
    own = _place(requirements)
    return _once(own, ["venv", str(own)], _sync(requirements, f"--python={own}/bin/python"))


def overlay(requirements: pathlib.Path) -> pathlib.Path:
    """Return a directory with these packages, to be put on the Python path before this environment's own."""
    own = _place(requirements)
    return _once(own, _sync(requirements, f"--target={own}"))


def debian(package: str) -> pathlib.Path:
    """Return a directory with the files of one of Debian's packages, as on the file system; nothing is installed or started."""
    own = paths.CACHE / package
    if not (own / "ready").exists():
        shutil.rmtree(own, ignore_errors=True)
        own.mkdir(parents=True)
        with progress.step(f"fetching Debian's package {package} (once)"):
            apt = "apt-get -q -o APT::Sandbox::User=root"
            fetch = f"{apt} download {package} || {{ {apt} update && {apt} download {package}; }}"  # lists may be old
            done = subprocess.run(["sh", "-c", fetch], check=False, cwd=own, capture_output=True, text=True)
            if done.returncode:
                said = done.stderr.strip()[-300:]
                raise progress.Failure(f"Debian's package {package} cannot be fetched: {said}", "see /etc/apt")
            (archive,) = own.glob("*.deb")
            subprocess.run(["dpkg-deb", "-x", str(archive), str(own)], check=True)
            archive.unlink()
        (own / "ready").touch()
    return own


def _place(requirements: pathlib.Path) -> pathlib.Path:
    return paths.CACHE / requirements.stem / hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]


def _sync(requirements: pathlib.Path, where: str) -> list[str]:
    return ["pip", "sync", where, "--require-hashes", str(requirements)]


def _once(own: pathlib.Path, *commands: list[str]) -> pathlib.Path:
    if not (own / "ready").exists():
        uv = shutil.which("uv") or str(paths.CACHE / "tools/bin/uv")  # dev/bootstrap.sh puts it there
        env = {**os.environ, "UV_CACHE_DIR": str(paths.CACHE / "uv")}
        shutil.rmtree(own, ignore_errors=True)
        with progress.step(f"installing {own.parent.name} (once)"):
            for command in commands:
                subprocess.run([uv, "--quiet", *command], check=True, env=env)
        (own / "ready").touch()
    return own
