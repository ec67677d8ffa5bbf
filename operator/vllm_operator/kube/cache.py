"""What was seen of the models, their objects and their pods, as projections; it wakes whoever a change concerns.

Fed by watches and by the answers to our own writes; the newest resource version wins. What is gone stays gone: an answer that
arrives after the end of its object is older than that end. Only objects with the label of a model are kept; whoever needs to know
of others is told of all that passes (listener.py). Objects are kept as JSON, a fifth of the memory of dictionaries, and decoded
when they are read; those of the models that were read last are kept decoded too, so whoever reads an object must not change it.
Must not do any I/O.
"""

import collections
import hashlib
import itertools
import sys
from collections.abc import Callable
from typing import NamedTuple

import orjson

from vllm_operator.kube import field_ownership, kinds, listener, naming, projection

SHARED = 10_000  # different sets of our fields that are shared
AT_HAND = 32  # models whose objects are kept decoded: more than are worked on at once
GRAVES = 10_000  # ends that are remembered: far more than there can be while one write waits for its answer

Stamp = int
"""Another for each change of any object of a model; 0 where nothing of it is known."""

Wake = Callable[[kinds.Key], None]
Expect = Callable[[kinds.Object], kinds.Object]
"""Given the answer to a write, return what it is expected to be."""


class Entry(NamedTuple):
    """One object: `raw` is its projection, as projection.stored() has it, `owned` the fields that are ours in it, as JSON."""

    raw: bytes
    version: int
    key: kinds.Key
    owned: bytes


class Cache:
    """The objects by reference and by model. `wake(key)` is called for each model that a change concerns, whoever brought it."""

    def __init__(self, wake: Wake = lambda _: None, told: listener.Listener | None = None) -> None:
        self._wake, self._told = wake, told
        self._entries: dict[kinds.Ref, Entry] = {}
        self._of: dict[kinds.Key, dict[kinds.Ref, None]] = {}
        self._ends: dict[kinds.Ref, int] = {}
        self._held: dict[kinds.Ref, int] = {}  # what is written, and the newest version that was news meanwhile
        self._shared: dict[bytes, bytes] = {}
        self._at_hand: collections.OrderedDict[kinds.Key, dict[kinds.Ref, tuple[int, kinds.Object]]] = (
            collections.OrderedDict()
        )
        self._stamps: dict[kinds.Key, Stamp] = {}
        self._changes = itertools.count(1)

    def put(self, obj: kinds.Object) -> None:
        """Take `obj` in where it is newer; it wakes its model where it is news."""
        ref, key, version = kinds.ref(obj), naming.key(obj), int(obj["metadata"]["resourceVersion"])
        before = self._entries.get(ref)
        newest = max(self._ends.get(ref, 0), before.version if before else 0)
        if version <= newest:
            return
        if self._told:
            self._told.put(obj)
        if key is None:  # it lost its label, or another took its name
            if before or ref in self._held:
                self._forget_kept(ref, version)
            return
        after = Entry(projection.stored(projection.projected(obj)), version, key, self._owned(obj))
        self._entries[ref] = after
        self._index(ref, before, after)
        if before and after.raw == before.raw:
            return
        if ref in self._held:
            self._held[ref] = version
        else:
            self._wake(key)

    def hold(self, ref: kinds.Ref) -> None:
        """Let what is seen of `ref` wake nobody while it is written: most often that is the write itself."""
        self._held.setdefault(ref, 0)

    def release(self, ref: kinds.Ref, answer: kinds.Object | None, expected: Expect) -> None:
        """Take in the answer to a write, None where it failed.

        What it changed is no news where it is as `expected`, given the answer; what followed it is.
        """
        if answer:
            self.put(answer)
        seen, wrote = self._held.pop(ref, 0), int(answer["metadata"]["resourceVersion"]) if answer else 0
        entry = self._entries.get(ref)
        if entry is None or not seen:
            return
        as_written = answer and seen == wrote and projection.projected(answer) == projection.projected(expected(answer))
        if not as_written:
            self._wake(entry.key)

    def remove(self, obj: kinds.Object) -> None:
        """Forget the object that a DELETED event names, and all that is older."""
        self._forget(kinds.ref(obj), int(obj["metadata"]["resourceVersion"]))

    def drop(self, ref: kinds.Ref) -> None:
        """Forget an object that a read did not find; only what is newer than all that was known of it comes back."""
        if entry := self._entries.get(ref):
            self._forget(ref, entry.version)

    def purge(self, kind: kinds.Kind, namespace: str, listed: set[kinds.Ref], version: str) -> None:
        """Forget what a complete list of `version` no longer held; what is newer than the list stays."""
        known = [ref for ref in self._entries if ref.kind == kind.kind and namespace in ("", ref.namespace)]
        for ref in known:
            if ref not in listed:
                self._forget(ref, int(version))
        if self._told:
            self._told.keep(kind.kind, namespace, listed, int(version))

    def clear(self, kind: kinds.Kind, namespace: str) -> None:
        """Forget all objects of a kind that is gone; what is made once it is back is newer."""
        for ref in [ref for ref in self._entries if ref.kind == kind.kind and namespace in ("", ref.namespace)]:
            self.drop(ref)
        if self._told:
            self._told.keep(kind.kind, namespace, set(), sys.maxsize)

    def version(self, ref: kinds.Ref) -> str:
        """Return the object's resource version; "" where it is not known."""
        entry = self._entries.get(ref)
        return str(entry.version) if entry else ""

    def get(self, ref: kinds.Ref) -> kinds.Object | None:
        """Return the object, if it is known."""
        entry = self._entries.get(ref)
        return self._decoded(ref, entry) if entry else None

    def has_vanished(self, ref: kinds.Ref) -> bool:
        """Tell whether there was such an object and it is gone."""
        return ref in self._ends and ref not in self._entries

    def stamp(self, key: kinds.Key) -> Stamp:
        """Return what is another whenever anything of the model is."""
        return self._stamps.get(key, 0)

    def owned(self, ref: kinds.Ref) -> field_ownership.Fields:
        """Return the fields of the object that are ours, as fieldsV1."""
        entry = self._entries.get(ref)
        fields: field_ownership.Fields = orjson.loads(entry.owned) if entry and entry.owned else {}
        return fields

    def model(self, key: kinds.Key) -> kinds.Object | None:
        """Return the ModelDeployment, if it is known."""
        return self.get(_model_ref(key))

    def models(self) -> tuple[kinds.Key, ...]:
        """Return the keys of all ModelDeployments."""
        return tuple(key for key in self._of if _model_ref(key) in self._entries)

    def of(self, key: kinds.Key) -> tuple[kinds.Object, ...]:
        """Return all that carries the label of the model: its objects and its pods, the model itself left out."""
        refs = (ref for ref in self._of.get(key, ()) if ref.kind != kinds.MODEL_DEPLOYMENT.kind)
        return tuple(self._decoded(ref, self._entries[ref]) for ref in refs)

    def _decoded(self, ref: kinds.Ref, entry: Entry) -> kinds.Object:
        """Return the object; it is decoded once while its model is among those that were read last."""
        at_hand = self._at_hand.setdefault(entry.key, {})
        self._at_hand.move_to_end(entry.key)
        if len(self._at_hand) > AT_HAND:
            self._at_hand.popitem(last=False)
        version, obj = at_hand.get(ref, (0, {}))
        if version != entry.version:
            obj = orjson.loads(projection.read(entry.raw))
            obj["metadata"]["resourceVersion"] = str(entry.version)
            at_hand[ref] = entry.version, obj
        return obj

    def _owned(self, obj: kinds.Object) -> bytes:
        """Return our fields of `obj`; those of one kind are the same for most models, and are found and kept once."""
        ours = field_ownership.entries(obj) if obj["kind"] in UPDATED else []
        if not ours:
            return b""
        said = hashlib.sha256(projection.packed(ours)).digest()
        if said not in self._shared:
            if len(self._shared) > SHARED:
                self._shared.clear()
            self._shared[said] = projection.packed(field_ownership.owned(ours))
        return self._shared[said]

    def _index(self, ref: kinds.Ref, before: Entry | None, after: Entry) -> None:
        if before and before.key != after.key:
            self._unindex(before.key, ref)
            self._wake(before.key)
        self._of.setdefault(after.key, {})[ref] = None
        self._stamps[after.key] = next(self._changes)

    def _forget(self, ref: kinds.Ref, version: int) -> None:
        entry = self._entries.get(ref)
        if entry and entry.version > version:
            return
        if self._told:
            self._told.forget(ref)
        self._forget_kept(ref, version)

    def _forget_kept(self, ref: kinds.Ref, version: int) -> None:
        entry = self._entries.get(ref)
        self._bury(ref, version)
        if entry is None:
            return
        del self._entries[ref]
        self._unindex(entry.key, ref)
        self._wake(entry.key)

    def _bury(self, ref: kinds.Ref, version: int) -> None:
        self._ends[ref] = max(version, self._ends.pop(ref, 0))
        if len(self._ends) > GRAVES:
            del self._ends[next(iter(self._ends))]

    def _unindex(self, key: kinds.Key, ref: kinds.Ref) -> None:
        del self._of[key][ref]
        self._at_hand.get(key, {}).pop(ref, None)
        self._stamps[key] = next(self._changes)
        if not self._of[key]:
            del self._of[key], self._stamps[key]
            self._at_hand.pop(key, None)


def _model_ref(key: kinds.Key) -> kinds.Ref:
    return kinds.Ref(kinds.MODEL_DEPLOYMENT.kind, key.namespace, key.name)


UPDATED = {kind.kind for kind in kinds.CHILDREN}
"""The kinds that we update, and whose ownership of fields is kept therefore."""
