"""Seats for what may take long, of which each namespace has a share, and whose turn it is to take one.

A namespace may take as many seats as it leaves free: alone it has half of all, and two that come and go have a third each. So
some are free for whoever comes next, however long others stay: five namespaces that never leave have 31 of 32 seats. Must not
know what the seats are for.
"""

import asyncio
import collections
import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Generic, NamedTuple, Protocol, TypeVar


class Seats:
    """A row of seats. `of_one`: how many a namespace may take that is alone; `free`: how many are, at first twice as many."""

    def __init__(self, of_one: int) -> None:
        self.free = 2 * of_one
        self._taken: collections.Counter[str] = collections.Counter()

    def is_free(self, namespace: str) -> bool:
        """Tell whether `namespace` may take one more."""
        return self._taken[namespace] < self.free

    def take(self, namespace: str) -> None:
        """Take a seat."""
        self.free -= 1
        self._taken[namespace] += 1

    def give_back(self, namespace: str) -> None:
        """Give a seat back."""
        self.free += 1
        self._taken[namespace] -= 1
        if not self._taken[namespace]:
            del self._taken[namespace]

    @contextlib.contextmanager
    def taken(self, namespace: str) -> Iterator[None]:
        """Take a seat, and give it back."""
        self.take(namespace)
        try:
            yield
        finally:
            self.give_back(namespace)


class OfNamespace(Protocol):
    """What is of a namespace; it can be the key of a dictionary."""

    @property
    def namespace(self) -> str:
        """Return its namespace."""


Item = TypeVar("Item", bound=OfNamespace)


class Waiting(Generic[Item]):
    """Those that wait, each once: a namespace at a time has its turn, and within it the one that came first."""

    def __init__(self) -> None:
        self._of: collections.OrderedDict[str, collections.OrderedDict[Item, None]] = collections.OrderedDict()
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, item: Item) -> bool:
        return item in self._of.get(item.namespace, ())

    def add(self, item: Item) -> None:
        """Let `item` wait, unless it does."""
        if item not in self:
            self._of.setdefault(item.namespace, collections.OrderedDict())[item] = None
            self._count += 1

    def remove(self, item: Item) -> None:
        """Let `item` wait no more, if it does."""
        if item in self:
            here = self._of[item.namespace]
            del here[item]
            self._count -= 1
            if not here:
                del self._of[item.namespace]

    def seat(self, *rows: Seats) -> Item | None:
        """Give the one whose turn it is among those that may a seat in each row; it waits no more. None where there is none."""
        if not all(row.free for row in rows):
            return None
        may = (one for one in self._of if all(row.is_free(one) for row in rows))
        namespace = next(may, None)
        if namespace is None:
            return None
        for row in rows:
            row.take(namespace)
        self._of.move_to_end(namespace)
        item = next(iter(self._of[namespace]))
        self.remove(item)
        return item


class _Waiter(NamedTuple):
    namespace: str
    turn: "asyncio.Future[None]"


class Turns:
    """Seats that are waited for."""

    def __init__(self, of_one: int) -> None:
        self._seats = Seats(of_one)
        self._waiting: Waiting[_Waiter] = Waiting()

    @contextlib.asynccontextmanager
    async def taken(self, namespace: str) -> AsyncIterator[None]:
        """Wait for a seat, take it, and give it back."""
        await self._take(namespace)
        try:
            yield
        finally:
            self._give_back(namespace)

    async def _take(self, namespace: str) -> None:
        waiter = _Waiter(namespace, asyncio.get_running_loop().create_future())
        self._waiting.add(waiter)
        self._call()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            self._waiting.remove(waiter)
            if not waiter.turn.cancelled():  # it was called, and cancelled before it came
                self._give_back(namespace)
            raise

    def _give_back(self, namespace: str) -> None:
        self._seats.give_back(namespace)
        self._call()

    def _call(self) -> None:
        """Call those for whom there is a seat; one that was cancelled does not come."""
        while waiter := self._waiting.seat(self._seats):
            if waiter.turn.cancelled():
                self._seats.give_back(waiter.namespace)
            else:
                waiter.turn.set_result(None)
