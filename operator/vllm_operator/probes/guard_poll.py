"""What the guards of one model said last, and when they are asked again. Pure: answers and times come in."""

import dataclasses
import math
from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator import guard
from vllm_operator.kube import backoff, cache

SETTLED = backoff.Backoff(first=330.0, longest=330.0, jitter=0.2)
LAGGING = backoff.Backoff(first=0.2, longest=15.0)
SILENT = backoff.Backoff(first=1.0, longest=60.0)
NEVER = math.inf


class Guard(NamedTuple):
    """One guard to ask. Where its container was started anew, or another pod has its name, it is another."""

    pod: str
    uid: str
    address: str
    restarts: int


Answers = Mapping[Guard, guard.State | None]
"""What guards said; None: no answer came, although it was waited for patiently."""


Engines = frozenset[tuple[str, bool, int]]
"""The uids of pods, whether they are ready, and how often their engines were started anew."""


@dataclasses.dataclass(frozen=True, slots=True)
class GuardPoll:
    """The guards of one model, all of which are to have the configuration `wanted`. Times are the event loop's, in seconds.

    `stamp`: of the cache that was looked at. `engines`: what is told of the engines beside them, of which a guard may know more.
    `since`: when something changed, or one answered again. `due`, `silent_due`: when
    those that answer are asked, and the silent. `answers`: what each said last; those that were not asked yet are left out.
    `refused_before`: how much each had refused when it last had what was wanted. `silent`: those that did not answer promptly;
    `silent_since`: when one last fell silent.
    """

    stamp: cache.Stamp
    wanted: str
    guards: frozenset[Guard]
    since: float
    due: float
    silent_due: float
    silent_since: float
    engines: Engines = frozenset()
    answers: Answers = dataclasses.field(default_factory=dict)
    refused_before: Mapping[Guard, int] = dataclasses.field(default_factory=dict)
    silent: frozenset[Guard] = frozenset()

    @property
    def prompt(self) -> frozenset[Guard]:
        """Return the guards that answer promptly, or were not asked yet."""
        return self.guards - self.silent

    @property
    def is_lagging(self) -> bool:
        """Tell whether a guard answers that does not have what is wanted."""
        answers = [self.answers.get(one) for one in self.prompt]
        return any(answer.version != self.wanted for answer in answers if answer)

    def by_pod(self) -> dict[str, guard.State | None]:
        """Return what the guards said last, by the names of their pods."""
        return {one.pod: answer for one, answer in self.answers.items()}

    def after_prompt(self, asked: frozenset[Guard], answers: Answers, now: float) -> "GuardPoll":
        """Return the poll after the guards `asked` had a moment to answer."""
        after = self._heard(asked, answers)
        if after.silent - self.silent:
            after = dataclasses.replace(after, silent_since=now, silent_due=now)
        return dataclasses.replace(after, due=now + _pause(after, now))

    def after_silent(self, asked: frozenset[Guard], answers: Answers, now: float) -> "GuardPoll":
        """Return the poll after silent guards were asked patiently; who answers is asked with the others from now on.

        Who has been asked promptly in the meantime was heard of since.
        """
        after = self._heard(asked & self.silent, {one: answers[one] for one in asked & self.silent})
        if after.prompt - self.prompt:
            after = dataclasses.replace(after, since=now, due=now)
        return dataclasses.replace(after, silent_due=now + SILENT.pause(now - self.silent_since))

    def _heard(self, asked: frozenset[Guard], answers: Answers) -> "GuardPoll":
        present = {one: answer for one, answer in answers.items() if one in self.guards}
        refused = {one: self._refused(one, answer) for one, answer in present.items() if answer}
        said = {one: answer and _since(answer, refused[one]) for one, answer in present.items()}
        unheard = frozenset(one for one in asked & self.guards if not present.get(one))
        return dataclasses.replace(
            self,
            answers={**self.answers, **said},
            refused_before={**self.refused_before, **refused},
            silent=(self.silent - asked) | unheard,
        )

    def _refused(self, one: Guard, answer: guard.State) -> int:
        """Return the refusals that are past: what counts is what was refused since the guard last had what was wanted."""
        if answer.version == self.wanted:
            return answer.rejected
        return min(self.refused_before.get(one, 0), answer.rejected)


def begun(
    before: GuardPoll | None,
    stamp: cache.Stamp,
    wanted: str,
    guards: frozenset[Guard],
    now: float,
    *,
    engines: Engines = frozenset(),
) -> GuardPoll:
    """Return the poll that goes on from `before`. What changed is due now, and what was said stays until it is asked.

    For another configuration every guard has the chance to answer promptly again.
    """
    if before is None:
        return GuardPoll(stamp, wanted, guards, since=now, due=now, silent_due=now, silent_since=now, engines=engines)
    if (before.wanted, before.guards) == (wanted, guards):
        due = before.due if engines == before.engines else now
        return dataclasses.replace(before, stamp=stamp, engines=engines, due=due)
    return GuardPoll(
        stamp,
        wanted,
        guards,
        since=now,
        due=now,
        silent_due=now,
        silent_since=now,
        engines=engines,
        answers={one: answer for one, answer in before.answers.items() if one in guards},
        refused_before={one: number for one, number in before.refused_before.items() if one in guards},
        silent=before.silent & guards if wanted == before.wanted else frozenset(),
    )


def _since(answer: guard.State, refused_before: int) -> guard.State:
    return dataclasses.replace(answer, rejected=answer.rejected - refused_before)


def _pause(poll: GuardPoll, now: float) -> float:
    if not poll.prompt:
        return NEVER
    if poll.is_lagging:
        return LAGGING.pause((now - poll.since) / 4)  # a kubelet that is slow is slow by a minute
    return SETTLED.pause(0)
