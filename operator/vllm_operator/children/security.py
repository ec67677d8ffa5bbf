"""Who the containers of a pod are for the node's kernel, and which authorities they trust: the same for every pod of a model."""

from vllm_operator import config
from vllm_operator.engine import environment
from vllm_operator.kube import kinds


def pod(settings: config.Config) -> kinds.Object:
    """Return the security context of a pod."""
    user = (
        {} if settings.run_as_user is None else {"runAsUser": settings.run_as_user, "runAsGroup": settings.run_as_user}
    )
    return {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}, **user}


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
