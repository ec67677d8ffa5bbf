"""What is believed of a model's answers, and when it is asked again. Pure: answers and times come in.

A right answer is believed at once, a wrong one when it came twice: one cut connection takes no model away. A busy model's refusal
leaves what was known. A server that is known to be wrong holds up no other: the turn goes on, and what is wrong is told until
that server answers rightly.
"""

import dataclasses
from collections.abc import Iterable, Mapping

from vllm_operator.kube import backoff, cache
from vllm_operator.kube.conditions import ConditionValue

SETTLED = backoff.Backoff(first=720.0, longest=720.0, jitter=1 / 6)
FIRST_SECONDS = 2.0
FAILING_SECONDS = 60.0  # at the longest: a model that heals without a new pod is to be believed soon
BUSY_SECONDS = 600.0
SHARE = 10  # a failing model is asked with at most a tenth of the client's limit, in the long run


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What is believed of one model. Times are the event loop's, in seconds.

    `said`: what is told, None until it is sure; `heard`: what came last, None where the model was busy or nothing is in doubt any
    more; `wrong`: what is sure of those whose answer was not right, by pod, "" for the Service; `templates`: the pod templates
    that answer; `asked`: those of which `said` is told; `failing_since`: since when no right answer came, None where
    the last one was right; `due`: when the model is asked again; `stamp`: of the cache that was looked at last; `server`: the pod
    that was asked last, "" for the Service, None before the first.
    """

    templates: frozenset[str] = frozenset()
    said: ConditionValue | None = None
    heard: ConditionValue | None = None
    failing_since: float | None = None
    due: float = 0.0
    stamp: cache.Stamp = 0
    asked: frozenset[str] = frozenset()
    server: str | None = None
    wrong: Mapping[str, ConditionValue] = dataclasses.field(default_factory=dict)

    def of_templates(self, templates: frozenset[str]) -> "Verdict":
        """Return the verdict while pods of `templates` answer: due at once where all are of another template than before."""
        if templates == self.templates or len(templates) > 1:
            return self
        return dataclasses.replace(self, templates=templates, failing_since=None, due=0.0, server=None, wrong={})

    def among(self, servers: Iterable[str]) -> "Verdict":
        """Return the verdict without what was wrong of servers that are not asked any more."""
        order = _order(servers)
        wrong = {name: said for name, said in self.wrong.items() if name in order}
        return dataclasses.replace(self, wrong=wrong)

    def turn(self, servers: Iterable[str]) -> str:
        """Return which of the `servers` that answer is asked next, "" for the Service, which is asked first and between rounds.

        One alone is asked through the Service; one whose answer was wrong is asked again, until it is sure.
        """
        order = _order(servers)
        is_wrong = self.heard is not None and self.heard.status != "True"
        if self.server is None or (is_wrong and self.server in order):
            return self.server or ""
        return next((one for one in order if one > (self.server or "")), "")

    def of_generation(self, generation: int) -> "Verdict":
        """Return the verdict of that generation of the spec, where something is said."""
        said = self.said and self.said._replace(generation=generation)
        return dataclasses.replace(self, said=said)

    def after(self, heard: ConditionValue | None, per_hour: int, now: float) -> "Verdict":
        """Return the verdict after `heard`; the client whose key was used may send `per_hour` requests in an hour."""
        longest = max(FAILING_SECONDS, SHARE * 3600 / per_hour) if heard else BUSY_SECONDS
        if heard is None or not self._is_sure(heard):
            return _again(self, heard, longest, now)
        wrong = {name: said for name, said in self.wrong.items() if name != self._name}
        wrong |= {self._name: heard} if heard.status != "True" else {}
        said = (_worst(wrong) or heard)._replace(generation=heard.generation)
        after = dataclasses.replace(self, said=said, wrong=wrong, asked=self.templates)
        if wrong:
            return _again(after, None, longest, now)
        return dataclasses.replace(after, heard=heard, failing_since=None, due=now + SETTLED.pause(0))

    @property
    def _name(self) -> str:
        return self.server or ""

    def _is_sure(self, heard: ConditionValue) -> bool:
        """Tell whether what came is believed: a right answer, or a wrong one that came before."""
        before = (one.status for one in (self.heard, self.wrong.get(self._name)) if one)
        return heard.status == "True" or heard.status in before

    def without_asking(self, said: ConditionValue) -> "Verdict":
        """Return the verdict where the model cannot be asked, for the reason that `said` gives; it is due as soon as it can."""
        return Verdict(templates=self.templates, asked=self.templates, said=said)


def _again(before: Verdict, heard: ConditionValue | None, longest: float, now: float) -> Verdict:
    """Return the verdict that is due soon, and ever later while the model is wrong or busy, up to `longest` seconds."""
    since = now if before.failing_since is None else before.failing_since
    due = now + backoff.Backoff(FIRST_SECONDS, longest).pause(now - since)
    return dataclasses.replace(before, heard=heard, failing_since=since, due=due)


def _order(servers: Iterable[str]) -> list[str]:
    """Return in which order the Service, "", and the servers are asked."""
    ordered = sorted(servers)
    return ["", *ordered] if len(ordered) > 1 else [""]


def _worst(wrong: Mapping[str, ConditionValue]) -> ConditionValue | None:
    """Return what is told of all that is wrong: a wrong answer first, and of those the Service's."""
    ordered = sorted(wrong.items(), key=lambda one: (one[1].status != "False", one[0]))
    return ordered[0][1] if ordered else None
