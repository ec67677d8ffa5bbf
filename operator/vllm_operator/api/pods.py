"""What a server's pod asks for and carries; where it may run stands in scheduling.py."""

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

    name: schema.Name = pydantic.Field(description="Its name, in this namespace.")


class Resources(schema.Schema):
    """What the engine's container asks for and may use. An accelerator is named by its resource, such as nvidia.com/gpu."""

    limits: schema.Quantities | None = pydantic.Field(
        default=None, description="The most the engine may use. Without an accelerator it runs on the CPU."
    )
    requests: schema.Quantities | None = pydantic.Field(
        default=None, description="What the scheduler reserves. Default: the limits."
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
    """What a guard's container asks for and may use. What is not named here has the operator's setting."""

    limits: GuardQuantities | None = pydantic.Field(
        default=None,
        description="The most a guard may use. The operator's settings name memory and, so that none is slowed, no cpu.",
    )
    requests: GuardQuantities | None = pydantic.Field(
        default=None, description="What the scheduler reserves. The operator's settings name cpu and memory."
    )


class Guard(schema.Schema):
    """The Envoy before each server."""

    resources: GuardResources = pydantic.Field(
        default_factory=GuardResources,
        description="What one guard asks for and may use, by way of a quota for instance.",
    )


class PodMetadata(schema.Schema):
    """Labels and annotations of the servers' pods."""

    labels: dict[str, schema.LabelValue] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="More labels. The chart's allow.podLabels has the keys that may be used.",
        json_schema_extra=chosen_keys(),
    )
    annotations: dict[str, schema.Text] = pydantic.Field(
        default_factory=dict,
        max_length=16,
        description="More annotations. The chart's allow.podAnnotations has the keys that may be used.",
        json_schema_extra=chosen_keys(),
    )
