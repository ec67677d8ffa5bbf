"""Node.js with the package that the documented programs name, installed once into the cache from the lock beside this file.

The lock holds hashes and no addresses: the machine's own npm settings say which registry is asked.
"""

import fcntl
import hashlib
import os
import pathlib
import shutil
import subprocess

from dev import paths

HERE = pathlib.Path(__file__).parent / "programs"
FILES = ("package.json", "package-lock.json")
NPM = ("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", f"--cache={paths.CACHE / 'npm'}")


def modules() -> pathlib.Path:
    """Return the directory for NODE_PATH, installing what is locked where the cache does not have it."""
    key = hashlib.sha256(b"\0".join((HERE / name).read_bytes() for name in FILES)).hexdigest()[:12]
    done = paths.CACHE / "node" / key
    done.parent.mkdir(parents=True, exist_ok=True)
    with (done.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not done.exists():
            _install(done.with_name(f".installing-{key}"), done)
    return done / "node_modules"


def _install(half: pathlib.Path, done: pathlib.Path) -> None:
    shutil.rmtree(half, ignore_errors=True)
    half.mkdir()
    for name in FILES:
        shutil.copy(HERE / name, half)
    ended = subprocess.run(NPM, cwd=half, capture_output=True, text=True, check=False, env=os.environ)
    assert ended.returncode == 0, f"npm cannot install what the documented programs need:\n{ended.stderr}"
    half.rename(done)
