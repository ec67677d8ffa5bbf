"""What a release puts into a registry: images of several architectures under one index, and the chart. Knows crane and helm."""

import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any, NamedTuple, TypeVar

from dev.release import tools

DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
LOOPBACK = "127.0.0.1:"
Key = TypeVar("Key")


class Pushed(NamedTuple):
    """One artifact in a registry; `parts`: architecture -> digest, of an index alone."""

    repository: str
    tag: str
    digest: str
    parts: Mapping[str, str]

    def pinned(self) -> str:
        """Return the reference that cannot change."""
        return f"{self.repository}@{self.digest}"


def push_image(repository: str, tag: str, archives: Mapping[str, pathlib.Path]) -> Pushed:
    """Push one image, architecture -> docker archive, and the index that has them all under the tag."""
    parts = {name: _push(archive, f"{repository}:{tag}-{name}") for name, archive in archives.items()}
    named = [word for digest in parts.values() for word in ("--manifest", f"{repository}@{digest}")]
    tools.run("crane", "index", "append", "--tag", f"{repository}:{tag}", *named)
    return Pushed(repository, tag, digest_of(f"{repository}:{tag}"), parts)


def push_chart(package: pathlib.Path, parent: str, name: str, tag: str) -> Pushed:
    """Push a chart's package below `parent`; Helm names its repository and its tag by name and version."""
    tools.run("helm", "push", str(package), f"oci://{parent}", *plain(parent))
    return Pushed(f"{parent}/{name}", tag, digest_of(f"{parent}/{name}:{tag}"), {})


def pull_chart(chart: str, version: str, folder: pathlib.Path) -> pathlib.Path:
    """Return the chart's package, as a user of the registry gets it."""
    tools.run("helm", "pull", f"oci://{chart}", "--version", version, "--destination", str(folder), *plain(chart))
    (found,) = folder.glob("*.tgz")
    return found


def digest_of(reference: str) -> str:
    """Return the digest of what a registry has under a reference."""
    return tools.run("crane", "digest", reference)


def by_digest(references: Mapping[Key, str]) -> dict[Key, str]:
    """Return the references with the digests that their registries have now; one that has a digest stays."""
    return {key: one if "@" in one else f"{one}@{digest_of(one)}" for key, one in references.items()}


def platforms(reference: str) -> dict[str, str]:
    """Return architecture -> digest of what an index lists; nothing for what is no index."""
    listed: list[dict[str, Any]] = json.loads(tools.run("crane", "manifest", reference)).get("manifests", [])
    return {one["platform"]["architecture"]: one["digest"] for one in listed}


def plain(reference: str) -> list[str]:
    """Return Helm's option for a registry without TLS, which is one on loopback alone; crane and cosign see it themselves."""
    return ["--plain-http"] if reference.startswith(LOOPBACK) else []


def _push(archive: pathlib.Path, reference: str) -> str:
    return tools.run("crane", "push", str(archive), reference).rpartition("@")[2]
