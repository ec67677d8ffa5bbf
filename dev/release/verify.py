"""A release as its users get it: pulled from a registry, its signatures, digests and platforms compared with what was made.

`python -m dev.release.verify REGISTRY VERSION PUBLIC_KEY` (`make verify-release`) asks a registry of anybody's.
"""

import pathlib
import sys
import tempfile
from typing import Any

import yaml

from dev import images, progress
from dev.release import artifacts, signing, tools

NAME = "vllm-operator"
CHARTS = "charts"
NOTHING = ("--namespace", NAME, "--kube-version", "1.37.0")


def registry(address: str, version: str, public: pathlib.Path) -> list[str]:
    """Return what was verified of a version, a line each. Raises `progress.Failure` at the first that does not hold."""
    chart = f"{address}/{CHARTS}/{NAME}"
    signing.verify(f"{chart}:{version}", public)
    with tempfile.TemporaryDirectory() as folder:
        package = artifacts.pull_chart(chart, version, pathlib.Path(folder))
        image = image_of(package)
    signing.verify(image, public)
    signing.verify(f"{image.partition('@')[0]}@{_same(image)}", public)
    architectures = parts(image)
    for digest in architectures.values():
        part = f"{_repository(image)}@{digest}"
        signing.verify(part, public)
        signing.attested(part, public)
        tools.run("crane", "validate", "--remote", part)
    return [
        f"chart {chart}:{version}, signed",
        f"image {image}, signed",
        f"its parts: {', '.join(sorted(architectures))}",
    ]


def parts(image: str) -> dict[str, str]:
    """Return architecture -> digest of an image. Raises `progress.Failure` where it lacks one that is published."""
    found = artifacts.platforms(image)
    missing = set(images.ARCHITECTURES["operator"]) - found.keys()
    if missing:
        raise progress.Failure(f"{image} is not there for {', '.join(sorted(missing))}", "release anew")
    return found


def image_of(package: pathlib.Path) -> str:
    """Return the operator's image as the chart of a package names it, rendered with nothing but its own values."""
    rendered = tools.run("helm", "template", NAME, str(package), *NOTHING)
    return next(_image(one) for one in yaml.load_all(rendered, yaml.CSafeLoader) if one and one["kind"] == "Deployment")


def _image(deployment: dict[str, Any]) -> str:
    return str(deployment["spec"]["template"]["spec"]["containers"][0]["image"])


def _same(image: str) -> str:
    """Return the digest of an image's tag, which must be the one beside it."""
    tagged, _, digest = image.partition("@")
    found = artifacts.digest_of(tagged)
    if found != digest:
        raise progress.Failure(f"{tagged} is {found}, and the chart names {digest or 'no digest'}", "release anew")
    return found


def _repository(image: str) -> str:
    return image.partition("@")[0].rpartition(":")[0]


def main(arguments: list[str]) -> int:
    """Verify a version in a registry."""
    address, version, public = arguments
    progress.say("\n".join(registry(address, version, pathlib.Path(public))))
    return 0


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
