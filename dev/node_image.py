"""A node image for kind, from Debian packages and the embedded cluster's binaries: for machines that reach no registry.

The image holds the images of the control plane and of Contour: one layer with all of their programs, under many names.
Knows which names kubeadm and Contour ask for; must not know how a cluster is made of it.
"""

import hashlib
import importlib.resources
import io
import json
import pathlib
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from dev import binaries, contour, golang, image_builders, images, paths, progress

SOURCES = paths.ROOT / "dev" / "kind_node"
NODE_PACKAGES = "systemd,dbus,iproute2,iptables,conntrack,ethtool,kmod,mount,procps,ca-certificates,libseccomp2"
PROGRAM_PACKAGES = "iptables,kmod,ca-certificates"
NODE = {"kubernetes": ("kubelet", "kubectl"), "kubeadm": ("kubeadm",), "runc": ("runc",),
        "containerd": ("containerd", "containerd-shim-runc-v2", "ctr")}  # fmt: skip
PROGRAMS = {"kubernetes": ("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"), "etcd": ("etcd",),
            "coredns": ("coredns",), "contour": ("contour",)}  # fmt: skip
PAUSE = "localhost/vllm-operator/pause:node"  # as in dev/kind_node/files/etc/containerd/config.toml
CONSTANT = re.compile(r'^\t(DefaultEtcdVersion|CoreDNSVersion)\s+= "(.+)"$', re.MULTILINE)
REPOSITORY = "localhost/vllm-operator/kind-node"


class Image(NamedTuple):
    """An image of an archive: its names, and what it runs where a pod says nothing."""

    names: tuple[str, ...]
    entrypoint: tuple[str, ...]


def build() -> tuple[pathlib.Path, str]:
    """Return the archive of the node image, made now where it is not there, and the image's name. Raises `progress.Failure`."""
    for group in (*NODE, *PROGRAMS, "cni"):
        binaries.directory(group)
    key = _key()
    archive, name = paths.IMAGES / f"kind-node-{key}.tar", f"{REPOSITORY}:{key}"
    if not archive.is_file():
        with images.alone(), progress.step("a node image for kind, from Debian packages: no registry answers"):
            _build(archive, name)
    return archive, name


def control_plane() -> tuple[Image, ...]:
    """Return the images that a node must hold before it starts, and those of Contour."""
    versions = dict(CONSTANT.findall((_kubernetes() / "cmd/kubeadm/app/constants/constants.go").read_text()))
    parts = tuple(f"registry.k8s.io/{name}:{binaries.KUBERNETES_VERSION}" for name in PROGRAMS["kubernetes"])
    etcd = f"registry.k8s.io/etcd:{versions['DefaultEtcdVersion']}"
    coredns = f"registry.k8s.io/coredns/coredns:{versions['CoreDNSVersion']}"
    return (
        Image((*parts, etcd, *contour.images(), PAUSE), ("/bin/sleep", "infinity")),
        Image((coredns,), ("/usr/local/bin/coredns",)),
    )


def _kubernetes() -> pathlib.Path:
    return golang.module(binaries.GO_DIRECTORY / "kubernetes", "k8s.io/kubernetes")


def _build(archive: pathlib.Path, name: str) -> None:
    with tempfile.TemporaryDirectory(prefix="kind-node-", dir=paths.IMAGES) as directory:
        work = pathlib.Path(directory)
        programs = _root(work, "programs", PROGRAM_PACKAGES, _programs(work / "programs"))
        tree = _node(work / "node")
        (tree / "kind/images").mkdir(parents=True)
        pack(tree / "kind/images/control-plane.tar", programs, control_plane())
        node = _root(work, "node", NODE_PACKAGES, tree)
        half = work / "image.tar"
        pack(half, node, (Image((name,), ("/usr/local/bin/entrypoint",)),))
        half.rename(archive)


def _programs(tree: pathlib.Path) -> pathlib.Path:
    _install(tree / "usr/local/bin", PROGRAMS)
    envoy = importlib.resources.files("envoy") / "_bin/envoy"
    shutil.copy(str(envoy), tree / "usr/local/bin")
    (tree / "usr/bin").mkdir()
    (tree / "usr/bin/contour").symlink_to("../local/bin/contour")
    return tree


def _node(tree: pathlib.Path) -> pathlib.Path:
    shutil.copytree(SOURCES / "files", tree)
    (tree / "kind/version").write_text(binaries.KUBERNETES_VERSION)
    _install(tree / "usr/local/bin", NODE)
    shutil.copytree(binaries.directory("cni"), tree / "opt/cni/bin")
    return tree


def _install(target: pathlib.Path, groups: Mapping[str, Iterable[str]]) -> None:
    target.mkdir(parents=True, exist_ok=True)
    for group, names in groups.items():
        for name in names:
            shutil.copy(binaries.directory(group) / name, target)


def _root(work: pathlib.Path, name: str, packages: str, tree: pathlib.Path) -> pathlib.Path:
    """Make a root file system of `packages` with `tree` over it; return its archive."""
    target = work / f"{name}-root.tar"
    image_builders.make_base(SOURCES / "debian.sh", target, packages, str(tree))
    shutil.rmtree(tree)
    return target


def pack(archive: pathlib.Path, layer: pathlib.Path, named: Iterable[Image]) -> None:
    """Write an archive as `docker save` does, with the images `named` of the one layer; the layer's file is taken away."""
    digest = _digest(layer)
    manifest = []
    with tarfile.open(archive, "w") as into:
        into.add(layer, "layer.tar")
        for number, image in enumerate(named):
            _add(into, f"{number}.json", _configuration(image, digest))
            manifest.append({"Config": f"{number}.json", "RepoTags": list(image.names), "Layers": ["layer.tar"]})
        _add(into, "manifest.json", manifest)
    layer.unlink()


def _configuration(image: Image, digest: str) -> dict[str, object]:
    run = {
        "Entrypoint": list(image.entrypoint),
        "Env": ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"],
        "StopSignal": "SIGRTMIN+3" if image.entrypoint[0].endswith("entrypoint") else "SIGTERM",
    }
    root = {"type": "layers", "diff_ids": [digest]}
    made = {"created_by": "dev/node_image.py"}
    return {"architecture": image_builders.native(), "os": "linux", "config": run, "rootfs": root, "history": [made]}


def _add(into: tarfile.TarFile, name: str, content: object) -> None:
    data = json.dumps(content).encode()
    member = tarfile.TarInfo(name)
    member.size = len(data)
    into.addfile(member, io.BytesIO(data))


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as stream:
        return f"sha256:{hashlib.file_digest(stream, 'sha256').hexdigest()}"


def _key() -> str:
    """Return a hash of all that goes into the image."""
    went_in = [file.read_bytes() for file in sorted(SOURCES.rglob("*")) if file.is_file()]
    went_in += [binaries.directory(group).name.encode() for group in (*NODE, *PROGRAMS, "cni")]
    went_in.append(pathlib.Path(__file__).read_bytes())
    return hashlib.sha256(b"\0".join(went_in)).hexdigest()[:16]
