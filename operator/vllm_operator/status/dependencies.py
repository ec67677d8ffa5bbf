"""The objects that a spec or a setting names and the operator does not make: looked up, so that a missing one is named."""

from collections.abc import Iterator
from typing import Literal, NamedTuple

from vllm_operator import children
from vllm_operator.children import exposure, scheduling
from vllm_operator.engine import source
from vllm_operator.kube import kinds

KINDS = (
    kinds.PERSISTENT_VOLUME_CLAIM,
    kinds.CONFIG_MAP,
    kinds.SECRET,
    kinds.SERVICE_ACCOUNT,
    kinds.PRIORITY_CLASS,
    kinds.INGRESS_CLASS,
    kinds.GATEWAY,
    kinds.STORAGE_CLASS,
    kinds.ISSUER,
    kinds.CLUSTER_ISSUER,
    kinds.RESOURCE_CLAIM,
    kinds.RESOURCE_CLAIM_TEMPLATE,
)
"""The kinds of all dependencies."""
ISSUERS = (kinds.ISSUER.kind, kinds.CLUSTER_ISSUER.kind)


By = Literal["spec", "settings"]


class Dependency(NamedTuple):
    """An object that must exist. `required_by`: whose field names it; `for_edge`: the Ingress needs it, not the servers."""

    ref: kinds.Ref
    required_by: By = "spec"
    for_edge: bool = False


def of(plan: children.Plan) -> tuple[Dependency, ...]:
    """Return what must exist for the model to be served and exposed as `plan` says.

    Classes lie in no namespace: with Roles alone they cannot be looked for.
    """
    roles_alone = bool(plan.settings.watch_namespaces)
    named = (one for one in _named(plan) if one.ref.name)
    return tuple(one for one in named if one.ref.namespace or not roles_alone)


def _named(plan: children.Plan) -> Iterator[Dependency]:
    """Yield each dependency, with an empty name where nothing is named."""
    spec, settings = plan.spec, plan.settings
    yield Dependency(_ref(plan, kinds.PERSISTENT_VOLUME_CLAIM, source.weights(spec.model).claim))
    yield from _of_weights(plan)
    yield from _of_engine(plan)
    yield Dependency(_ref(plan, kinds.CONFIG_MAP, settings.ca_config_map), "settings")
    for name in scheduling.pull_secrets(spec, settings):
        yield Dependency(_ref(plan, kinds.SECRET, name), "spec" if spec.image_pull_secrets else "settings")
    yield Dependency(_ref(plan, kinds.SERVICE_ACCOUNT, spec.service_account_name))
    yield Dependency(_ref(plan, kinds.PRIORITY_CLASS, spec.scheduling.priority_class_name))
    yield from _of_edge(plan)


def _of_weights(plan: children.Plan) -> Iterator[Dependency]:
    model = plan.spec.model
    if model.cache:
        yield Dependency(_ref(plan, kinds.PERSISTENT_VOLUME_CLAIM, model.cache.existing_claim))
        yield Dependency(_ref(plan, kinds.STORAGE_CLASS, model.cache.storage_class_name))
    if model.credentials_secret_ref:
        yield Dependency(_ref(plan, kinds.SECRET, model.credentials_secret_ref.name))


def _of_engine(plan: children.Plan) -> Iterator[Dependency]:
    engine = plan.spec.engine
    for file in engine.files or ():
        yield Dependency(_ref(plan, kinds.CONFIG_MAP, file.config_map_key_ref.name))
    for value in (entry.value_from for entry in engine.env if entry.value_from):
        yield Dependency(_ref(plan, kinds.SECRET, value.secret_key_ref.name))
    for claim in plan.spec.resource_claims or ():
        yield Dependency(_ref(plan, kinds.RESOURCE_CLAIM, claim.resource_claim_name))
        yield Dependency(_ref(plan, kinds.RESOURCE_CLAIM_TEMPLATE, claim.resource_claim_template_name))


def _of_edge(plan: children.Plan) -> Iterator[Dependency]:
    if plan.exposure is None:
        return
    for parent in plan.exposure.parents:
        by_gateway: By = "spec" if plan.spec.expose and plan.spec.expose.gateway else "settings"
        ref = exposure.gateway(plan.owner, parent.name, parent.namespace)
        yield Dependency(ref, by_gateway, for_edge=True)
    chosen = plan.spec.expose.ingress if plan.spec.expose else None
    by_class: By = "spec" if chosen and chosen.class_name else "settings"
    by_tls: By = "spec" if chosen and chosen.tls else "settings"
    yield Dependency(_ref(plan, kinds.INGRESS_CLASS, plan.exposure.class_name), by_class, for_edge=True)
    yield Dependency(_ref(plan, kinds.SECRET, plan.exposure.tls_secret), by_tls, for_edge=True)
    if issuer := plan.exposure.issuer:
        kind = kinds.CLUSTER_ISSUER if issuer.kind == kinds.CLUSTER_ISSUER.kind else kinds.ISSUER
        yield Dependency(_ref(plan, kind, issuer.name), by_tls, for_edge=True)


def _ref(plan: children.Plan, kind: kinds.Kind, name: str | None) -> kinds.Ref:
    return kinds.Ref(kind.kind, plan.owner.namespace if kind.namespaced else "", name or "")
