"""`make release`: what a release consists of, made and listed, and nothing published: chart, lists of what is in each part, sums.

Knows the order of the steps and where things lie; sbom.py knows what is written of each part.
"""

import datetime as dt
import hashlib
import json
import pathlib
import shutil
import subprocess

from dev import binaries, images, paths, progress, sbom

CHART = paths.ROOT / "charts" / "vllm-operator"
FOLDER = paths.ARTIFACTS / "release"


def main(folder: pathlib.Path = FOLDER) -> None:
    """Make what a release consists of in `folder`, anew. Raises `steps.Failure`."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    archives = {name: images.build(name) for name in images.names()}
    created = _moment()
    with progress.step("packing the chart and listing what is in it and in the images"):
        chart = _packed(folder)
        write(folder / f"{CHART.name}-chart.spdx.json", sbom.of_chart(CHART, _digest(chart), created))
        for name, archive in archives.items():
            write(folder / f"{name}.spdx.json", sbom.of_image(name, archive, created))
    sums = [f"{_digest(file)}  {file.name}" for file in sorted(folder.iterdir())]
    (folder / "SHA256SUMS").write_text("\n".join([*sums, ""]))
    progress.say("\n".join([*sums, f"kept in {folder}; nothing was published"]))


def write(file: pathlib.Path, document: sbom.Document) -> None:
    """Write a document."""
    file.write_text(json.dumps(document, indent=1) + "\n")


def _packed(folder: pathlib.Path) -> pathlib.Path:
    """Return the chart's package."""
    helm = binaries.directory("helm") / "helm"
    command = [str(helm), "package", str(CHART), "--destination", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=binaries.environment())
    if done.returncode:
        raise progress.Failure(f"the chart cannot be packed: {done.stderr.strip()[-300:]}", "correct the chart")
    (found,) = folder.glob("*.tgz")
    return found


def _moment() -> str:
    """Return the moment of the commit that is released, so that the same commit gives the same documents."""
    command = ["git", "-C", str(paths.ROOT), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise progress.Failure("this is no clone of the repository, so there is no commit to date it by", "clone it")
    moment = dt.datetime.fromtimestamp(int(done.stdout), dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def _digest(file: pathlib.Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
