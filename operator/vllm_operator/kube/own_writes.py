"""Our own writes and the cache: the answer is taken in, and wakes nobody where it holds what was written and no more.

A watch may show a write before its answer arrives. What it shows of the object meanwhile is held back, and is news where it is
not the write itself.
"""

from collections.abc import Awaitable, Callable

from vllm_operator.kube import cache, kinds, pointers

Expect = Callable[[kinds.Object], kinds.Object]
"""Given the answer, return what it is expected to be."""


async def written(
    objects: cache.Cache, ref: kinds.Ref, call: Awaitable[kinds.Object], expected: Expect
) -> kinds.Object:
    """Return the answer to `call`, which writes `ref`."""
    answer = None
    objects.hold(ref)
    try:
        answer = await call
    finally:
        objects.release(ref, answer, expected(answer) if answer else None)
    return answer


def as_answered(answer: kinds.Object) -> kinds.Object:
    """Expect whatever comes: what the API server makes of a new object is what was sent and its own defaults."""
    return answer


def exactly(obj: kinds.Object) -> Expect:
    """Expect `obj`."""
    return lambda _: obj


def patched(live: kinds.Object, operations: list[pointers.Operation]) -> Expect:
    """Expect what the patch makes of `live`, which the API server may count as another generation."""

    def expected(answer: kinds.Object) -> kinds.Object:
        found = pointers.applied(live, operations)
        counted = {name: answer["metadata"][name] for name in ("generation",) if name in answer["metadata"]}
        return {**found, "metadata": {**found["metadata"], **counted}}

    return expected
