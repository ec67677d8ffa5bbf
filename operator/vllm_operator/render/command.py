"""`render FILE...`: files and standard input -> objects on standard output, faults on standard error, an exit status.

0: every model was rendered; 1: one was refused, or something of it is not written; 2: a file cannot be read, or holds no model.
"""

import argparse
import os
import pathlib
import sys
from typing import Any

import pydantic
import pydantic_settings

from vllm_operator import config
from vllm_operator.render import chart, documents, manifest, objects, text

RENDERED, REFUSED, UNREADABLE = 0, 1, 2
STDIN = "-"


def main(chosen: argparse.Namespace) -> int:
    """Render the files; return the exit status."""
    try:
        settings = _settings(chosen.values)
        return max(_of_file(name, chosen.namespace, settings) for name in chosen.files)
    except chart.Refused as error:
        _say(chosen.values or "environment", str(error))
        return UNREADABLE
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would complain as it ends
        return UNREADABLE


def _settings(values: str | None) -> config.Config:
    if values is None:
        return _of_environment()
    try:
        found = documents.documents(_content(values))
    except (OSError, documents.Unreadable) as error:
        raise chart.Refused(_reason(error)) from None
    return chart.settings(found[0] if found else None)


def _of_environment() -> config.Config:
    try:
        return config.Config()
    except (pydantic.ValidationError, pydantic_settings.SettingsError) as error:
        raise chart.Refused(f"a variable VLLM_OPERATOR_* is wrong: {error}") from None


def _of_file(name: str, namespace: str, settings: config.Config) -> int:
    try:
        found = [item for one in documents.documents(_content(name)) for item in manifest.items(one)]
    except (OSError, documents.Unreadable) as error:
        _say(name, _reason(error))
        return UNREADABLE
    models = [one for one in found if manifest.is_model(one)]
    others = sorted({_kind(one) for one in found if not manifest.is_model(one)})
    if others and models:
        _say(name, f"left out: {', '.join(others)}")
    if not models:
        _say(name, f"holds no {manifest.KIND.kind}, but {', '.join(others) or 'nothing'}")
        return UNREADABLE
    return max(_of_model(name, one, namespace, settings) for one in models)


def _of_model(file: str, document: Any, namespace: str, settings: config.Config) -> int:
    try:
        found = objects.rendered(manifest.model(document, namespace), settings)
    except manifest.Refused as error:
        _say(f"{file}: {_name(document)}", *error.faults)
        return REFUSED
    text.comment(sys.stdout, found.notes)
    text.write(sys.stdout, *found.objects)
    _say(f"{file}: {_name(document)}", *found.errors)
    return REFUSED if found.errors else RENDERED


def _content(name: str) -> bytes:
    """Return what a file holds, up to a byte more than is read."""
    if name == STDIN:
        return sys.stdin.buffer.read(documents.LONGEST + 1)
    with pathlib.Path(name).open("rb") as file:
        return file.read(documents.LONGEST + 1)


def _say(where: str, *faults: str) -> None:
    sys.stderr.writelines(f"{text.printable(f'{where}: {fault}')}\n" for fault in faults)


def _reason(error: OSError | documents.Unreadable) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def _kind(document: Any) -> str:
    kind = document.get("kind") if isinstance(document, dict) else None
    return text.shown(kind) if kind else "a document without a kind"


def _name(document: Any) -> str:
    metadata = document.get("metadata")
    return text.shown(metadata.get("name", "") if isinstance(metadata, dict) else "")
