"""Signatures by cosign with a key of one's own: of files, of what lies in a registry, and of lists of what is in it.

One kind of signature for images, chart and files: Helm's own (.prov) would need GnuPG and a keyring beside. Nothing is sent to a
public log of signatures, so who verifies needs the public key alone.
"""

import base64
import json
import pathlib
from typing import Any, NamedTuple

from dev import progress
from dev.release import tools

PRIVATE, PUBLIC = "cosign.key", "cosign.pub"
BUNDLE = ".sigstore.json"
OFFLINE = ("--use-signing-config=false", "--tlog-upload=false")
UNLOGGED = ("--insecure-ignore-tlog=true",)


class Key(NamedTuple):
    """A key pair as cosign writes it; `password` opens the private one."""

    private: pathlib.Path
    public: pathlib.Path
    password: str = ""


def local(folder: pathlib.Path) -> Key:
    """Return the key pair of a directory, made now if there is none: for dry runs."""
    key = Key(folder / PRIVATE, folder / PUBLIC)
    if not key.private.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        prefix = str(folder / pathlib.Path(PRIVATE).stem)
        tools.run("cosign", "generate-key-pair", "--output-key-prefix", prefix, password=key.password)
    return key


def named(private: pathlib.Path, password: str, folder: pathlib.Path) -> Key:
    """Return a key that the user has; its public half is written to `folder`."""
    if not private.is_file():
        raise progress.Failure(f"there is no key {private}", "name the private key by COSIGN_KEY")
    public = folder / PUBLIC
    tools.run("cosign", "public-key", "--key", str(private), "--outfile", str(public), password=password)
    return Key(private, public, password)


def sign(reference: str, key: Key) -> None:
    """Sign what lies in a registry under a digest, with all that an index lists."""
    tools.run("cosign", "sign", "--yes", "--recursive", *_with(key), reference, password=key.password)


def attest(reference: str, document: pathlib.Path, key: Key) -> None:
    """Sign an SPDX document and put it beside the image that it describes."""
    words = ("--type", "spdxjson", "--predicate", str(document))
    tools.run("cosign", "attest", "--yes", *words, *_with(key), reference, password=key.password)


def sign_file(file: pathlib.Path, key: Key) -> pathlib.Path:
    """Return the signature of a file, which lies beside it."""
    bundle = file.with_name(f"{file.name}{BUNDLE}")
    tools.run("cosign", "sign-blob", "--yes", *_with(key), "--bundle", str(bundle), str(file), password=key.password)
    return bundle


def verify(reference: str, public: pathlib.Path) -> None:
    """See that what a registry has under a reference was signed. Raises `progress.Failure`."""
    tools.run("cosign", "verify", "--key", str(public), *UNLOGGED, reference)


def attested(reference: str, public: pathlib.Path) -> dict[str, Any]:
    """Return the signed SPDX document beside an image. Raises `progress.Failure` where there is none."""
    words = ("--key", str(public), "--type", "spdxjson", *UNLOGGED)
    envelope = json.loads(tools.run("cosign", "verify-attestation", *words, reference).splitlines()[0])
    found: dict[str, Any] = json.loads(base64.b64decode(envelope["payload"]))["predicate"]
    return found


def verify_file(file: pathlib.Path, bundle: pathlib.Path, public: pathlib.Path) -> None:
    """See that a file was signed. Raises `progress.Failure`."""
    tools.run("cosign", "verify-blob", "--key", str(public), "--bundle", str(bundle), *UNLOGGED, str(file))


def _with(key: Key) -> tuple[str, ...]:
    return ("--key", str(key.private), *OFFLINE)
