"""Who the containers of a pod are for the node's kernel, and which authorities they trust: the same for every pod of a model."""

from vllm_operator import api, config
from vllm_operator.engine import environment
from vllm_operator.kube import kinds


def pod(settings: config.Config, wanted: api.PodSecurityContext | None = None) -> kinds.Object:
    """Return the security context of a pod: its groups are those that the spec wants, else the settings'.

    The kubelet changes the group of a volume's files once, not at each start, which takes long for weights.
    """
    user = (
        {} if settings.run_as_user is None else {"runAsUser": settings.run_as_user, "runAsGroup": settings.run_as_user}
    )
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **user, **_groups(settings, wanted)}


def _groups(settings: config.Config, wanted: api.PodSecurityContext | None) -> kinds.Object:
    """Return the groups beside the user's own; what is not set does not appear."""
    of_volumes = settings.fs_group if wanted is None or wanted.fs_group is None else wanted.fs_group
    more = (
        settings.supplemental_groups if wanted is None else wanted.supplemental_groups or settings.supplemental_groups
    )
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
