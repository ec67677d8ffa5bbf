"""What is listed of an image and of the chart: the packages that their managers know, in the form that SPDX 2.3 asks for."""

import io
import json
import pathlib
import re
import tarfile
from collections.abc import Mapping
from typing import Any

import yaml

from dev import image_archive, sbom
from dev.release import chart

NOW = "2026-01-01T00:00:00Z"
CONFIG = "c" * 64
DEBIAN = "Package: libc6\nArchitecture: amd64\nVersion: 1:2.36-9+deb12u1\nDescription: C\n library\n"
PYTHON = "Metadata-Version: 2.4\nName: Typing_Extensions\nVersion: 4.16.0\nLicense-Expression: PSF-2.0\n\nText: of it\n"
FILES = {
    "var/lib/dpkg/status.d/libc6": DEBIAN,
    "opt/x/typing_extensions-4.16.0.dist-info/METADATA": PYTHON,
    "usr/share/doc/METADATA": "Name: none\n",
}


def packed(files: Mapping[str, bytes], modes: Mapping[str, int] | None = None) -> bytes:
    """An archive of these files."""
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), (modes or {}).get(name, 0o644)
            archive.addfile(member, io.BytesIO(content))
    return made.getvalue()


def image(folder: pathlib.Path, files: Mapping[str, str]) -> pathlib.Path:
    """A docker archive with one layer."""
    layer = packed({name: text.encode() for name, text in files.items()})
    manifest = json.dumps([{"Config": f"{CONFIG}.json", "Layers": ["layer.tar"]}]).encode()
    whole = folder / "image.tar"
    whole.write_bytes(packed({"layer.tar": layer, "manifest.json": manifest}))
    return whole


def listed(document: sbom.Document) -> dict[str, Any]:
    """The packages of a document, by name."""
    packages: Any = document["packages"]
    return {one["name"]: one for one in packages}


def check(document: Any) -> None:
    """See that the document has what SPDX 2.3 demands, and that its parts belong together."""
    identities = {document["SPDXID"], *(one["SPDXID"] for one in document["packages"])}
    assert document["spdxVersion"] == "SPDX-2.3"
    assert document["dataLicense"] == "CC0-1.0"
    assert {"name", "documentNamespace"} <= document.keys()
    assert {"created", "creators"} == document["creationInfo"].keys()
    assert len(identities) == len(document["packages"]) + 1
    assert all(re.fullmatch(r"SPDXRef-[A-Za-z0-9.-]+", one) for one in identities)
    for one in document["packages"]:
        assert {"name", "downloadLocation", "filesAnalyzed"} <= one.keys()
    ends = {one[end] for one in document["relationships"] for end in ("spdxElementId", "relatedSpdxElement")}
    assert ends == identities


def test_an_image_lists_what_its_package_managers_know(tmp_path: pathlib.Path) -> None:
    document = sbom.of_image("operator", image(tmp_path, FILES), NOW)
    check(document)
    found = listed(document)
    assert found.keys() == {"operator", "libc6", "Typing_Extensions"}
    assert found["operator"]["checksums"] == [{"algorithm": "SHA256", "checksumValue": CONFIG}]
    assert found["Typing_Extensions"]["licenseDeclared"] == "PSF-2.0"
    assert [one["externalRefs"][0]["referenceLocator"] for one in found.values()][1:] == [
        "pkg:pypi/typing-extensions@4.16.0",
        "pkg:deb/debian/libc6@1%3A2.36-9%2Bdeb12u1?arch=amd64",
    ]


def test_the_same_image_gives_the_same_document(tmp_path: pathlib.Path) -> None:
    turned = dict(reversed(FILES.items()))
    (tmp_path / "other").mkdir()
    one, other = image(tmp_path, FILES), image(tmp_path / "other", turned)
    assert sbom.of_image("operator", one, NOW) == sbom.of_image("operator", other, NOW)
    assert image_archive.identity(one) == CONFIG


def test_the_chart_lists_the_images_that_its_values_name() -> None:
    about, values = (
        {"name": "chart", "version": "1.0.0"},
        yaml.safe_load((chart.DIRECTORY / "values.yaml").read_text()),
    )
    own = {"repository": "example.com:5000/vllm-operator", "tag": "1", "digest": f"sha256:{'e' * 64}"}
    document = sbom.of_chart(about, {**values, "image": own}, "d" * 64, NOW)
    check(document)
    found = listed(document)
    assert {"chart", "envoyproxy/envoy", "vllm/vllm-openai"} <= found.keys()
    assert found["example.com:5000/vllm-operator"]["versionInfo"] == own["digest"]
    assert all(one["versionInfo"] for one in listed(document).values())
