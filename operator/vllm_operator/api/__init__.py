"""The resource: every field of a ModelDeployment with its type, limits, default, rules and documentation.

The CRD is generated from here (crd.py), so what `kubectl explain` prints and what `kubectl apply` refuses stand beside the
field. Knows nothing of the objects that a ModelDeployment becomes. Limits are the API server's to enforce; pydantic enforces
the types again and ignores fields of a newer schema.

schema.py     the frozen base, CEL rules, the types that fields share
values.py     durations, moments, quantities: text -> value
spec.py       what is wanted: model.py, sources.py, weights.py, adapters.py, engine.py, pods.py, scheduling.py, affinity.py,
              rollout.py, access.py, expose.py; how a spec is read
status.py     what is observed; how a status is cut to its limits

A description ends with the field's unit and its default: "... Seconds. Default: 30."
"""

from vllm_operator.api.access import Access, Client, Cors, KeySecretRef, RateLimit
from vllm_operator.api.adapters import Adapter
from vllm_operator.api.engine import AUTO, HOST_NAME, Engine, Env, Media
from vllm_operator.api.expose import (
    LONGEST_PATH,
    LONGEST_URL,
    PATH,
    TAKEN_SEGMENTS,
    URL,
    Expose,
    Gateway,
    Ingress,
    IssuerRef,
    ParentRef,
    Tls,
)
from vllm_operator.api.model import Model, Task
from vllm_operator.api.pods import Guard, GuardResources, PodMetadata, PodSecurityContext, PullSecret, Resources
from vllm_operator.api.rollout import Rollout
from vllm_operator.api.scheduling import Scheduling
from vllm_operator.api.schema import cel_list, rule, rules
from vllm_operator.api.spec import Spec, SpecNotUnderstood, keys_alone, parse, written
from vllm_operator.api.status import ClientStatus, Condition, Status, WeightsStatus, fitted
from vllm_operator.api.values import LARGEST_QUANTITY, QUANTITY, is_quantity, moment, seconds, unix
from vllm_operator.api.weights import Cache, CredentialsSecretRef

__all__ = [
    "AUTO",
    "HOST_NAME",
    "LARGEST_QUANTITY",
    "LONGEST_PATH",
    "LONGEST_URL",
    "PATH",
    "QUANTITY",
    "TAKEN_SEGMENTS",
    "URL",
    "Access",
    "Adapter",
    "Cache",
    "Client",
    "ClientStatus",
    "Condition",
    "Cors",
    "CredentialsSecretRef",
    "Engine",
    "Env",
    "Expose",
    "Gateway",
    "Guard",
    "GuardResources",
    "Ingress",
    "IssuerRef",
    "KeySecretRef",
    "Media",
    "Model",
    "ParentRef",
    "PodMetadata",
    "PodSecurityContext",
    "PullSecret",
    "RateLimit",
    "Resources",
    "Rollout",
    "Scheduling",
    "Spec",
    "SpecNotUnderstood",
    "Status",
    "Task",
    "Tls",
    "WeightsStatus",
    "cel_list",
    "fitted",
    "is_quantity",
    "keys_alone",
    "moment",
    "parse",
    "rule",
    "rules",
    "seconds",
    "unix",
    "written",
]
