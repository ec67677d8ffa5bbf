"""Containerd's store of images, which outlives the cluster: import what is missing, forget what was built anew.

Knows `ctr` and one note beside the store; must not know what an image is for.
"""

import json
import pathlib
import subprocess

from dev import binaries, layout, paths, progress

NOTE = layout.STORE / "imported.json"
"""Image name -> the archive that it came from, whose name changes with its contents."""


def load(archive: pathlib.Path, name: str) -> None:
    """Import a docker or OCI archive that holds the image `name`; what the store already holds is not imported again."""
    imported: dict[str, str] = json.loads(NOTE.read_text()) if NOTE.exists() else {}
    if imported.get(name) == str(archive) and name in _digests():
        return
    gone = [other for other, source in imported.items() if not pathlib.Path(source).exists()]
    with progress.step(f"importing {name}"):
        _forget(gone)
        _ctr("images", "import", "--local", str(archive))
    if name not in _digests():
        raise progress.Failure(
            f"{archive} holds no image named {name}", "give the name under which the image was saved"
        )
    kept = {other: source for other, source in imported.items() if other not in gone}
    progress.write_whole(NOTE, json.dumps({**kept, name: str(archive)}))


def _forget(names: list[str]) -> None:
    """Remove images whose archives are gone, under all their names; containerd then collects their layers."""
    digests = _digests()
    unwanted = {digests[name] for name in names if name in digests}
    same = [name for name, digest in digests.items() if digest in unwanted]
    if same:
        _ctr("images", "remove", *same)


def _digests() -> dict[str, str]:
    """Return each image's digest by its name."""
    rows = (line.split() for line in _ctr("images", "list").splitlines()[1:])
    return {row[0]: row[2] for row in rows}


def _ctr(*arguments: str) -> str:
    command = [binaries.find("ctr"), "--address", str(layout.CONTAINERD_SOCKET), "--namespace", "k8s.io", *arguments]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode == 0:
        return result.stdout
    if "no space left" in result.stderr:
        raise progress.Failure("the disk is full", f"free some space below {paths.CACHE}, then run it again")
    last = "".join(result.stderr.strip().splitlines()[-1:])
    raise progress.Failure(f"`ctr {' '.join(arguments[:2])}` failed ({last})", f"see {layout.log('containerd')}")
