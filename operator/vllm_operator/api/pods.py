"""Resources, labels and annotations of a server's pod; scheduling.py has where it may run."""

from typing import Annotated, Any

import pydantic

from vllm_operator.api import references, schema

GUARDS_OWN = ["cpu", "memory", "ephemeral-storage"]
TAKEN_KEYS = ["app.kubernetes.io/component", "app.kubernetes.io/instance", "app.kubernetes.io/managed-by",
              "app.kubernetes.io/name", "pod-template-hash"]  # fmt: skip
STANDARD = "name.contains('/') || name in ['cpu', 'memory', 'ephemeral-storage'] || name.startsWith('hugepages-')"
"""CEL: `name` is a resource of Kubernetes or one with a domain."""
STANDARD_MESSAGE = (
    "an accelerator is named with its domain, such as nvidia.com/gpu; without one write cpu, memory, ephemeral-storage or"
    " hugepages-<size>"
)
Group = Annotated[int, pydantic.Field(ge=1, le=2**31 - 1)]
LONGEST_ANNOTATIONS = 32_768
"""The most characters in the values of a spec's annotations, of up to four bytes each: with the operator's own they fit."""
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


def chosen_annotations() -> dict[str, Any]:
    """Return the schema extension of a map of annotations: chosen keys, and few enough characters for an object."""
    return schema.rules(
        *chosen_keys()["x-kubernetes-validations"],
        schema.rule(
            f"self.map(key, self[key].size()).sum() <= {LONGEST_ANNOTATIONS}",
            f"an object takes some 256 KiB of annotations: write at most {LONGEST_ANNOTATIONS} characters in all values together",
        ),
    )


class PullSecret(schema.Schema):
    """A Secret with the credentials of an image registry."""

    name: references.SecretName = pydantic.Field(description="Name of the Secret, in this namespace.")


EXTENDED = "name.contains('/') && !name.contains('kubernetes.io/')"
"""CEL: `name` is a resource that the cluster's own plugins offer, such as an accelerator."""


class ResourceClaim(schema.Schema):
    """A claim of devices that the engine uses."""

    name: schema.Label = pydantic.Field(description="Name of one of spec.resourceClaims.")
    request: schema.Label | None = pydantic.Field(
        default=None, description="Name of one request of the claim. Default: all of the claim's devices."
    )


class PodResourceClaim(schema.Schema):
    """Devices that are allocated to each server."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "has(self.resourceClaimName) != has(self.resourceClaimTemplateName)",
                "name either a ResourceClaim that all servers share (resourceClaimName), or a template that each server gets"
                " one of its own from (resourceClaimTemplateName)",
            )
        )
    )

    name: schema.Label = pydantic.Field(description="Name by which spec.resources.claims refers to it. A DNS label.")
    resource_claim_name: schema.Name | None = pydantic.Field(
        default=None, description="ResourceClaim of this namespace, which all servers share. Default: none."
    )
    resource_claim_template_name: schema.Name | None = pydantic.Field(
        default=None,
        description=(
            "ResourceClaimTemplate of this namespace, from which each server gets a claim of its own. Default: none."
        ),
    )


class PodSecurityContext(schema.Schema):
    """Groups of the servers' processes, beside the group of their user."""

    fs_group: Group | None = pydantic.Field(
        default=None,
        description=(
            "Group that the files of the pods' volumes get, where the volume's driver supports it. Set it where the weights"
            " may be read by their group alone. Default: the operator's setting."
        ),
    )
    supplemental_groups: tuple[Group, ...] | None = pydantic.Field(
        default=None,
        max_length=16,
        description=(
            "Further groups of the processes, such as the one that may read a network volume. Default: the operator's setting."
        ),
        json_schema_extra={"x-kubernetes-list-type": "set"},
    )


class Resources(schema.Schema):
    """Resources of the engine in each server."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                f"!has(self.limits) || self.limits.all(name, !({EXTENDED}) || type(self.limits[name]) == int"
                " || self.limits[name].matches('^[0-9]{1,9}$'))",
                "an accelerator is given whole: write a number such as 1, or name a part of one that the cluster offers as a"
                " resource, such as nvidia.com/mig-1g.10gb",
            ),
            schema.rule(
                f"!has(self.requests) || self.requests.all(name, !({EXTENDED}) || (has(self.limits) && name in self.limits"
                " && string(self.limits[name]) == string(self.requests[name])))",
                "an accelerator is reserved as a whole: write the same number in limits, or leave it out of requests",
            ),
            schema.rule(
                f"!has(self.limits) || self.limits.all(name, {STANDARD})",
                STANDARD_MESSAGE,
            ),
            schema.rule(
                f"!has(self.requests) || self.requests.all(name, {STANDARD})",
                STANDARD_MESSAGE,
            ),
        )
    )

    limits: schema.Quantities | None = pydantic.Field(
        default=None,
        description=(
            "The most that the engine may use. An accelerator is named by its resource, such as nvidia.com/gpu: 1;"
            " without one the engine runs on the CPU. The model is split among all whole accelerators of a server"
            " (docs/models.md), unless spec.engine.args says otherwise. ephemeral-storage is what a server may write on its"
            " node's disk, and the size of each of its scratch volumes, that of weights without model.cache among them."
            " Default: no limits; of ephemeral-storage, the room that the chart's pods.scratch says."
        ),
    )
    requests: schema.Quantities | None = pydantic.Field(
        default=None,
        description=(
            "What the scheduler reserves for the engine. Default: the limits; of ephemeral-storage without a limit, the"
            " chart's pods.scratch.reserved."
        ),
    )
    claims: tuple[ResourceClaim, ...] | None = pydantic.Field(
        default=None,
        max_length=16,
        description="Devices that the engine uses, of spec.resourceClaims. Default: none.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
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
        description=(
            "The most that a guard may use. Default: the operator's limit for memory, 1Gi of ephemeral-storage for its"
            " logs, and none for cpu."
        ),
    )
    requests: GuardQuantities | None = pydantic.Field(
        default=None,
        description=(
            "What the scheduler reserves for a guard. Default: the operator's requests for cpu and memory, and 64Mi of"
            " ephemeral-storage where limits names none."
        ),
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
        json_schema_extra=chosen_annotations(),
    )
