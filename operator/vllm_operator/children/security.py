"""Who the containers of a pod are for the node's kernel, and which authorities they trust: the same for every pod of a model."""

from vllm_operator import api, config
from vllm_operator.engine import environment
from vllm_operator.kube import kinds


def pod(
    settings: config.Config, wanted: api.PodSecurityContext | None = None, *, writes_to_claim: bool = False
) -> kinds.Object:
    """Return the security context of a pod: its groups are those that the spec wants, else the settings'.

    One that `writes_to_claim` owns its volumes as the user's group where nothing else is said. The kubelet changes the group of a
    volume's files once, not at each start, which takes long for weights.
    """
    user = settings.run_as_user
    identity = {} if user is None else {"runAsUser": user, "runAsGroup": user}
    group = user if writes_to_claim else None
    return {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
        **identity,
        **_groups(settings, wanted, group),
    }


def _groups(settings: config.Config, wanted: api.PodSecurityContext | None, group: int | None) -> kinds.Object:
    """Return the groups beside the user's own; what is not set does not appear. `group`: of the volumes, where nothing is set."""
    asked = wanted or api.PodSecurityContext()
    named = (number for number in (asked.fs_group, settings.fs_group, group) if number is not None)
    of_volumes = next(named, None)
    more = asked.supplemental_groups or settings.supplemental_groups
    owner = {"fsGroup": of_volumes, "fsGroupChangePolicy": "OnRootMismatch"} if of_volumes is not None else {}
    return {**owner, **({"supplementalGroups": list(more)} if more else {})}


def container() -> kinds.Object:
    """Return the security context of a container that writes to its volumes alone."""
    return {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True}


def ca_volumes(settings: config.Config) -> list[kinds.Object]:
    """Return the volume with the authorities of a private network, where the settings name some."""
    if not settings.ca_config_map:
        return []
    items = [{"key": settings.ca_key, "path": environment.CA_FILE}]
    return [{"name": "ca-bundle", "configMap": {"name": settings.ca_config_map, "items": items}}]


def ca_mounts(settings: config.Config) -> list[kinds.Object]:
    """Return where a container finds that volume."""
    mount = {"name": "ca-bundle", "mountPath": environment.CA_DIRECTORY, "readOnly": True}
    return [mount] if settings.ca_config_map else []
