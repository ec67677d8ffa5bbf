"""What was seen of the models, their objects and their pods, as projections; it wakes whoever a change concerns.

Fed by watches and by the answers to our own writes; the newest resource version wins. What is gone stays gone: an answer that
arrives after the end of its object is older than that end. Only objects with the label of a model are kept; whoever needs to know
of others is told of all that passes (listener.py). Objects are kept as JSON, a fifth of the memory of dictionaries, and decoded
when they are read; those of the models that were read last are kept decoded too, so whoever reads an object must not change it.
What there is no room for is left out by whole namespaces (bound.py). Must not do any I/O.
"""

import itertools
import sys
from collections.abc import Callable
from typing import NamedTuple

import orjson

from vllm_operator.kube import at_hand, bound, ends, field_ownership, kinds, listener, naming, own_fields, projection

AT_HAND_BYTES = 2**20  # of JSON of one model: what is larger is decoded each time

Stamp = int
"""Another for each change of any object of a model; 0 where nothing of it is known."""

Wake = Callable[[kinds.Key], None]
Expect = Callable[[kinds.Object], kinds.Object]
"""Given the answer to a write, return what it is expected to be."""


class Entry(NamedTuple):
    """One object: `raw` is its projection, as projection.stored() has it, `owned` the fields that are ours in it, as JSON.

    `size`: what it takes in bytes; `decoded`: what its JSON takes.
    """

    raw: bytes
    version: int
    key: kinds.Key
    owned: bytes
    size: int
    decoded: int


class Cache:
    """The objects by reference and by model, in `most` bytes; `wake(key)` is called for each model that a change concerns."""

    def __init__(
        self, wake: Wake = lambda _: None, told: listener.Listener | None = None, most: int = sys.maxsize
    ) -> None:
        self._wake, self._told = wake, told
        self._bound = bound.Bound(most, (kinds.MODEL_DEPLOYMENT, *kinds.WATCHED))
        self._entries: dict[kinds.Ref, Entry] = {}
        self._of: dict[kinds.Key, dict[kinds.Ref, None]] = {}
        self._ends = ends.Ends()
        self._held: dict[kinds.Ref, int] = {}  # what is written, and the newest version that was news meanwhile
        self._fields = own_fields.OwnFields()
        self._at_hand = at_hand.AtHand()
        self._stamps: dict[kinds.Key, Stamp] = {}
        self._changes = itertools.count(1)

    def put(self, obj: kinds.Object) -> None:
        """Take `obj` in where it is newer; it wakes its model where it is news."""
        ref, key, version = kinds.ref(obj), naming.key(obj), int(obj["metadata"]["resourceVersion"])
        before = self._entries.get(ref)
        newest = max(self._ends.version(ref), before.version if before else 0)
        if version <= newest:
            return
        if self._told:
            self._told.put(obj)
        if key is None:  # it lost its label, or another took its name
            if before or ref in self._held:
                self._forget_kept(ref, version)
            return
        if not self._bound.admits(ref):
            return
        after = self._entry(obj, version, key)
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
        self._end(kind, namespace)

    def expect(self, kind: kinds.Kind, namespace: str) -> None:
        """Note that a list of `kind` begins, which `purge` or `clear` ends: what was left out is taken in where it has room."""
        self._bound.begin(kind, namespace)

    def lacks(self, kind: kinds.Kind, namespace: str) -> bool:
        """Tell whether objects of `kind` are left out, which a list may bring back."""
        return self._bound.waits(kind, namespace)

    def left_out(self) -> frozenset[str]:
        """Return the namespaces of which nothing is kept, since all that there is takes too much memory."""
        return self._bound.left_out()

    def clear(self, kind: kinds.Kind, namespace: str) -> None:
        """Forget all objects of a kind that is gone; what is made once it is back is newer."""
        for ref in [ref for ref in self._entries if ref.kind == kind.kind and namespace in ("", ref.namespace)]:
            self.drop(ref)
        if self._told:
            self._told.keep(kind.kind, namespace, set(), sys.maxsize)
        self._end(kind, namespace)

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
        return self._ends.version(ref) > 0 and ref not in self._entries

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
        known = self._at_hand.get(entry.key, ref, entry.version)
        if known:
            return known
        obj: kinds.Object = orjson.loads(projection.read(entry.raw))
        obj["metadata"]["resourceVersion"] = str(entry.version)
        if self._bound.decoded(entry.key) <= AT_HAND_BYTES:
            self._at_hand.put(entry.key, ref, entry.version, obj)
        return obj

    def _entry(self, obj: kinds.Object, version: int, key: kinds.Key) -> Entry:
        projected = projection.projected(obj)
        raw, (owned, added) = projection.stored(projected), self._fields.of(obj)
        return Entry(raw, version, key, owned, len(raw) + added + bound.OVERHEAD, len(projected))

    def _index(self, ref: kinds.Ref, before: Entry | None, after: Entry) -> None:
        if before:
            self._bound.remove(before.key, before.size, before.decoded)
        if before and before.key != after.key:
            self._unindex(before.key, ref)
            self._wake(before.key)
        self._of.setdefault(after.key, {})[ref] = None
        self._stamps[after.key] = next(self._changes)
        if namespace := self._bound.add(after.key, after.size, after.decoded):
            self._leave_out(namespace)

    def _leave_out(self, namespace: str) -> None:
        """Let go of a namespace whose objects take too much: nothing in it has changed, so nobody is woken."""
        for ref in [ref for ref in self._entries if ref.namespace == namespace]:
            self._let_go(ref)

    def _end(self, kind: kinds.Kind, namespace: str) -> None:
        """End a list; wake the models of namespaces of which all is known again."""
        known = self._bound.end(kind, namespace)
        for key in self.models() if known else ():
            if key.namespace in known:
                self._wake(key)

    def _forget(self, ref: kinds.Ref, version: int) -> None:
        entry = self._entries.get(ref)
        if entry and entry.version > version:
            return
        if self._told:
            self._told.forget(ref)
        self._forget_kept(ref, version)

    def _forget_kept(self, ref: kinds.Ref, version: int) -> None:
        entry = self._entries.get(ref)
        self._ends.add(ref, version)
        if entry is None:
            return
        self._let_go(ref)
        self._wake(entry.key)

    def _let_go(self, ref: kinds.Ref) -> None:
        entry = self._entries.pop(ref)
        self._bound.remove(entry.key, entry.size, entry.decoded)
        self._unindex(entry.key, ref)

    def _unindex(self, key: kinds.Key, ref: kinds.Ref) -> None:
        del self._of[key][ref]
        self._at_hand.forget(key, ref)
        self._stamps[key] = next(self._changes)
        if not self._of[key]:
            del self._of[key], self._stamps[key]


def _model_ref(key: kinds.Key) -> kinds.Ref:
    return kinds.Ref(kinds.MODEL_DEPLOYMENT.kind, key.namespace, key.name)
