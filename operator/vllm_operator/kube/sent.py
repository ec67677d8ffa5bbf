"""One object as it is sent to the API server, and what is known of the last time from the live one. Pure."""

from typing import NamedTuple

from vllm_operator.kube import diff, kinds, naming


class Wanted(NamedTuple):
    """One object as it is sent: `body` with its hash `sent`; `version`: the only one that it may be written to, if any."""

    ref: kinds.Ref
    body: kinds.Object
    sent: str
    version: str | None


def wanted(desired: kinds.Object) -> Wanted:
    """Return the object `desired` as it is sent."""
    metadata = {name: value for name, value in desired["metadata"].items() if name != "resourceVersion"}
    sent = diff.digest({**desired, "metadata": metadata})
    annotations = {**metadata.get("annotations", {}), naming.HASH_ANNOTATION: sent}
    body = {**desired, "metadata": {**metadata, "annotations": annotations}}
    return Wanted(kinds.ref(desired), body, sent, desired["metadata"].get("resourceVersion"))


def noted(live: kinds.Object) -> str:
    """Return the hash of what was sent last."""
    return str((live["metadata"].get("annotations") or {}).get(naming.HASH_ANNOTATION, ""))


def preconditions(wanted: Wanted, live: kinds.Object) -> diff.Operations:
    """Return the operations that make a patch a Conflict where the object is not the one that was seen."""
    found: diff.Operations = [{"op": "test", "path": "/metadata/uid", "value": str(live["metadata"]["uid"])}]
    if wanted.version is not None:
        found.append({"op": "replace", "path": "/metadata/resourceVersion", "value": wanted.version})
    return found


def only_labels(obj: kinds.Object) -> kinds.Object:
    """Return the body of a merge that changes the labels of `obj` alone, and only of this version."""
    metadata = {name: obj["metadata"][name] for name in ("name", "namespace", "labels", "resourceVersion")}
    return {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "metadata": metadata}
