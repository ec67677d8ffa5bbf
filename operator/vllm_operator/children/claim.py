"""The claim that keeps what is fetched, and whether a model has one."""

from vllm_operator import api
from vllm_operator.children import quantity
from vllm_operator.engine import source
from vllm_operator.kube import kinds, naming


def is_fetched(spec: api.Spec) -> bool:
    """Tell whether the weights lie elsewhere, or adapters do."""
    return is_model_fetched(spec) or bool(spec.model.adapters)


def is_model_fetched(spec: api.Spec) -> bool:
    """Tell whether the model's own weights lie elsewhere."""
    return source.weights(spec.model).is_fetched


def is_kept(spec: api.Spec) -> bool:
    """Tell whether a claim keeps what is fetched."""
    return spec.model.cache is not None and is_fetched(spec)


def is_own(spec: api.Spec) -> bool:
    """Tell whether the claim is of the operator's making."""
    return spec.model.cache is not None and spec.model.cache.existing_claim is None


def is_on_one_node(spec: api.Spec) -> bool:
    """Tell whether the weights lie on a claim of ours that one node at a time can mount."""
    cache = spec.model.cache
    return is_kept(spec) and cache is not None and cache.size is not None and cache.access_mode != "ReadWriteMany"


def is_held_on_one_node(live: kinds.Object | None) -> bool:
    """Tell whether one node at a time can mount a claim of somebody's; not where it cannot be read."""
    modes: list[str] = (live or {}).get("spec", {}).get("accessModes") or []
    return bool(modes) and "ReadWriteMany" not in modes


def name(owner: naming.Owner, cache: api.Cache | None) -> str:
    """Return the claim that the weights lie on."""
    return (cache.existing_claim if cache else None) or naming.weights(owner.name)


def claim(owner: naming.Owner, cache: api.Cache, live: kinds.Object | None = None) -> kinds.Object | None:
    """Return the new claim; a retained one has no owner that it would be deleted with.

    Of the `live` one stays what cannot be changed, and what somebody enlarged: a retained claim may be of an earlier spec.
    """
    if cache.existing_claim or cache.size is None:
        return None
    now: kinds.Object = (live or {}).get("spec", {})
    chosen = now.get("storageClassName") or cache.storage_class_name
    of_class = {"storageClassName": chosen} if chosen and (cache.storage_class_name or live) else {}
    held = now.get("resources", {}).get("requests", {}).get("storage", "")
    made = naming.child(kinds.PERSISTENT_VOLUME_CLAIM, owner, naming.weights(owner.name), "weights", spec={
        "accessModes": now.get("accessModes") or [cache.access_mode or "ReadWriteOnce"],
        "resources": {"requests": {"storage": quantity.larger(quantity.canonical(cache.size), held)}},
        **of_class,
    })  # fmt: skip
    if cache.retain:
        del made["metadata"]["ownerReferences"]
        made["metadata"]["labels"][naming.RETAINED_LABEL] = owner.name
    return made
