"""How long a server may stand still: `engine.stallTimeout`, split between the guard that watches and the kubelet that restarts.

The kubelet restarts a container whose probe has failed FAILURES times in a row. The guard's answer fails after as long a silence
as leaves room for that: so a server is restarted when the whole time is over, and one that moves on before is not.
"""

from vllm_operator import api, guard
from vllm_operator.engine import options, verification

FAILURES = 8
LONGEST_PERIOD = 15
"""Seconds between two questions. A guard that does not answer, or an engine without health, so has two minutes."""
PERIODS = 12
"""Periods of a short stallTimeout: those of the kubelet's failures, and a third of it for the guard's."""


def period(engine: api.Engine) -> int:
    """Return the seconds between two questions whether the engine is alive."""
    seconds = api.seconds(engine.stall_timeout)
    return max(1, min(LONGEST_PERIOD, seconds // PERIODS)) if seconds else LONGEST_PERIOD


def variables(spec: api.Spec) -> dict[str, str]:
    """Return the variables that make the guard of a model watch over its engine; none where it is not to."""
    seconds = api.seconds(spec.engine.stall_timeout)
    if not seconds:
        return {}
    asked = verification.request(options.served_name(spec.model), spec.model.task)
    silence = seconds - (FAILURES - 1) * period(spec.engine)
    return guard.watch_variables(max(1, silence), asked.path, asked.content_type, asked.content)
