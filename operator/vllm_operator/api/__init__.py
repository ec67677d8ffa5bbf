"""The resource: every field of a ModelDeployment with its type, limits, default, rules and documentation.

The CRD is generated from here (crd.py), so what `kubectl explain` prints and what `kubectl apply` refuses stand beside the
field. Knows nothing of the objects that a ModelDeployment becomes. Limits are the API server's to enforce; pydantic enforces
the types again and ignores fields of a newer schema.

schema.py   frozen base, CEL rules, durations, names, quantities      spec.py    what is wanted: model.py, engine.py, pods.py,
status/rules.py   what is observed                                                     scheduling.py, access.py, expose.py
"""

from vllm_operator.api.access import Access, Client, Cors, KeySecretRef, RateLimit
from vllm_operator.api.engine import Engine, Env
from vllm_operator.api.expose import Expose, Ingress, Tls
from vllm_operator.api.model import Model, Task
from vllm_operator.api.pods import Guard, GuardResources, PodMetadata, PullSecret, Resources
from vllm_operator.api.scheduling import Scheduling
from vllm_operator.api.schema import moment, rule, rules, seconds, unix
from vllm_operator.api.spec import Spec
from vllm_operator.api.status import ClientStatus, Condition, Status

__all__ = [
    "Access",
    "Client",
    "ClientStatus",
    "Condition",
    "Cors",
    "Engine",
    "Env",
    "Expose",
    "Guard",
    "GuardResources",
    "Ingress",
    "KeySecretRef",
    "Model",
    "PodMetadata",
    "PullSecret",
    "RateLimit",
    "Resources",
    "Scheduling",
    "Spec",
    "Status",
    "Task",
    "Tls",
    "moment",
    "rule",
    "rules",
    "seconds",
    "unix",
]
