"""An image whose `vllm` is a Python program of ours: the operator's image with one more layer, which needs no build."""

import hashlib
import io
import json
import pathlib
import tarfile

from dev import images

PLACE = "usr/local/bin/vllm"


def reference(program: pathlib.Path) -> str:
    """Return the name of the image, whose tag changes with its contents."""
    key = hashlib.sha256(images.key("operator").encode() + program.read_bytes()).hexdigest()[: images.KEY]
    return f"{images.PREFIX}/scripted:{key}"


def write(program: pathlib.Path, archive: pathlib.Path) -> None:
    """Write a docker archive of the image."""
    layer = _layer(program.read_bytes())
    with tarfile.open(images.build("operator")) as base, tarfile.open(archive, "w") as made:
        (manifest,) = json.load(_file(base, "manifest.json"))
        config = json.load(_file(base, manifest["Config"]))
        for name in dict.fromkeys(manifest["Layers"]):
            made.addfile(base.getmember(name), _file(base, name))
        config["rootfs"]["diff_ids"].append(f"sha256:{hashlib.sha256(layer).hexdigest()}")
        config.get("history", []).append({"created_by": "tests/bench/engine_image.py"})
        layers = [*manifest["Layers"], "scripted.tar"]
        whole = [{"Config": "scripted.json", "RepoTags": [reference(program)], "Layers": layers}]
        for name, content in (
            ("scripted.tar", layer),
            ("scripted.json", json.dumps(config).encode()),
            ("manifest.json", json.dumps(whole).encode()),
        ):
            made.addfile(_member(name, content), io.BytesIO(content))


def _layer(content: bytes) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as layer:
        layer.addfile(_member(PLACE, content, 0o755), io.BytesIO(content))
    return packed.getvalue()


def _member(name: str, content: bytes, mode: int = 0o644) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(content), mode
    return member


def _file(archive: tarfile.TarFile, name: str) -> io.BufferedReader:
    found = archive.extractfile(name)
    assert found is not None
    return found  # type: ignore[return-value] - a member that is a file
