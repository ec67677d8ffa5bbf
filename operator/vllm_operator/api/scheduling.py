"""Where a server's pod may run: the shapes of Kubernetes' own pod, typed, so that bad input is refused at apply.

Must not know what becomes of them. Nodes and pods are chosen by affinity.py.
"""

from typing import Literal

import pydantic

from vllm_operator.api import schema
from vllm_operator.api.affinity import (
    ATOMIC,
    Affinity,
    Keys,
    LabelSelector,
    TopologyKey,
)  # a field is named as the module is


class Toleration(schema.Schema):
    """A taint that the servers tolerate."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                "without a key every taint is tolerated: write operator: Exists, or name the key",
            ),
            schema.rule(
                "!has(self.value) || !has(self.operator) || self.operator == 'Equal'",
                "operator Exists takes no value: leave value out, or write operator: Equal",
            ),
            schema.rule(
                "!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
                "tolerationSeconds goes with effect: NoExecute",
            ),
        )
    )

    key: schema.LabelKey | None = pydantic.Field(
        default=None, description="Key of the taint. Default: every key, with operator Exists."
    )
    operator: Literal["Exists", "Equal"] | None = pydantic.Field(
        default=None, description="Exists or Equal. Default: Equal."
    )
    value: schema.LabelValue | None = pydantic.Field(
        default=None, description="Value of the taint, with operator Equal. Default: empty."
    )
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = pydantic.Field(
        default=None, description="Effect of the taint. Default: every effect."
    )
    toleration_seconds: int | None = pydantic.Field(
        default=None,
        ge=0,
        le=31_536_000,
        description="How long a NoExecute taint is tolerated. Seconds. Default: without end.",
    )


class Spread(schema.Schema):
    """How evenly the servers are spread over nodes or zones."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
                "minDomains goes with whenUnsatisfiable: DoNotSchedule",
            )
        )
    )

    max_skew: int = pydantic.Field(
        ge=1, le=1000, description="Largest difference in the number of pods between two domains."
    )
    topology_key: TopologyKey
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = pydantic.Field(
        description="DoNotSchedule or ScheduleAnyway."
    )
    label_selector: LabelSelector | None = pydantic.Field(
        default=None, description="Labels of the pods that are counted. Default: the servers of this model."
    )
    match_label_keys: Keys = pydantic.Field(
        default_factory=tuple,
        description="Labels whose value must be the same as the server's, such as pod-template-hash. Default: none.",
    )
    min_domains: int | None = pydantic.Field(
        default=None, ge=1, le=1000, description="Smallest number of domains. Default: 1."
    )
    node_affinity_policy: Literal["Honor", "Ignore"] | None = pydantic.Field(
        default=None,
        description="Honor leaves out nodes that the affinity excludes; Ignore counts them. Default: Honor.",
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = pydantic.Field(
        default=None,
        description="Honor leaves out nodes with taints that are not tolerated; Ignore counts them. Default: Ignore.",
    )


class Scheduling(schema.Schema):
    """Where the servers may run."""

    node_selector: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Labels that a node must have. Default: none.",
        json_schema_extra=schema.rules(schema.KEYS, **{"x-kubernetes-map-type": "atomic"}),
    )
    tolerations: tuple[Toleration, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=32,
        description="Taints that the servers tolerate. Default: none.",
        json_schema_extra=ATOMIC,
    )
    affinity: Affinity | None = pydantic.Field(
        default=None, description="Nodes and pods that the servers need or prefer. Default: none."
    )
    topology_spread_constraints: tuple[Spread, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="How evenly the servers are spread over nodes or zones. Default: over nodes, where possible.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["topologyKey", "whenUnsatisfiable"],
        },
    )
    priority_class_name: schema.Name | None = pydantic.Field(
        default=None,
        description="PriorityClass of the servers. Default: the cluster's default class.",
        json_schema_extra=schema.rules(
            schema.NAMED,
            schema.rule(
                "!self.startsWith('system-')", "system-* are for the cluster itself: choose another PriorityClass"
            ),
        ),
    )
    scheduler_name: schema.Name | None = pydantic.Field(
        default=None, description="Scheduler that places the servers. Default: the cluster's default scheduler."
    )
    runtime_class_name: schema.Name | None = pydantic.Field(
        default=None, description="RuntimeClass of the servers. Default: the cluster's default runtime."
    )
