"""What a spec asks of its pod template, as a value whose hash is the same whichever release of the operator computes it.

The API server stores a field's default when a model is written, so stored specs hold the defaults of the day they were written.
FIRST_DEFAULTS has the first default that each field ever had. What equals it is left out, and so is what is not set.
- A release may change a default: specs that hold the first one stay as they are, and so do their pods.
- A new field of these classes needs a row here if it has a default, for the API server adds it to all specs that it reads.
- A row never changes, or every model would be rolled out anew.
"""

from collections.abc import Iterable
from typing import Any

import pydantic

from vllm_operator import api

PARTS = (
    "model", "resources", "engine", "guard", "image_pull_secrets", "service_account_name", "pod_metadata", "scheduling",
    "resource_claims", "security_context",
)  # fmt: skip
"""The fields of a spec that the template is made of; of `access`, maxQueuedRequests."""

FIRST_DEFAULTS: dict[str, dict[str, Any]] = {
    "Spec": {
        "resources": {},
        "engine": {},
        "guard": {},
        "image_pull_secrets": [],
        "pod_metadata": {},
        "scheduling": {},
    },
    "Access": {"max_queued_requests": 64},
    "Model": {"task": "Generate", "files": []},
    "Engine": {
        "allow_long_context": False,
        "args": [],
        "env": [],
        "startup_timeout": "30m",
        "stall_timeout": "3m",
        "drain_timeout": "60s",
    },
    "Env": {"value": ""},
    "Guard": {"resources": {}},
    "PodMetadata": {"labels": {}, "annotations": {}},
    "Scheduling": {"node_selector": {}, "tolerations": [], "topology_spread_constraints": []},
    "NodeRequirement": {"values": []},
    "NodeAffinity": {"preferred_during_scheduling_ignored_during_execution": []},
    "LabelRequirement": {"values": []},
    "LabelSelector": {"match_labels": {}, "match_expressions": []},
    "PodTerm": {"match_label_keys": [], "mismatch_label_keys": []},
    "PodAffinity": {
        "required_during_scheduling_ignored_during_execution": [],
        "preferred_during_scheduling_ignored_during_execution": [],
    },
    "Spread": {"match_label_keys": []},
}


LEFT_OUT = {"Cache": ("size", "storage_class_name", "retain")}
"""Fields that no pod is made of."""


def inputs(spec: api.Spec) -> dict[str, Any]:
    """Return what `spec` asks of its pod template beyond the first defaults."""
    parts = _asked(spec, PARTS)
    return {**parts, "access": _asked(spec.access, ("max_queued_requests",))}


def _asked(part: pydantic.BaseModel, names: Iterable[str]) -> dict[str, Any]:
    first = FIRST_DEFAULTS.get(type(part).__name__, {})
    left_out = LEFT_OUT.get(type(part).__name__, ())
    given = {
        name: _plain(getattr(part, name)) for name in names if name in part.model_fields_set and name not in left_out
    }
    return {
        name: value
        for name, value in given.items()
        if value is not None and (name not in first or value != first[name])
    }


def _plain(value: Any) -> Any:
    """Return `value`, a field's, as JSON."""
    if isinstance(value, pydantic.BaseModel):
        return _asked(value, type(value).model_fields)
    if isinstance(value, tuple):
        return list(value) if value and isinstance(value[0], str) else [_plain(one) for one in value]
    return value
