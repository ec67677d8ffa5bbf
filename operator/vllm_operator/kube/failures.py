"""What became of several writes: each is waited for, and what one met is that one's failure, in words.

    NotOwned     the name is held by an object that is not ours
    Contested    somebody else keeps changing a field of ours

Anything but these and an ApiError ends the run, once all of its writes have ended: a lost Lease, or an error of ours.
Must not put an object's content into words.
"""

import asyncio
from collections.abc import Awaitable, Iterable
from typing import Any

from vllm_operator.kube import errors, kinds
from vllm_operator.kube.conditions import ConditionValue

Failures = dict[kinds.Ref, ConditionValue]
"""Why an object could not be written."""


class NotOwned(Exception):  # noqa: N818 - it is what was met
    """`ref` exists and is not ours; `holder` says in words whose it is."""

    def __init__(self, ref: kinds.Ref, holder: str) -> None:
        super().__init__(f"{ref} belongs to {holder}")
        self.ref = ref
        self.holder = holder


class Contested(Exception):  # noqa: N818 - it is what was met
    """Somebody else keeps changing `fields` of ours, which are `treated` so."""

    def __init__(self, fields: Iterable[str], treated: str = "left as it is for five minutes") -> None:
        super().__init__(f"somebody else keeps changing {', '.join(sorted(fields))}: {treated}")


async def settled(writes: Iterable[Awaitable[Any]]) -> list[Exception | None]:
    """Wait for all `writes` and return what each met; what is no failure of one object, as a lost Lease, is raised in the end."""
    outcomes = await asyncio.gather(*writes, return_exceptions=True)
    met: list[Exception | None] = []
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, errors.ApiError | NotOwned | Contested):
            raise outcome
        met.append(outcome if isinstance(outcome, Exception) else None)
    return met


def value(ref: kinds.Ref, error: Exception) -> ConditionValue:
    """Return what a write of `ref` met, as the value of a condition."""
    if isinstance(error, NotOwned):
        words = f"{ref} belongs to {error.holder} and is left alone: remove it, or rename this model"
        return ConditionValue("False", "NameTaken", words)
    if isinstance(error, Contested):
        return ConditionValue("False", "FieldContested", f"{ref}: {error}{_scaled(ref, error)}")
    if isinstance(error, errors.NoSuchKind):
        where = kinds.BY_NAME[ref.kind].api_version
        words = f"the cluster does not know {ref.kind} of {where}: install its CustomResourceDefinition"
        return ConditionValue("False", "KindNotFound", words)
    words = error.message if isinstance(error, errors.ApiError) else type(error).__name__
    if isinstance(error, errors.Invalid | errors.Denied):
        return ConditionValue("False", "WriteRefused", f"the API server refuses {ref}: {words}")
    return ConditionValue("False", "WriteFailed", f"{ref} could not be written, and is tried again: {words}")


def _scaled(ref: kinds.Ref, error: Contested) -> str:
    """Return the way out for who scales the Deployment: the model has a scale of its own."""
    if ref.kind != kinds.DEPLOYMENT.kind or "/spec/replicas" not in str(error):
        return ""
    target = f"{kinds.MODEL_DEPLOYMENT.kind} {ref.name} ({kinds.MODEL_DEPLOYMENT.api_version})"
    return f"; a HorizontalPodAutoscaler, or whatever scales this Deployment, is to target the {target} instead"
