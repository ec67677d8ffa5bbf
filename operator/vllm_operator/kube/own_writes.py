"""Our own writes and the cache: the answer is taken in, and wakes nobody where it holds what was written and no more.

A watch may show a write before its answer arrives. What it shows of the object meanwhile is held back, and is news where it is
not the write itself.
"""

from collections.abc import Awaitable

from vllm_operator.kube import cache, diff, kinds, pointers


async def written(
    objects: cache.Cache, ref: kinds.Ref, call: Awaitable[kinds.Object], expected: cache.Expect
) -> kinds.Object:
    """Return the answer to `call`, which writes `ref`."""
    answer = None
    objects.hold(ref)
    try:
        answer = await call
    finally:
        objects.release(ref, answer, expected)
    return answer


def created(wanted: kinds.Object) -> cache.Expect:
    """Expect an object that holds what is `wanted`, with whatever the API server has filled in."""
    return lambda answer: wanted if diff.patch(wanted, answer) else answer


def exactly(obj: kinds.Object) -> cache.Expect:
    """Expect `obj`."""
    return lambda _: obj


def patched(live: kinds.Object, operations: list[pointers.Operation]) -> cache.Expect:
    """Expect what the patch makes of `live`, which the API server may count as another generation."""

    def expected(answer: kinds.Object) -> kinds.Object:
        found = pointers.applied(live, operations)
        counted = {name: answer["metadata"][name] for name in ("generation",) if name in answer["metadata"]}
        return {**found, "metadata": {**found["metadata"], **counted}}

    return expected
