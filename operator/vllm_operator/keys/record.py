"""How keys lie in Secrets, written and read back: a client's own record in its Secret, all that are accepted in the guard's.

The entries of a client's Secret are names of variables, so that `envFrom` takes them without a complaint. What is garbled reads
as nothing. Must not decide which key a client has: keys/decision.py does.
"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from vllm_operator import api, guard, keys
from vllm_operator.kube import kinds, naming

KEY = keys.KEY_ENTRY
PREVIOUS = "PREVIOUS_API_KEYS"
ACCEPTED, VOID = "keys.json", "void.json"
MARK_ANNOTATION = f"{kinds.GROUP}/key-mark"
VERSION_ANNOTATION = f"{kinds.GROUP}/key-version"
AT_ANNOTATION = f"{kinds.GROUP}/key-changed-at"


def entries(issued: keys.Issued) -> dict[str, str]:
    """Return the entries of a client's Secret that hold its keys: a list of (key, unix seconds) for those that were replaced."""
    previous = [(one.key, one.until) for one in issued.previous]
    return {KEY: issued.key, **({PREVIOUS: json.dumps(previous)} if previous else {})}


def annotations(name: str, issued: keys.Issued) -> dict[str, str]:
    """Return the annotations that make the record of client `name` whole."""
    version = {VERSION_ANNOTATION: str(issued.version)} if issued.version else {}
    return {**version, AT_ANNOTATION: api.moment(issued.at), MARK_ANNOTATION: keys.mark(name, issued)}


def held(secret: kinds.Object) -> keys.Held:
    """Return what a client's Secret holds."""
    found = secret["metadata"].get("annotations") or {}
    previous = decoded(secret, PREVIOUS)
    try:
        issued = _issued(
            decoded(secret, KEY),
            found.get(VERSION_ANNOTATION, 0),
            api.unix(found[AT_ANNOTATION]) if AT_ANNOTATION in found else 0,
            json.loads(previous) if previous else (),
        )
    except (ValueError, TypeError):
        issued = None
    return keys.Held(issued, found.get(MARK_ANNOTATION, ""))


def noted(issued: Mapping[str, keys.Issued], void: Mapping[str, int]) -> dict[str, str]:
    """Return the entries of the guard's Secret that are the operator's alone: what is accepted, and what never will be again."""
    accepted = json.dumps({name: _record(one) for name, one in issued.items()}, sort_keys=True)
    return {ACCEPTED: accepted, **({VOID: json.dumps(void, sort_keys=True)} if void else {})}


def accepted(secret: kinds.Object | None) -> dict[str, keys.Issued]:
    """Return the records that the guard's Secret holds."""
    try:
        found = json.loads(decoded(secret, ACCEPTED)) if secret else {}
        return {name: _issued(*record) for name, record in found.items()}
    except (ValueError, TypeError, AttributeError):
        return {}


def void(secret: kinds.Object | None) -> dict[str, int]:
    """Return up to which `at` the records of those are void whose Secret could not be deleted."""
    try:
        return {name: int(at) for name, at in json.loads(decoded(secret, VOID)).items()} if secret else {}
    except (ValueError, TypeError, AttributeError):
        return {}


def key(secret: kinds.Object | None) -> str:
    """Return the key that a Secret holds; "" where there is none."""
    return decoded(secret, KEY) if secret else ""


def guard_version(secret: kinds.Object | None) -> str:
    """Return which configuration the guard's Secret holds, as guards name it; "" where there is none yet."""
    found = (secret or {"metadata": {}})["metadata"].get("annotations") or {}
    return str(found.get(naming.GUARD_VERSION_ANNOTATION, ""))


def decoded(secret: kinds.Object, entry: str) -> str:
    """Return an entry of a Secret as text; "" where it is missing or garbled."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(entry, ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _record(issued: keys.Issued) -> list[Any]:
    return [issued.key, issued.version, issued.at, [(one.key, one.until) for one in issued.previous]]


def _issued(key: str, version: Any, at: Any, previous: Any) -> keys.Issued:
    """Return a record; raise ValueError or TypeError where it cannot be one."""
    kept = tuple(keys.Previous(str(old), int(until)) for old, until in previous)
    if not all(guard.is_key(one) for one in (key, *(old.key for old in kept))):
        raise ValueError("not a key")
    return keys.Issued(key, int(version), int(at), kept)
