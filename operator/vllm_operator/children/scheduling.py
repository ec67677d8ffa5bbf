"""Where a pod may run and who it is, as its spec wants it: what is not set does not appear.

The API server gives back what it was sent (a selector may be empty, which means all; a list or a text may not).
"""

from typing import Any

from vllm_operator import api, config
from vllm_operator.kube import kinds, naming

REQUIRED, PREFERRED = (f"{how}DuringSchedulingIgnoredDuringExecution" for how in ("required", "preferred"))
MAPS = ("matchLabels", "nodeSelector")
SPREAD = {
    "maxSkew": 1,
    "topologyKey": "kubernetes.io/hostname",
    "whenUnsatisfiable": "ScheduleAnyway",
    "matchLabelKeys": ["pod-template-hash"],
}
"""How servers are spread whose spec does not say it: over nodes where possible, those of each version for themselves. It does not
depend on the number of servers, so that scaling makes no new template."""


def scheduling(owner: naming.Owner, wanted: api.Scheduling) -> kinds.Object:
    """Return the fields of a pod's spec that say where it may run."""
    said: kinds.Object = _canonical(wanted.model_dump(mode="json", by_alias=True, exclude_none=True))
    servers = {"labelSelector": {"matchLabels": naming.selector(owner.name)}}
    spread = [{**servers, **constraint} for constraint in said.get("topologySpreadConstraints", [SPREAD])]
    return {**said, "topologySpreadConstraints": spread}


def claims(spec: api.Spec) -> kinds.Object:
    """Return the field of a pod's spec that names what is allocated to it: devices that Kubernetes hands out by claims."""
    said = [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in spec.resource_claims or ()]
    return {"resourceClaims": said} if said else {}


def beside(said: kinds.Object, owner: naming.Owner, *, must: bool) -> kinds.Object:
    """Return the fields with one more wish: a node that a server of the model runs on, which a volume of one node needs.

    With `must` it is a condition, which the first of the pods that have it meets by itself.
    """
    term = {"labelSelector": {"matchLabels": naming.selector(owner.name)}, "topologyKey": "kubernetes.io/hostname"}
    field, item = (REQUIRED, term) if must else (PREFERRED, {"podAffinityTerm": term, "weight": 100})
    affinity: kinds.Object = said.get("affinity", {})
    pods: kinds.Object = affinity.get("podAffinity", {})
    return {**said, "affinity": {**affinity, "podAffinity": {**pods, field: [*pods.get(field, []), item]}}}


def account(spec: api.Spec, settings: config.Config) -> kinds.Object:
    """Return the fields of a pod's spec that say as whom it runs and with whose credentials its images are pulled."""
    said: kinds.Object = {}
    if spec.service_account_name:
        said["serviceAccountName"] = spec.service_account_name
    if names := pull_secrets(spec, settings):
        said["imagePullSecrets"] = [{"name": name} for name in names]
    return said


def pull_secrets(spec: api.Spec, settings: config.Config) -> tuple[str, ...]:
    """Return the names of the Secrets that the images are pulled with: the spec's, else the operator's setting."""
    return tuple(secret.name for secret in spec.image_pull_secrets or settings.image_pull_secrets)


def _canonical(value: Any, field: str = "") -> Any:
    """Return `value` without empty texts, lists and objects, which would not come back; maps of the user are left whole."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return [_canonical(one) for one in value]
    if not isinstance(value, dict) or field in MAPS:
        return value
    parts = {name: _canonical(one, name) for name, one in value.items()}
    return {name: part for name, part in parts.items() if part not in ("", [], {}) or name == "labelSelector"}
