"""How long a server may stand still: `engine.stallTimeout`, split between the guard that watches and the kubelet that restarts.

The kubelet restarts a container whose probe has failed FAILURES times in a row. It cannot tell a stall from a guard that is away,
so its share is the same for every model; the guard's is the rest.
"""

from vllm_operator import api, guard
from vllm_operator.engine import options, verification

FAILURES, PERIOD = 8, 15
"""Questions, and seconds between two. A guard that does not answer, or an engine without health, so has two minutes."""


def variables(spec: api.Spec) -> dict[str, str]:
    """Return the variables that make the guard of a model watch over its engine; none where it is not to."""
    seconds = api.seconds(spec.engine.stall_timeout)
    if not seconds:
        return {}
    asked = verification.request(options.served_name(spec.model), spec.model.task)
    silence = seconds - (FAILURES - 1) * PERIOD
    return guard.watch_variables(max(PERIOD, silence), asked.path, asked.content_type, asked.content)
