"""Which nodes and pods the servers need or prefer: the shapes of Kubernetes' own affinity and label selectors.

Left out: terms on pods of other namespaces, and on nodes by name.
"""

from typing import Annotated, Any, Literal

import pydantic

from vllm_operator.api import schema

ATOMIC: Any = {"x-kubernetes-list-type": "atomic"}
Weight = Annotated[int, pydantic.Field(ge=1, le=100, description="Weight of this preference beside others, 1 to 100.")]
Keys = Annotated[tuple[schema.LabelKey, ...], pydantic.Field(max_length=8, json_schema_extra=ATOMIC)]
Values = Annotated[tuple[schema.LabelValue, ...], pydantic.Field(max_length=64, json_schema_extra=ATOMIC)]
TopologyKey = Annotated[
    schema.LabelKey,
    pydantic.Field(description="Node label whose values are the domains, such as kubernetes.io/hostname."),
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


class NodeRequirement(schema.Schema):
    """A requirement on a label of the node."""

    model_config = pydantic.ConfigDict(json_schema_extra=VALUES_FIT)

    key: schema.LabelKey = pydantic.Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"] = pydantic.Field(
        description="In, NotIn, Exists, DoesNotExist, Gt or Lt."
    )
    values: Values = pydantic.Field(
        default_factory=tuple, description="Values of the label; one number with Gt and Lt. Default: none."
    )


class NodeTerm(schema.Schema):
    """Requirements that must all hold."""

    match_expressions: tuple[NodeRequirement, ...] = pydantic.Field(
        min_length=1, max_length=8, description="Requirements that must all hold.", json_schema_extra=ATOMIC
    )


class NodeTerms(schema.Schema):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeTerm, ...] = pydantic.Field(
        min_length=1, max_length=8, description="Terms of which one must hold.", json_schema_extra=ATOMIC
    )


class NodePreference(schema.Schema):
    """Nodes that the servers prefer."""

    weight: Weight
    preference: NodeTerm = pydantic.Field(description="The nodes that are preferred.")


class NodeAffinity(schema.Schema):
    """Nodes by their labels."""

    required_during_scheduling_ignored_during_execution: NodeTerms | None = pydantic.Field(
        default=None, description="Nodes that the servers need. Default: any."
    )
    preferred_during_scheduling_ignored_during_execution: tuple[NodePreference, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="Nodes that the servers prefer. Default: none.",
        json_schema_extra=ATOMIC,
    )


class LabelRequirement(schema.Schema):
    """A requirement on a label of the pod."""

    model_config = pydantic.ConfigDict(json_schema_extra=VALUES_FIT)

    key: schema.LabelKey = pydantic.Field(description="The label's key.")
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"] = pydantic.Field(
        description="In, NotIn, Exists or DoesNotExist."
    )
    values: Values = pydantic.Field(default_factory=tuple, description="Values of the label. Default: none.")


class LabelSelector(schema.Schema):
    """Pods by their labels; an empty selector selects all."""

    match_labels: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Labels that a pod must have. Default: none.",
        json_schema_extra=schema.rules(schema.KEYS),
    )
    match_expressions: tuple[LabelRequirement, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="Requirements that must all hold. Default: none.",
        json_schema_extra=ATOMIC,
    )


class PodTerm(schema.Schema):
    """Pods of this namespace, and the domain that is shared with them."""

    model_config = pydantic.ConfigDict(json_schema_extra=KEYS_NEED_SELECTOR)

    topology_key: TopologyKey
    label_selector: LabelSelector | None = pydantic.Field(
        default=None, description="Labels of the pods. Default: no pod."
    )
    match_label_keys: Keys = pydantic.Field(
        default_factory=tuple,
        description="Labels whose value must be the same as the server's, such as pod-template-hash. Default: none.",
    )
    mismatch_label_keys: Keys = pydantic.Field(
        default_factory=tuple, description="Labels whose value must differ from the server's. Default: none."
    )


class PodPreference(schema.Schema):
    """Pods that the servers prefer to be close to, or away from."""

    weight: Weight
    pod_affinity_term: PodTerm = pydantic.Field(description="Pods, and the domain that is shared with them.")


class PodAffinity(schema.Schema):
    """Nodes by the pods that run there."""

    required_during_scheduling_ignored_during_execution: tuple[PodTerm, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="Terms that must all hold. Default: none.",
        json_schema_extra=ATOMIC,
    )
    preferred_during_scheduling_ignored_during_execution: tuple[PodPreference, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=8,
        description="Terms that the scheduler prefers to meet. Default: none.",
        json_schema_extra=ATOMIC,
    )


class Affinity(schema.Schema):
    """Nodes and pods that the servers need or prefer."""

    node_affinity: NodeAffinity | None = pydantic.Field(
        default=None, description="Nodes by their labels. Default: any."
    )
    pod_affinity: PodAffinity | None = pydantic.Field(default=None, description="Pods to be close to. Default: none.")
    pod_anti_affinity: PodAffinity | None = pydantic.Field(
        default=None, description="Pods to be away from. Default: none."
    )
