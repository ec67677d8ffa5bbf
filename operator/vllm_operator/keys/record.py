"""How keys are encoded in Secrets, and read back: a client's own record in its Secret, all accepted records in the guard's.

The entries of a client's Secret are names of variables, so that `envFrom` takes them without a complaint, and its pods get no key
but the newest: those that it replaced lie in the guard's Secret, and the client's names their hashes. Whatever else stands in an
entry or an annotation reads as nothing, and costs no other client its record: JSON is read by pydantic, in linear time and to
a bounded depth. Must not decide which key a client has: keys/decision.py does.
"""

import base64
import dataclasses
import json
import re
from collections.abc import Collection, Mapping
from typing import Annotated, Any, NamedTuple, TypeVar

import pydantic

from vllm_operator import api, guard, keys
from vllm_operator.api import access, schema
from vllm_operator.kube import kinds, naming

T = TypeVar("T")
KEY = keys.KEY_ENTRY
PREVIOUS = "PREVIOUS_API_KEYS"
"""What earlier operators wrote into a client's Secret: its replaced keys, and until when (unix seconds) each is accepted."""
NO_PREVIOUS = {PREVIOUS: base64.b64encode(b"[]").decode()}
APPLIED, REVOKED_UNTIL = "keys.json", "revoked-until"
REVOKED = "void.json"
"""What earlier operators wrote in place of `revoked-until`: the same for each client whose Secret could not be deleted."""

FINGERPRINT_ANNOTATION = f"{kinds.GROUP}/key-mark"
VERSION_ANNOTATION = f"{kinds.GROUP}/key-version"
AT_ANNOTATION = f"{kinds.GROUP}/key-changed-at"
REPLACED_ANNOTATION = f"{kinds.GROUP}/replaced-keys"


def _key(text: str) -> str:
    if not guard.is_key(text):
        raise ValueError("not a key")
    return text


def _or_none(value: Any, read: pydantic.ValidatorFunctionWrapHandler) -> Any:
    try:
        return read(value)
    except ValueError:
        return None


Whole = Annotated[int, pydantic.Field(strict=True, ge=0, le=keys.LATEST)]
Key = Annotated[str, pydantic.AfterValidator(_key)]
Client = Annotated[str, pydantic.Field(pattern=f"^{schema.DNS_LABEL}$", max_length=63)]
Replaced = list[tuple[Key, Whole]]
Hash = Annotated[str, pydantic.Field(pattern="^[0-9a-f]{16}$")]
Record = tuple[Key, Whole, Whole, Replaced]
RecordOrNone = Annotated[Record | None, pydantic.WrapValidator(_or_none)]

RECORD = pydantic.TypeAdapter(Record)
REPLACED = pydantic.TypeAdapter(Replaced)
Hashes = Annotated[list[tuple[Hash, Whole]], pydantic.Field(max_length=keys.MOST_PREVIOUS)]
HASHES = pydantic.TypeAdapter(tuple[Whole, Hashes])
RECORDS = pydantic.TypeAdapter(dict[pydantic.OnErrorOmit[Client], RecordOrNone])
MOMENTS = pydantic.TypeAdapter(dict[str, pydantic.OnErrorOmit[Whole]])


class Notes(NamedTuple):
    """What the operator noted in the guard's Secret: `applied`, `unreadable` and `revoked_until` as keys.Observed has them."""

    applied: Mapping[str, keys.Issued]
    unreadable: Collection[str]
    revoked_until: int


def entries(issued: keys.Issued) -> dict[str, str]:
    """Return the entries of a client's Secret that hold its key."""
    return {KEY: issued.key}


def annotations(name: str, issued: keys.Issued) -> dict[str, str]:
    """Return the annotations that make the record of client `name` whole."""
    version = {VERSION_ANNOTATION: str(issued.version)} if issued.version else {}
    hashes = [(keys.digest(one.key), one.until) for one in issued.previous]
    replaced = {REPLACED_ANNOTATION: json.dumps([issued.at, hashes])} if hashes else {}
    mark = keys.fingerprint(name, dataclasses.replace(issued, previous=()))
    return {**version, **replaced, AT_ANNOTATION: api.moment(issued.at), FINGERPRINT_ANNOTATION: mark}


def stored(secret: kinds.Object) -> keys.Stored:
    """Return what a client's Secret stores."""
    found = secret["metadata"].get("annotations") or {}
    issued = _stored(secret, found)
    return keys.Stored(issued, str(found.get(FINGERPRINT_ANNOTATION, "")), _replaced(issued, found))


def noted(issued: Mapping[str, keys.Issued], revoked_until: int) -> dict[str, str]:
    """Return the entries of the guard's Secret that are the operator's alone, from which `notes` reads them."""
    records = {name: _fields(one) for name, one in issued.items()}
    return {APPLIED: json.dumps(records, sort_keys=True), REVOKED_UNTIL: str(revoked_until)}


def notes(secret: kinds.Object | None, listed: Collection[str]) -> Notes:
    """Return what is noted in the guard's Secret; if it is unreadable as a whole, so is each client `listed`."""
    if secret is None:
        return Notes({}, (), 0)
    records = _read(RECORDS, decoded(secret, APPLIED))
    found = dict.fromkeys(listed) if records is None or len(records) > access.MOST_CLIENTS else records
    applied = {name: _issued(one) for name, one in found.items() if one is not None}
    revoked_until = _number(decoded(secret, REVOKED_UNTIL))
    if revoked_until is None:
        earlier = _read(MOMENTS, decoded(secret, REVOKED)) or {}
        revoked_until = max((0, *earlier.values(), *(one.at for one in applied.values())))
    return Notes(applied, found.keys() - applied.keys(), revoked_until)


def key(secret: kinds.Object | None) -> str:
    """Return the key that a Secret holds; "" where there is none."""
    return decoded(secret, KEY) if secret else ""


def guard_version(secret: kinds.Object | None) -> str:
    """Return which configuration the guard's Secret holds, as guards name it; "" where there is none yet."""
    found = (secret or {"metadata": {}})["metadata"].get("annotations") or {}
    return str(found.get(naming.GUARD_VERSION_ANNOTATION, ""))


def decoded(secret: kinds.Object, entry: str) -> str:
    """Return an entry of a Secret as text; "" where it is missing or is no text."""
    try:
        return base64.b64decode((secret.get("data") or {}).get(entry, ""), validate=True).decode()
    except ValueError:
        return ""


def _issued(record: Record) -> keys.Issued:
    key, version, at, previous = record
    return keys.Issued(key, version, at, tuple(keys.Previous(*one) for one in previous))


def _fields(issued: keys.Issued) -> list[Any]:
    return [issued.key, issued.version, issued.at, [(one.key, one.until) for one in issued.previous]]


def _stored(secret: kinds.Object, annotations: Mapping[str, str]) -> keys.Issued | None:
    """Return the record in a client's Secret; one that lost its annotations has version 0 and moment 0."""
    is_there = (secret.get("data") or {}).get(PREVIOUS)  # what is too long to be kept is no text
    fields = (
        decoded(secret, KEY),
        _number(annotations.get(VERSION_ANNOTATION, "0")),
        _moment(annotations.get(AT_ANNOTATION, api.moment(0))),
        _read(REPLACED, decoded(secret, PREVIOUS)) if is_there else [],
    )
    try:
        return _issued(RECORD.validate_python(fields))
    except ValueError:
        return None


def _replaced(issued: keys.Issued | None, annotations: Mapping[str, str]) -> tuple[tuple[str, int], ...]:
    """Return the hashes of the keys that a record replaced; those of another record, from a backup, count for nothing."""
    at, hashes = _read(HASHES, annotations.get(REPLACED_ANNOTATION, "")) or (0, [])
    return tuple(hashes) if issued and at == issued.at else ()


def _read(shape: pydantic.TypeAdapter[T], text: str) -> T | None:
    try:
        return shape.validate_json(text)
    except ValueError:
        return None


def _number(text: str) -> int | None:
    """Return a whole number that the operator wrote."""
    number = int(text) if re.fullmatch("[0-9]{1,12}", text) else keys.LATEST + 1
    return number if number <= keys.LATEST else None


def _moment(text: str) -> int | None:
    """Return the unix seconds of a moment that the operator wrote."""
    try:
        at = api.unix(text)
        return at if api.moment(at) == text else None
    except (ValueError, OverflowError):
        return None
