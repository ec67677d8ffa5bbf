"""`make release`: a release from end to end: made, signed, pushed, pulled back and verified.

Without more said it is a dry run: the registry is one on loopback, with its storage in .artifacts, and the key is made here. With
REGISTRY and COSIGN_KEY it is published. Knows the order of the steps and where things lie.
"""

import contextlib
import datetime as dt
import hashlib
import json
import os
import pathlib
import shutil
import tarfile
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import yaml

from dev import image_builders, images, paths, progress, sbom
from dev.release import artifacts, chart, compatibility, readiness, registry, signing, verify, version

FOLDER = paths.ARTIFACTS / "release"
STORAGE = paths.ARTIFACTS / "registry"
KEYS = paths.CACHE / "release"
PLUGIN = paths.ROOT / "operator" / "kubectl"
HOME = "https://example.com/vllm-operator"  # the project's page at its forge, which has the releases; HOMEPAGE names the true one
SUMS, NOTES = "SHA256SUMS", "NOTES.md"
Archives = Mapping[str, Mapping[str, pathlib.Path]]


class Place(NamedTuple):
    """Where a release goes: address of the registry, key, and whether it is for others."""

    registry: str
    key: signing.Key
    is_public: bool


def main(folder: pathlib.Path = FOLDER) -> None:
    """Make a release in `folder`, anew, as the environment says: REGISTRY, COSIGN_KEY, COSIGN_PASSWORD.

    Raises `progress.Failure`.
    """
    told = compatibility.checked()
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archives = built()
    with place(folder, os.environ.get("REGISTRY", "")) as where:
        made(archives, folder, where, told)
        verified = verify.registry(where.registry, version.current(), folder / signing.PUBLIC)
    progress.say("\n".join([*(folder / SUMS).read_text().splitlines(), *verified, f"kept in {folder}"]))
    progress.say(f"published in {where.registry}" if where.is_public else "a dry run: nothing was published")


def built() -> Archives:
    """Return the images: name -> architecture -> archive."""
    own = (image_builders.native(),)
    return {
        name: {one: images.build(name, one) for one in images.ARCHITECTURES.get(name, own)} for name in images.names()
    }


@contextlib.contextmanager
def place(folder: pathlib.Path, address: str) -> Iterator[Place]:
    """Yield where the release goes: to the registry of that address, or to one on loopback that ends afterwards."""
    if address:
        readiness.must_be()
        private = pathlib.Path(os.environ.get("COSIGN_KEY", ""))
        yield Place(address, signing.named(private, os.environ.get("COSIGN_PASSWORD", ""), folder), is_public=True)
        return
    key = signing.local(KEYS)
    shutil.copy(key.public, folder / signing.PUBLIC)
    shutil.rmtree(STORAGE, ignore_errors=True)
    with registry.serving(STORAGE) as local:
        yield Place(local, key, is_public=False)


def made(archives: Archives, folder: pathlib.Path, where: Place, told: str) -> None:
    """Push, pack, list and sign everything."""
    with progress.step(f"pushing the operator's image to {where.registry}"):
        image = artifacts.push_image(f"{where.registry}/{verify.NAME}", version.current(), archives["operator"])
    with progress.step("packing the chart, and listing what is in it and in the images"):
        package = chart.packed(pins(image, others(is_public=where.is_public)), folder)
        lists = listed(archives, package, folder)
        _plugin(folder)
        shutil.copy(paths.ROOT / compatibility.CRD, folder)
        (folder / NOTES).write_text(
            f"{version.coming()}\n\n{told}\n\nImage: `{image.repository}:{image.tag}@{image.digest}`\n"
        )
    with progress.step("pushing the chart, and signing"):
        pushed = artifacts.push_chart(package, f"{where.registry}/{verify.CHARTS}", verify.NAME, version.current())
        for reference in (image.pinned(), pushed.pinned()):
            signing.sign(reference, where.key)
        for architecture, digest in image.parts.items():
            signing.attest(f"{image.repository}@{digest}", lists[architecture], where.key)
        signing.sign_file(_summed(folder), where.key)


def pins(image: artifacts.Pushed, of_others: Mapping[chart.Path, str]) -> dict[chart.Path, str]:
    """Return the images of the released chart: our own by tag and digest, and those of others as they are given."""
    named = {"repository": image.repository, "tag": image.tag, "digest": image.digest}
    return {**{("image", name): value for name, value in named.items()}, **of_others}


def others(*, is_public: bool) -> dict[chart.Path, str]:
    """Return the images of others with the digests that their registries name; none where a dry run reaches no registry.

    Raises `progress.Failure` where a published chart could not name one of them.
    """
    if not is_public and not image_builders.registry_answers():
        progress.say("    no public registry answers: the images of others stay named by their tags alone")
        return {}
    values = yaml.safe_load((chart.DIRECTORY / "values.yaml").read_text())
    return artifacts.by_digest(chart.upstream(values))


def listed(archives: Archives, package: pathlib.Path, folder: pathlib.Path) -> dict[str, pathlib.Path]:
    """Write the SPDX documents; return those of the operator's image by architecture."""
    moment = dt.datetime.fromtimestamp(readiness.commit_time(), dt.UTC)
    created = f"{moment:%Y-%m-%dT%H:%M:%SZ}"
    write(
        folder / f"{verify.NAME}-chart.spdx.json",
        sbom.of_chart(chart.read(package, "Chart.yaml"), chart.read(package, "values.yaml"), _digest(package), created),
    )
    lists = {}
    for name, parts in archives.items():
        for architecture, archive in parts.items():
            file = folder / f"{name}-{architecture}.spdx.json"
            write(file, sbom.of_image(name, archive, created))
            lists[name, architecture] = file
    return {architecture: lists["operator", architecture] for architecture in archives["operator"]}


def write(file: pathlib.Path, document: sbom.Document) -> None:
    """Write a document."""
    file.write_text(json.dumps(document, indent=1) + "\n")


def _plugin(folder: pathlib.Path) -> None:
    """Pack `kubectl vllm`, and write its manifest for Krew with the archive's sum."""
    archive = folder / "kubectl-vllm.tar.gz"
    with tarfile.open(archive, "w:gz") as packed:
        for file in (PLUGIN / "kubectl-vllm", paths.ROOT / "LICENSE"):
            packed.add(file, file.name, filter=_of_nobody)
    manifest = (PLUGIN / "vllm.yaml").read_text().replace("0" * 64, _digest(archive))
    (folder / "vllm.yaml").write_text(manifest.replace(HOME, os.environ.get("HOMEPAGE", HOME)))


def _of_nobody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


def _summed(folder: pathlib.Path) -> pathlib.Path:
    """Return the file with the sums of all others."""
    sums = [f"{_digest(file)}  {file.name}" for file in sorted(folder.iterdir())]
    (folder / SUMS).write_text("\n".join([*sums, ""]))
    return folder / SUMS


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
