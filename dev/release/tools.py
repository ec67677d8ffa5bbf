"""The programs that a release is made with: crane, cosign and helm, from pinned modules, each failure one line.

What they keep lies in the cache directory; logins at registries are those of `docker login`, for all three.
"""

import os
import pathlib
import subprocess

from dev import binaries, paths, progress

LOGINS = "config.json"


def run(tool: str, *words: str, password: str | None = None) -> str:
    """Run a tool and return what it printed; `password`: of the key that cosign uses. Raises `progress.Failure`."""
    command = [str(binaries.directory(tool) / tool), *words]
    secret = {} if password is None else {"COSIGN_PASSWORD": password}
    env = {**binaries.environment(), **_kept(), **secret}
    done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, env=env)
    if done.returncode:
        said = " ".join(done.stderr.split())[-300:]
        raise progress.Failure(f"`{tool} {words[0]}` failed ({said})", "mend that, then run again")
    return done.stdout.strip()


def _kept() -> dict[str, str]:
    docker = pathlib.Path(os.environ.get("DOCKER_CONFIG") or pathlib.Path.home() / ".docker")
    return {"HELM_REGISTRY_CONFIG": str(docker / LOGINS), "TUF_ROOT": str(paths.CACHE / "sigstore")}
