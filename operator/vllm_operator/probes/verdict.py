"""What is believed of a model's answers, and when it is asked again. Pure: answers and times come in.

A right answer is believed at once, a wrong one when it came twice: one cut connection takes no model away. A busy model's refusal
leaves what was known.
"""

import dataclasses
from collections.abc import Iterable

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

    `said`: what is told, None until it is sure; `heard`: what came last, None where the model was busy; `templates`: the pod
    templates that answer; `asked`: those of which `said` is told; `failing_since`: since when no right answer came, None where
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

    def of_templates(self, templates: frozenset[str]) -> "Verdict":
        """Return the verdict while pods of `templates` answer: due at once where all are of another template than before."""
        if templates == self.templates or len(templates) > 1:
            return self
        return dataclasses.replace(self, templates=templates, failing_since=None, due=0.0, server=None)

    def turn(self, servers: Iterable[str]) -> str:
        """Return which of the `servers` that answer is asked next, "" for the Service, which is asked first and between rounds.

        One alone is asked through the Service; one whose answer was wrong is asked again.
        """
        ordered = sorted(servers)
        order = ["", *ordered] if len(ordered) > 1 else [""]
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
        if heard and heard.status == "True":
            due = now + SETTLED.pause(0)
            return dataclasses.replace(self, said=heard, heard=heard, asked=self.templates, failing_since=None, due=due)
        is_sure = heard and self.heard and self.heard.status == heard.status
        since = now if self.failing_since is None else self.failing_since
        longest = max(FAILING_SECONDS, SHARE * 3600 / per_hour) if heard else BUSY_SECONDS
        return dataclasses.replace(
            self,
            said=heard if is_sure else self.said,
            heard=heard,
            asked=self.templates if is_sure else self.asked,
            failing_since=since,
            due=now + backoff.Backoff(FIRST_SECONDS, longest).pause(now - since),
        )

    def without_asking(self, said: ConditionValue) -> "Verdict":
        """Return the verdict where the model cannot be asked, for the reason that `said` gives; it is due as soon as it can."""
        return Verdict(templates=self.templates, asked=self.templates, said=said)
