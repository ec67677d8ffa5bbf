"""Which model has which host and path of the edge: whoever was there first.

An Ingress or an HTTPRoute that is there holds what it asks for, whoever made it and whatever its class: a name leads to one edge,
which DNS says, and one controller may serve several classes. A model whose edge is there keeps it, whatever
others come to ask for by an edit of an older object: controllers of the edge decide between the two. What none asks for goes to
the oldest model that wants it. While a model is worked on, nobody else is given what it was given, so that a host has one writer
at any moment. The cache tells of what there is, before anything of it is worked on. Does no I/O.
"""

import heapq
import logging
from collections.abc import Callable, Collection, Iterable
from typing import NamedTuple, TypeVar

from vllm_operator import config
from vllm_operator.children import exposure
from vllm_operator.controller import shares
from vllm_operator.kube import addresses, kinds, naming
from vllm_operator.kube.addresses import Address

MOST_WOKEN = 8
"""Models that one change wakes, the oldest that ask: so a host that a thousand ask for costs no thousand runs. The others hear of
it at their next look."""
MOST = 100_000
"""Addresses that are remembered of edges: about 30 MB. Of more, the namespace that has the most gives way (shares.py)."""
EDGES = (kinds.INGRESS.kind, kinds.HTTP_ROUTE.kind)
LOG = logging.getLogger(__name__)
One = TypeVar("One", kinds.Key, kinds.Ref)


class Rank(NamedTuple):
    """When an object was made; the least of several was first."""

    created: str
    uid: str


class Wish(NamedTuple):
    """What a model asks for, None for nothing."""

    rank: Rank
    address: Address | None


class Edge(NamedTuple):
    """An Ingress or an HTTPRoute: when it was made, in which version it was seen, the uid of its owner, and what it asks for."""

    rank: Rank
    version: int
    owner: str
    addresses: tuple[Address, ...]


class Hosts:
    """The claims of models and of edges. `wake` is called with each model whose place another one's change may have changed."""

    def __init__(self, settings: config.Config, wake: Callable[[kinds.Key], None] = lambda _: None) -> None:
        self._settings, self._wake = settings, wake
        self._models: dict[kinds.Key, Wish] = {}
        self._wanted: dict[Address, tuple[kinds.Key, ...]] = {}
        self._edges: dict[kinds.Ref, Edge] = {}
        self._shares = shares.Shares(MOST)
        self._carried: dict[Address, tuple[kinds.Ref, ...]] = {}
        self._given: dict[kinds.Key, Address] = {}  # to the models that are being worked on
        self._barred: set[kinds.Key] = set()  # models that write no edge, whatever they ask for

    # What the cache tells

    def put(self, obj: kinds.Object) -> None:
        """Take in a model, or an Ingress or HTTPRoute, as it is now."""
        if obj["kind"] == kinds.MODEL_DEPLOYMENT.kind:
            key = kinds.Key(obj["metadata"]["namespace"], obj["metadata"]["name"])
            self._change_model(key, Wish(_rank(obj), exposure.address(obj, self._settings)))
        elif obj["kind"] in EDGES:
            seen = Edge(_rank(obj), int(obj["metadata"]["resourceVersion"]), _owner(obj), addresses.addresses(obj))
            self._take_in(kinds.ref(obj), seen) if seen.addresses else self.forget(kinds.ref(obj))

    def forget(self, ref: kinds.Ref) -> None:
        """Forget an object that is gone."""
        if ref.kind == kinds.MODEL_DEPLOYMENT.kind:
            key = kinds.Key(ref.namespace, ref.name)
            self._barred.discard(key)
            self._change_model(key, None)
        elif ref in self._edges:
            self._drop(ref)

    def keep(self, kind: str, namespace: str, listed: Collection[kinds.Ref], version: int) -> None:
        """Forget the edges of a kind that a complete list of `version` no longer held."""
        here = [ref for ref in self._edges if ref.kind == kind and namespace in ("", ref.namespace)]
        for ref in here:
            if ref not in listed and self._edges[ref].version <= version:
                self._drop(ref)

    # What a run asks

    def holder(self, key: kinds.Key, address: Address | None, own: Collection[kinds.Ref]) -> kinds.Ref | None:
        """Return who has the address that the model is to have, None where it has it: no other is given it until its `end`.

        `own`: the edges that are the model's, beside those that name it as their owner.
        """
        wish = self._models.get(key)
        if wish is None or address is None:
            return None
        found = self._holder(key, wish.rank, address, own)
        if found is None:
            self._given[key] = address
        return found

    def bar(self, key: kinds.Key, *, writes: bool) -> None:
        """Note whether the model writes its edge at all: else it keeps nobody from a host that nobody has."""
        if writes:
            self._barred.discard(key)
        elif key not in self._barred:
            self._barred.add(key)
            self._given.pop(key, None)
            self._tell(key, self._wish_of(key))

    def end(self, key: kinds.Key) -> None:
        """Note that nobody works on the model: what it was given and did not take, another may have."""
        given = self._given.pop(key, None)
        if given and not any((ref.namespace, ref.name) == key for ref in self._carried.get(given, ())):
            self._tell(key, given)

    def _holder(self, key: kinds.Key, rank: Rank, address: Address, own: Collection[kinds.Ref]) -> kinds.Ref | None:
        carried = self._carried.get(address, ())
        others = [ref for ref in carried if ref not in own and self._model_of(ref) != _model(key)]
        if len(others) < len(carried):
            return None
        return self._first(others) or self._given_to(key, address) or self._older(key, rank, address)

    def _first(self, refs: Iterable[kinds.Ref]) -> kinds.Ref | None:
        found = min(refs, key=lambda ref: self._edges[ref].rank, default=None)
        return self._model_of(found) if found else None

    def _model_of(self, ref: kinds.Ref) -> kinds.Ref:
        """Return the model whose edge it is, else the edge itself."""
        key = kinds.Key(ref.namespace, ref.name)
        wish = self._models.get(key)
        return _model(key) if wish and wish.rank.uid == self._edges[ref].owner else ref

    def _given_to(self, key: kinds.Key, address: Address) -> kinds.Ref | None:
        """Return the model that is being worked on and was given the address."""
        return next((_model(one) for one, given in self._given.items() if given == address and one != key), None)

    def _older(self, key: kinds.Key, rank: Rank, address: Address) -> kinds.Ref | None:
        """Return the oldest model that wants the address and may have it, where that is not the model itself."""
        asking = [one for one in self._wanted.get(address, ()) if one != key and one not in self._barred]
        oldest = min(asking, key=lambda one: self._models[one].rank, default=None)
        return _model(oldest) if oldest and self._models[oldest].rank < rank else None

    # How the tables change

    def _change_model(self, key: kinds.Key, after: Wish | None) -> None:
        before = self._models.pop(key, None)
        if after:
            self._models[key] = after
        if before == after:
            return
        for wish in (before, after):
            if wish and wish.address:
                _set(self._wanted, wish.address, key, is_in=wish is after)
                self._tell(key, wish.address)

    def _take_in(self, ref: kinds.Ref, edge: Edge) -> None:
        """Take in an edge as it is now. Where there are more than are remembered, those that give way are forgotten."""
        leaving = self._shares.put(ref, len(edge.addresses))
        for one in leaving:
            LOG.warning("More hosts than are remembered, most of them in namespace=%s: kind=%s name=%s is not seen",
                        one.namespace, one.kind, one.name)  # fmt: skip
            if one != ref:
                self._change_edge(one, None)
        self._change_edge(ref, None if ref in leaving else edge)

    def _drop(self, ref: kinds.Ref) -> None:
        self._shares.remove(ref)
        self._change_edge(ref, None)

    def _change_edge(self, ref: kinds.Ref, after: Edge | None) -> None:
        before = self._edges.pop(ref, None)
        if after:
            self._edges[ref] = after
        if before and after and before._replace(version=after.version) == after:
            return
        for edge in (before, after):
            for address in edge.addresses if edge else ():
                _set(self._carried, address, ref, is_in=edge is after)
                self._tell(kinds.Key(ref.namespace, ref.name), address)

    def _wish_of(self, key: kinds.Key) -> Address | None:
        wish = self._models.get(key)
        return wish.address if wish else None

    def _tell(self, key: kinds.Key, address: Address | None) -> None:
        """Wake the others that want the address and may have it, the oldest first."""
        asking = self._wanted.get(address, ()) if address else ()
        others = [one for one in asking if one != key and one not in self._barred]
        for other in heapq.nsmallest(MOST_WOKEN, others, key=lambda one: self._models[one].rank):
            self._wake(other)


def _set(table: dict[Address, tuple[One, ...]], address: Address, one: One, *, is_in: bool) -> None:
    """Put one into a table, or take it out and with it what is empty. Mostly there is one, which a set has much more room for."""
    after: list[One] = [other for other in table.pop(address, ()) if other != one]
    if is_in:
        after.append(one)
    if after:
        table[address] = tuple(after)


def _model(key: kinds.Key) -> kinds.Ref:
    return kinds.Ref(kinds.MODEL_DEPLOYMENT.kind, key.namespace, key.name)


def _rank(obj: kinds.Object) -> Rank:
    metadata = obj["metadata"]
    return Rank(str(metadata.get("creationTimestamp", "")), str(metadata.get("uid", "")))


def _owner(obj: kinds.Object) -> str:
    """Return the uid of whoever controls the object, else the one that its label names."""
    references = obj["metadata"].get("ownerReferences") or ()
    labels = obj["metadata"].get("labels") or {}
    controllers = [str(one.get("uid", "")) for one in references if one.get("controller")]
    return next(iter(controllers), "") or str(labels.get(naming.OWNER_LABEL, ""))
