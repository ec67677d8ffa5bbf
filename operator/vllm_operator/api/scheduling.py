"""Where a server's pod may run: the shapes of Kubernetes' own pod, typed, so that bad input is refused at apply.

Must not know what becomes of them. Left out: terms on other namespaces' pods, and on nodes by name.
"""

from typing import Annotated, Any, Literal

import pydantic

from vllm_operator.api import schema

ATOMIC: Any = {"x-kubernetes-list-type": "atomic"}
Weight = Annotated[int, pydantic.Field(ge=1, le=100, description="What it counts against other preferences, 1 to 100.")]
Keys = Annotated[tuple[schema.LabelKey, ...], pydantic.Field(max_length=8, json_schema_extra=ATOMIC)]
Values = Annotated[tuple[schema.LabelValue, ...], pydantic.Field(max_length=64, json_schema_extra=ATOMIC)]
TopologyKey = Annotated[
    schema.LabelKey,
    pydantic.Field(description="The node label whose values are the domains, such as kubernetes.io/hostname."),
]
VALUES_FIT = schema.rules(
    schema.rule(
        "(self.operator in ['Exists', 'DoesNotExist']) == (!has(self.values) || self.values.size() == 0)",
        "Exists and DoesNotExist take no values; every other operator needs some",
    )
)
KEYS_NEED_SELECTOR = schema.rules(
    schema.rule(
        "has(self.labelSelector) || !(has(self.matchLabelKeys) || has(self.mismatchLabelKeys))",
        "matchLabelKeys and mismatchLabelKeys narrow a labelSelector: write one",
    )
)


class Toleration(schema.Schema):
    """A taint that the servers bear."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.key) || (has(self.operator) && self.operator == 'Exists')",
                "without a key every taint is borne: write operator: Exists, or name the key",
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
        default=None, description="The taint's key; with Exists, none means all."
    )
    operator: Literal["Exists", "Equal"] | None = pydantic.Field(
        default=None, description="Exists or Equal, the default."
    )
    value: schema.LabelValue | None = pydantic.Field(default=None, description="The taint's value, with Equal.")
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = pydantic.Field(
        default=None, description="The taint's effect; none means all."
    )
    toleration_seconds: int | None = pydantic.Field(
        default=None, ge=0, le=31_536_000, description="How long a NoExecute taint is borne; none means for ever."
    )


class NodeRequirement(schema.Schema):
    """What a node's label must be."""

    model_config = pydantic.ConfigDict(json_schema_extra=VALUES_FIT)

    key: schema.LabelKey = pydantic.Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = pydantic.Field(
        description="In, NotIn, Exists, DoesNotExist, Gt or Lt."
    )
    values: Values = pydantic.Field(
        default_factory=tuple, description="Values of the label; one number with Gt and Lt."
    )


class NodeTerm(schema.Schema):
    """Requirements that hold together."""

    match_expressions: tuple[NodeRequirement, ...] = pydantic.Field(
        min_length=1, max_length=8, description="All of them must hold.", json_schema_extra=ATOMIC
    )


class NodeTerms(schema.Schema):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeTerm, ...] = pydantic.Field(
        min_length=1, max_length=8, description="One of them must hold.", json_schema_extra=ATOMIC
    )


class NodePreference(schema.Schema):
    """A term that is better met."""

    weight: Weight
    preference: NodeTerm = pydantic.Field(description="The nodes that are preferred.")


class NodeAffinity(schema.Schema):
    """Nodes by their labels."""

    required_during_scheduling_ignored_during_execution: NodeTerms | None = pydantic.Field(
        default=None, description="Only on such nodes."
    )
    preferred_during_scheduling_ignored_during_execution: tuple[NodePreference, ...] = pydantic.Field(
        default_factory=tuple, max_length=8, description="Rather on such nodes.", json_schema_extra=ATOMIC
    )


class LabelRequirement(schema.Schema):
    """What a pod's label must be."""

    model_config = pydantic.ConfigDict(json_schema_extra=VALUES_FIT)

    key: schema.LabelKey = pydantic.Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = pydantic.Field(
        description="In, NotIn, Exists or DoesNotExist."
    )
    values: Values = pydantic.Field(default_factory=tuple, description="Values of the label.")


class LabelSelector(schema.Schema):
    """Pods by their labels; an empty one selects all."""

    match_labels: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Labels that a pod must have.",
        json_schema_extra=schema.rules(schema.KEYS),
    )
    match_expressions: tuple[LabelRequirement, ...] = pydantic.Field(
        default_factory=tuple, max_length=8, description="All of them must hold.", json_schema_extra=ATOMIC
    )


class PodTerm(schema.Schema):
    """Pods of this namespace, and how near to them."""

    model_config = pydantic.ConfigDict(json_schema_extra=KEYS_NEED_SELECTOR)

    topology_key: TopologyKey
    label_selector: LabelSelector | None = pydantic.Field(default=None, description="The pods; without it, none.")
    match_label_keys: Keys = pydantic.Field(
        default_factory=tuple, description="Labels whose value must be the server's own, such as pod-template-hash."
    )
    mismatch_label_keys: Keys = pydantic.Field(
        default_factory=tuple, description="Labels whose value must not be the server's own."
    )


class PodPreference(schema.Schema):
    """A term that is better met."""

    weight: Weight
    pod_affinity_term: PodTerm = pydantic.Field(description="The pods, and how near to them.")


class PodAffinity(schema.Schema):
    """Nodes by the pods that run there."""

    required_during_scheduling_ignored_during_execution: tuple[PodTerm, ...] = pydantic.Field(
        default_factory=tuple, max_length=8, description="All of them must hold.", json_schema_extra=ATOMIC
    )
    preferred_during_scheduling_ignored_during_execution: tuple[PodPreference, ...] = pydantic.Field(
        default_factory=tuple, max_length=8, description="Better where they hold.", json_schema_extra=ATOMIC
    )


class Affinity(schema.Schema):
    """Which nodes the servers keep to."""

    node_affinity: NodeAffinity | None = pydantic.Field(default=None, description="Nodes by their labels.")
    pod_affinity: PodAffinity | None = pydantic.Field(default=None, description="Near to such pods.")
    pod_anti_affinity: PodAffinity | None = pydantic.Field(default=None, description="Away from such pods.")


class Spread(schema.Schema):
    """How evenly the servers lie over nodes or zones."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "!has(self.minDomains) || self.whenUnsatisfiable == 'DoNotSchedule'",
                "minDomains goes with whenUnsatisfiable: DoNotSchedule",
            )
        )
    )

    max_skew: int = pydantic.Field(ge=1, le=1000, description="How many more servers one domain may have than another.")
    topology_key: TopologyKey
    when_unsatisfiable: Literal["DoNotSchedule", "ScheduleAnyway"] = pydantic.Field(
        description="DoNotSchedule or ScheduleAnyway."
    )
    label_selector: LabelSelector | None = pydantic.Field(
        default=None, description="The pods that are counted. Default: the servers of this model."
    )
    match_label_keys: Keys = pydantic.Field(
        default_factory=tuple, description="Labels whose value must be the server's own, such as pod-template-hash."
    )
    min_domains: int | None = pydantic.Field(default=None, ge=1, le=1000, description="How many domains there must be.")
    node_affinity_policy: Literal["Honor", "Ignore"] | None = pydantic.Field(
        default=None, description="Whether nodes that affinity excludes count: Honor, the default, or Ignore."
    )
    node_taints_policy: Literal["Honor", "Ignore"] | None = pydantic.Field(
        default=None,
        description="Whether nodes with taints that are not borne count out: Honor, or Ignore, the default.",
    )


class Scheduling(schema.Schema):
    """Where the servers may run."""

    node_selector: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Labels that a node must have.",
        json_schema_extra=schema.rules(schema.KEYS, **{"x-kubernetes-map-type": "atomic"}),
    )
    tolerations: tuple[Toleration, ...] = pydantic.Field(
        default_factory=tuple, max_length=32, description="Taints that the servers bear.", json_schema_extra=ATOMIC
    )
    affinity: Affinity | None = pydantic.Field(default=None, description="Nodes and pods that the servers keep to.")
    topology_spread_constraints: tuple[Spread, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="How evenly the servers lie over nodes or zones.",
        json_schema_extra={
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["topologyKey", "whenUnsatisfiable"],
        },
    )
    priority_class_name: schema.Name | None = pydantic.Field(
        default=None,
        description="The PriorityClass of the servers.",
        json_schema_extra=schema.rules(
            schema.NAMED,
            schema.rule(
                "!self.startsWith('system-')", "system-* are for the cluster itself: choose another PriorityClass"
            ),
        ),
    )
    runtime_class_name: schema.Name | None = pydantic.Field(
        default=None, description="The RuntimeClass of the servers."
    )
