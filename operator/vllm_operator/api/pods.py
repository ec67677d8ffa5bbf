"""Resources, labels and annotations of a server's pod; scheduling.py has where it may run."""

from typing import Annotated, Any

import pydantic

from vllm_operator.api import schema

GUARDS_OWN = ["cpu", "memory", "ephemeral-storage"]
TAKEN_KEYS = ["app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by",
              "app.kubernetes.io/name", "pod-template-hash"]  # fmt: skip
TAKEN_PREFIXES = ["kubectl.kubernetes.io/", "kubernetes.io/", "serving.byteshop.in/"]


def chosen_keys() -> dict[str, Any]:
    """Return the schema extension of a map of labels or annotations: none that the operator or Kubernetes sets."""
    names = ", ".join([*TAKEN_KEYS, *(f"{prefix}*" for prefix in TAKEN_PREFIXES)])
    return schema.rules(
        schema.KEYS,
        schema.rule(
            f"!self.exists(key, key in {schema.cel_list(TAKEN_KEYS)}"
            f" || {schema.cel_list(TAKEN_PREFIXES)}.exists(prefix, key.startsWith(prefix)))",
            f"the operator and Kubernetes set these themselves ({names}): choose another key",
        ),
    )


class PullSecret(schema.Schema):
    """A Secret with the credentials of an image registry."""

    name: schema.Name = pydantic.Field(description="Name of the Secret, in this namespace.")


class Resources(schema.Schema):
    """Resources of the engine in each server."""

    limits: schema.Quantities | None = pydantic.Field(
        default=None,
        description=(
            "The most that the engine may use. An accelerator is named by its resource, such as nvidia.com/gpu: 1;"
            " without one the engine runs on the CPU. Default: no limits."
        ),
    )
    requests: schema.Quantities | None = pydantic.Field(
        default=None, description="What the scheduler reserves for the engine. Default: the limits."
    )


GuardQuantities = Annotated[
    dict[str, schema.Quantity],
    pydantic.Field(
        max_length=len(GUARDS_OWN),
        json_schema_extra=schema.rules(
            schema.rule(
                f"self.all(name, name in {schema.cel_list(GUARDS_OWN)})",
                f"a guard uses {', '.join(GUARDS_OWN)}: write the rest in spec.resources, the engine's",
            ),
        ),
    ),
]


class GuardResources(schema.Schema):
    """Resources of one guard. The operator's settings apply to those that are not named."""

    limits: GuardQuantities | None = pydantic.Field(
        default=None,
        description="The most that a guard may use. Default: the operator's limit for memory, and none for cpu.",
    )
    requests: GuardQuantities | None = pydantic.Field(
        default=None,
        description="What the scheduler reserves for a guard. Default: the operator's requests for cpu and memory.",
    )


class Guard(schema.Schema):
    """The Envoy that stands in front of each server."""

    resources: GuardResources = pydantic.Field(
        default_factory=GuardResources,
        description="Resources of one guard. Set them where a quota asks for limits, for instance.",
    )


class PodMetadata(schema.Schema):
    """Labels and annotations of the servers' pods."""

    labels: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Further labels. The chart's allow.podLabels lists the keys that may be used. Default: none.",
        json_schema_extra=chosen_keys(),
    )
    annotations: dict[str, schema.Text] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="Further annotations. The chart's allow.podAnnotations lists the keys that may be used. Default: none.",
        json_schema_extra=chosen_keys(),
    )
