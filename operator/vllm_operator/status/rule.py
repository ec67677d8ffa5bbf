"""One row of a list of rules: where it applies it gives the value of a condition. What it looks at is its list's to say."""

import dataclasses
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from vllm_operator.kube import shorten
from vllm_operator.kube.conditions import ConditionValue

Subject = TypeVar("Subject")


@dataclasses.dataclass(frozen=True)
class Rule(Generic[Subject]):
    """A reason and its words.

    `when` returns what it found in its subject, or what is false where the rule does not apply. `reason` and `message` are
    formats that may name what was `{found}`, and the message also the subject, `{at}`. `remedy` is what an admin can do.
    """

    reason: str
    when: Callable[[Subject], object]
    message: str
    remedy: str = ""
    status: str = "False"

    def __call__(self, at: Subject) -> ConditionValue | None:
        """Return the value that the rule gives, or None where it does not apply."""
        found = self.when(at)
        if not found:
            return None
        words, remedy = (text.format(found=found, at=at) for text in (self.message, self.remedy))
        message = shorten.with_remedy(words, remedy) if remedy else words
        return ConditionValue(self.status, self.reason.format(found=found), message)

    def where(self, when: Callable[[Subject], object], **changed: Any) -> "Rule[Subject]":
        """Return the rule with another `when`, and other fields where they are given."""
        return dataclasses.replace(self, when=when, **changed)


Row = Rule[Subject] | Callable[[Subject], ConditionValue | None]


def first(rows: tuple[Row[Subject], ...], at: Subject) -> ConditionValue | None:
    """Return the value of the first of `rows` that applies, or None where none does."""
    return next((value for row in rows if (value := row(at))), None)
