"""What is compared of two runs once nothing happens any more: the objects, and what had become of them meanwhile.

Left out is what differs between any two runs: uids, versions, moments, and the random keys, in whose place stands whose key it
is. A key that is no client's, of today or replaced, stands as it is, and so makes a difference.
"""

import base64
import difflib
import json
import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from tests import fake_apiserver
from tests.chaos import machinery
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming

LEFT_OUT = {"Lease", "Event", "Pod", "ReplicaSet"}
COUNTED = {"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "deletionTimestamp"}
HASHES = {
    naming.ADOPT_ANNOTATION, naming.HASH_ANNOTATION, naming.FETCH_ANNOTATION, naming.GUARD_VERSION_ANNOTATION,
    record.FINGERPRINT_ANNOTATION, record.AT_ANNOTATION, record.REPLACED_ANNOTATION,
}  # fmt: skip
KEY = re.compile(r"sk-[A-Za-z0-9_-]{32,128}")
BEGINNING, END = len("sk-") + 4, 4
"""The characters of a key by which guards look it up; those of all keys stand in two lists, in their order."""
LOOKED_UP = re.compile(r"\(\?:([^)]*)\)\[A-Za-z0-9_-\]\*\(\?:([^)]*)\)")
MOMENT = re.compile(r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ|\b1[78]\d{8}\b")
OUTAGE = re.compile(r"; nothing answered for [^\"]*")  # seen only by an operator that was there
VERSION = re.compile(r'("version_info": ?)"[^"]*"')


class Rest(NamedTuple):
    """What is there at rest.

    `objects`: all, as text by reference; `templates`: the pod templates that each Deployment had, in order; `keys`: how many keys
    each client's Secret held in turn; `pods`: how many were started.
    """

    objects: dict[str, str]
    templates: dict[str, tuple[str, ...]]
    keys: dict[str, int]
    pods: int


def rest(cluster: fake_apiserver.FakeCluster, started: int) -> Rest:
    """Return what is there."""
    return Rest(texts(cluster.objects.values()), templates(cluster), _keys(cluster), started)


def texts(objects: Collection[kinds.Object]) -> dict[str, str]:
    """Return objects as text, by reference."""
    keys = _names(objects)
    names = {**_owners(objects), **keys}
    return {
        str(kinds.ref(one)): LOOKED_UP.sub(lambda listed: _looked_up(listed, keys), _text(one, names))
        for one in objects
        if one["kind"] not in LEFT_OUT
    }


def _looked_up(listed: re.Match[str], keys: dict[str, str]) -> str:
    """Return whose keys have these beginnings and these ends."""
    whose = {
        **{key[:BEGINNING]: f"<beginning of {name}>" for key, name in keys.items() if key},
        **{key[-END:]: f"<end of {name}>" for key, name in keys.items() if key},
    }
    return "".join(sorted(whose.get(one, one) for part in listed.groups() for one in part.split("|")))


def differences(found: dict[str, str], expected: dict[str, str]) -> Iterator[str]:
    """Yield in what objects differ, one text for each object."""
    for ref in sorted(found.keys() | expected.keys()):
        lines = (one.get(ref, "").splitlines() for one in (expected, found))
        if differing := list(difflib.unified_diff(*lines, "expected", "found", lineterm="", n=2)):
            yield "\n".join([f"{ref} differs:", *differing])


def templates(cluster: fake_apiserver.FakeCluster) -> dict[str, tuple[str, ...]]:
    """Return the pod templates of each Deployment by hash, in the order in which it had them."""
    return {
        name: tuple(_runs(machinery.hashed(one["spec"]["template"]) for one in had))
        for name, had in _lives(cluster, "Deployment").items()
    }


def returned(cluster: fake_apiserver.FakeCluster) -> list[str]:
    """Return the guards' Secrets that accepted a key again after they had stopped to."""
    found = []
    for name, lives in _lives(cluster, "Secret").items():
        accepted = [_accepted(one) for one in lives] if name.endswith(".guard") else []
        if any(_comes_back(key, accepted) for key in set[str]().union(*accepted)):
            found.append(name)
    return found


def _comes_back(key: str, accepted: list[set[str]]) -> bool:
    """Tell whether `key` was accepted, then not, and then again."""
    return list(_runs(key in one for one in accepted)).count(True) > 1


def _keys(cluster: fake_apiserver.FakeCluster) -> dict[str, int]:
    secrets = _lives(cluster, "Secret").items()
    return {name: len(list(_runs(map(record.key, had)))) for name, had in secrets if ".key." in name}


def _lives(cluster: fake_apiserver.FakeCluster, kind: str) -> dict[str, list[kinds.Object]]:
    """Return each object of a kind as it was after each write, by name."""
    found: dict[str, list[kinds.Object]] = {}
    for happened in cluster.history:
        if happened.kind == kind and happened.after:
            found.setdefault(happened.after["metadata"]["name"], []).append(happened.after)
    return found


def _accepted(guard_secret: kinds.Object) -> set[str]:
    return set(KEY.findall(record.decoded(guard_secret, "routes.yaml")))


def _names(objects: Collection[kinds.Object]) -> dict[str, str]:
    """Return whose each key is that a client's Secret holds, or that the guard's holds as replaced."""
    found = {}
    for obj in objects:
        name = obj["metadata"]["name"]
        if obj["kind"] == "Secret" and ".key." in name:
            found[record.key(obj)] = f"<key of {name}>"
        if obj["kind"] == "Secret" and name.endswith(".guard"):
            found |= _replaced(obj)
    return found


def _replaced(guard_secret: kinds.Object) -> dict[str, str]:
    """Return whose each replaced key is."""
    model = guard_secret["metadata"]["name"].removesuffix(".guard")
    return {
        one.key: f"<key of {naming.client_secret(model, client)} before, {place}>"
        for client, issued in record.notes(guard_secret, ()).applied.items()
        for place, one in enumerate(issued.previous)
    }


def _owners(objects: Collection[kinds.Object]) -> dict[str, str]:
    return {obj["metadata"]["uid"]: f"<uid of {kinds.ref(obj)}>" for obj in objects}


def _text(obj: kinds.Object, names: dict[str, str]) -> str:
    text = json.dumps(_plain(obj), indent=1, sort_keys=True)
    for found, name in names.items():
        text = text.replace(found, name) if found else text
    return VERSION.sub(r"\1<version>", MOMENT.sub("<moment>", OUTAGE.sub("", text)))


def _plain(obj: kinds.Object) -> kinds.Object:
    """Return the object without what is counted or hashed; a Secret's entries as text."""
    metadata = {name: value for name, value in obj["metadata"].items() if name not in COUNTED}
    annotations = metadata.pop("annotations", {})
    metadata["annotations"] = {name: value for name, value in annotations.items() if name not in HASHES}
    found = {**obj, "metadata": metadata}
    found.pop("status", None)
    if obj["kind"] == kinds.MODEL_DEPLOYMENT.kind:
        found["status"] = {name: value for name, value in obj.get("status", {}).items() if name != "lastOutage"}
    if obj["kind"] == "Service":
        found["spec"] = {name: value for name, value in obj["spec"].items() if name != "clusterIP"}
    if "data" in obj and obj["kind"] == "Secret":
        found["data"] = {name: _lines(value) for name, value in obj["data"].items()}
    return found


def _lines(value: str) -> Any:
    text = base64.b64decode(value).decode()
    try:
        return json.loads(text)
    except ValueError:
        return text


def _runs(values: Any) -> Any:
    """Yield each value that is another than the one before."""
    before = object()
    for one in values:
        if one != before:
            yield one
        before = one
