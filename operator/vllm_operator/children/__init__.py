"""From one ModelDeployment to the objects it becomes: a pure function per kind, named for what it returns.

plan.py        all that is decided of one model, once per run; versions.py decides which version of its servers
serving.py     what serves now, as clients are told it
template.py    the ControllerRevision that pins the pod template; pod.py has the template

Nothing here has a client, a clock or randomness. Must not know what becomes of a write.
"""

from vllm_operator.children.plan import WITHHELD, Plan, client_secrets, due, guard_secret, plan, unwanted
from vllm_operator.children.serving import Serving, serving
from vllm_operator.children.versions import Inputs

__all__ = [
    "WITHHELD",
    "Inputs",
    "Plan",
    "Serving",
    "client_secrets",
    "due",
    "guard_secret",
    "plan",
    "serving",
    "unwanted",
]
