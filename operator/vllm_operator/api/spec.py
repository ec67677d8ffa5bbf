"""The spec of a ModelDeployment: all that is wanted of one model, and how a stored one is read.

SpecNotUnderstood    a stored spec is not one of this schema
"""

import json

import pydantic

from vllm_operator.api import schema
from vllm_operator.api.access import Access  # objects, since the fields are named as the modules are
from vllm_operator.api.engine import Engine
from vllm_operator.api.expose import Expose
from vllm_operator.api.model import Model
from vllm_operator.api.pods import Guard, PodMetadata, PodResourceClaim, PodSecurityContext, PullSecret, Resources
from vllm_operator.api.rollout import Rollout
from vllm_operator.api.scheduling import Scheduling

LONGEST_PATH = 200
_UNION_TAGS = ("constrained-int", "constrained-str")  # which of a quantity's two types a fault is of


class SpecNotUnderstood(ValueError):  # noqa: N818 - the reason that the status gives
    """A stored spec does not fit this schema. The text names the field and the remedy, and repeats no value of the spec."""


class Spec(schema.Schema):
    """What is wanted: one model served by vLLM."""

    model_config = pydantic.ConfigDict(
        json_schema_extra=schema.rules(
            schema.rule(
                "self.access.defaultRateLimit.requests >= self.replicas",
                "the replicas share the rate limit: fewer requests than replicas would let none through; raise the limit",
            ),
            schema.rule(
                "!has(self.engine.trustRemoteCode) || !self.engine.trustRemoteCode || !self.model.source.contains('@refs/')",
                "anybody can propose a ref of the hub: trustRemoteCode takes branches, tags and commits alone",
            ),
            schema.rule(
                "!has(self.model.cache) || !has(self.model.cache.size) || self.replicas <= 1"
                " || (has(self.model.cache.accessMode) && self.model.cache.accessMode == 'ReadWriteMany')"
                " || (has(self.scheduling) && has(self.scheduling.nodeSelector)"
                " && 'kubernetes.io/hostname' in self.scheduling.nodeSelector)",
                "a ReadWriteOnce claim is mounted on one node: write model.cache.accessMode ReadWriteMany, replicas 1, or a"
                " scheduling.nodeSelector with kubernetes.io/hostname",
            ),
            schema.rule(
                "!has(self.access.clients) || self.access.clients.all(client,"
                " !has(client.rateLimit) || client.rateLimit.requests >= self.replicas)",
                "the replicas share a client's rateLimit: fewer requests than replicas would let none through; raise the limit",
            ),
            schema.rule(
                "!has(self.model.adapters) || !has(self.engine.args) || !self.engine.args.exists(one,"
                " one.replace('_', '-').matches('^--(lora-m|no-enable-l|enable-lora=)'))",
                "model.adapters sets --enable-lora and --lora-modules: leave them out of engine.args, and list every adapter"
                " in model.adapters",
            ),
            schema.rule(
                "!has(self.resources.claims) || self.resources.claims.all(claim,"
                " has(self.resourceClaims) && self.resourceClaims.exists(one, one.name == claim.name))",
                "spec.resources.claims names a claim that is not in spec.resourceClaims: add it there",
            ),
            schema.rule(
                "!has(self.resourceClaims) || self.resourceClaims.all(one,"
                " has(self.resources.claims) && self.resources.claims.exists(claim, claim.name == one.name))",
                "spec.resourceClaims holds a claim that the engine does not use: name it in spec.resources.claims",
            ),
        )
    )

    model: Model = pydantic.Field(description="The weights to serve and the name that clients call them by.")
    replicas: int = pydantic.Field(
        default=1,
        ge=0,
        le=1000,
        description="Number of servers. 0 frees the accelerators and keeps keys and URL. `kubectl scale` sets it. Default: 1.",
    )
    resources: Resources = pydantic.Field(default=Resources(), description="Resources of the engine in each server.")
    engine: Engine = pydantic.Field(default=Engine(), description="vLLM's image and options.")
    guard: Guard = pydantic.Field(default_factory=Guard, description="The Envoy that stands in front of each server.")
    access: Access = pydantic.Field(default=Access(), description="Who may call the model, and how much.")
    expose: Expose | None = pydantic.Field(
        default=None,
        description=(
            "Where the model answers outside the cluster. Default: <name>.<the operator's domain>, if the operator has"
            " a domain."
        ),
    )
    paused: bool = pydantic.Field(
        default=False,
        description="If true, the operator writes only keys and revocations, until it is false again. Default: false.",
    )
    image_pull_secrets: tuple[PullSecret, ...] = pydantic.Field(
        default_factory=tuple,
        max_length=16,
        description="Secrets of this namespace with which the images are pulled. Default: the operator's setting.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    service_account_name: schema.Name | None = pydantic.Field(
        default=None,
        description=(
            "ServiceAccount of the servers, for the workload identity of a cloud. No token for the API server is"
            " mounted. The chart's allow.serviceAccounts lists the names that may be used. Default: the namespace's"
            " account named default."
        ),
    )
    pod_metadata: PodMetadata = pydantic.Field(
        default_factory=PodMetadata, description="Labels and annotations of the servers' pods."
    )
    rollout: Rollout = pydantic.Field(
        default_factory=Rollout, description="How servers of a new version take the place of the earlier ones."
    )
    scheduling: Scheduling = pydantic.Field(default_factory=Scheduling, description="Where the servers may run.")
    resource_claims: tuple[PodResourceClaim, ...] | None = pydantic.Field(
        default=None,
        max_length=16,
        description=(
            "Devices that are allocated to each server by claims (DRA), which Kubernetes 1.34 or newer does. Default: none."
        ),
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]},
    )
    security_context: PodSecurityContext | None = pydantic.Field(
        default=None, description="Groups of the servers' processes. Default: the operator's settings."
    )


def parse(spec: object) -> Spec:
    """Return a stored spec, read; fields of a newer schema are ignored. Raises SpecNotUnderstood."""
    try:
        return Spec.model_validate(spec)
    except pydantic.ValidationError as error:
        raise SpecNotUnderstood(_words(error)) from None


def keys_alone(spec: object) -> Spec | None:
    """Return a paused spec with the clients, the edge and the guard of a stored one, whatever else that one says.

    None where these cannot be read, or no client is listed. Its model stands for none.
    """
    stored = spec if isinstance(spec, dict) else {}
    if not isinstance(stored.get("access"), dict) or not stored["access"].get("clients"):
        return None
    kept = {name: stored[name] for name in ("access", "expose", "guard") if name in stored}
    try:
        return Spec.model_validate({"model": {"source": "file:///none"}, **kept, "paused": True})
    except pydantic.ValidationError:
        return None


def written(spec: object) -> Spec:
    """Return a spec as an admin wrote it, read; no value is turned into one of another type. Raises SpecNotUnderstood."""
    try:
        return Spec.model_validate_json(json.dumps(spec), strict=True)
    except pydantic.ValidationError as error:
        raise SpecNotUnderstood(_words(error)) from None


def _words(error: pydantic.ValidationError) -> str:
    """Return the first fault in words: the field and the rule. The value is left out, because it may be secret."""
    first, *others = error.errors(include_url=False, include_context=False, include_input=False)
    more = f" (and {len(others)} more)" if others else ""
    return f"{_path(first['loc'])}: {first['msg'].removeprefix('Value error, ')}{more}"


def _path(location: tuple[int | str, ...]) -> str:
    """Return where a fault is, such as spec.access.clients[0].name."""
    named = [part for part in location if part not in _UNION_TAGS]
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in named)
    return f"spec{path[:LONGEST_PATH]}"
