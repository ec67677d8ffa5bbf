"""What is in an image or in the chart, as SPDX 2.3: read from what the package managers left in the image, and from values.yaml.

Debian packages leave their control data in var/lib/dpkg/status.d (images/base/distill.sh), Python's a METADATA; both are headers
as mails have them. Of the scanners none that the package registries carry is kept, and one would read the same files.
"""

import email.message
import email.parser
import pathlib
import re
import urllib.parse
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from dev import image_archive

Document = dict[str, object]

UNKNOWN = "NOASSERTION"
DOCUMENT, ROOT = "SPDXRef-DOCUMENT", "SPDXRef-root"
NAMESPACE = "https://serving.byteshop.in/spdx"


class Package(NamedTuple):
    """One package: `purl` names it for others, `license` is an expression of SPDX or NOASSERTION."""

    name: str
    version: str
    purl: str
    license: str = UNKNOWN


def of_image(name: str, archive: pathlib.Path, created: str) -> Document:
    """Return the document of the image in a docker archive; `created`: RFC 3339, in UTC."""
    digest = image_archive.identity(archive)
    root = Package(name, digest, f"pkg:oci/{name}@sha256%3A{digest}")
    return _document(root, digest, sorted(set(packages(archive))), created)


def of_chart(about: Mapping[str, Any], values: Mapping[str, Any], digest: str, created: str) -> Document:
    """Return the document of a chart: what Chart.yaml and values.yaml hold, and the SHA-256 digest of its package.

    It contains the images that its values name.
    """
    own = values["image"]
    named = f"{own['repository']}:{own['tag']}@{own['digest']}" if own["repository"] else ""
    images = [image for image in (named, *values["engine"]["images"].values(), values["guard"]["image"]) if image]
    root = Package(about["name"], about["version"], f"pkg:helm/{about['name']}@{about['version']}")
    return _document(root, digest, [_image(one) for one in sorted(images)], created)


def packages(archive: pathlib.Path) -> Iterator[Package]:
    """Yield the packages whose data lie in an image, each as often as it does."""
    for path, content in image_archive.files(archive, lambda path: _reader(path) is not None):
        read = _reader(path)
        if read is not None:
            yield read(email.parser.BytesHeaderParser().parsebytes(content))


def _reader(path: str) -> "Callable[[email.message.Message], Package] | None":
    """Return what reads the file of that path, None where it is no data of a package manager."""
    found = (read for pattern, read in READERS.items() if re.fullmatch(pattern, path))
    return next(found, None)


def _debian(fields: email.message.Message) -> Package:
    name, version = fields["Package"], fields["Version"]
    quoted = urllib.parse.quote(version, safe="")
    return Package(name, version, f"pkg:deb/debian/{name}@{quoted}?arch={fields['Architecture']}")


def _python(fields: email.message.Message) -> Package:
    name, version = fields["Name"], fields["Version"]
    normal, quoted = re.sub("[-_.]+", "-", name).lower(), urllib.parse.quote(version, safe="")
    return Package(name, version, f"pkg:pypi/{normal}@{quoted}", fields.get("License-Expression", UNKNOWN))


READERS = {r"var/lib/dpkg/status\.d/[^/]+": _debian, r"(?:.+/)?[^/]+\.dist-info/METADATA": _python}


def _image(reference: str) -> Package:
    named, _, digest = reference.partition("@")
    folder, slash, last = named.rpartition("/")
    name, _, tag = last.partition(":")
    repository, version = f"{folder}{slash}{name}", digest or tag
    return Package(repository, version, f"pkg:docker/{repository}@{urllib.parse.quote(version, safe='')}")


def _document(root: Package, digest: str, parts: Sequence[Package], created: str) -> Document:
    """Return the document of what `root` contains; `digest` is its own, and makes the document's name unique."""
    ids = {part: f"SPDXRef-{number}" for number, part in enumerate(parts, 1)}
    described = {**_package(root, ROOT), "checksums": [{"algorithm": "SHA256", "checksumValue": digest}]}
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": DOCUMENT,
        "name": root.name,
        "documentNamespace": f"{NAMESPACE}/{root.name}-{digest}",
        "creationInfo": {"created": created, "creators": ["Tool: vllm-operator-dev-sbom"]},
        "packages": [described, *(_package(part, ids[part]) for part in parts)],
        "relationships": [
            _related(DOCUMENT, "DESCRIBES", ROOT),
            *(_related(ROOT, "CONTAINS", ids[part]) for part in parts),
        ],
    }


def _package(one: Package, identity: str) -> Document:
    reference = {
        "referenceCategory": "PACKAGE-MANAGER",
        "referenceType": "purl",
        "referenceLocator": one.purl,
    }
    return {
        "SPDXID": identity,
        "name": one.name,
        "versionInfo": one.version,
        "downloadLocation": UNKNOWN,
        "filesAnalyzed": False,
        "licenseConcluded": UNKNOWN,
        "licenseDeclared": one.license,
        "copyrightText": UNKNOWN,
        "externalRefs": [reference],
    }


def _related(one: str, how: str, other: str) -> Document:
    return {"spdxElementId": one, "relationshipType": how, "relatedSpdxElement": other}
