"""ModelDeployments through the independent `kubernetes` client: create, read, change and delete them as an admin does."""

import pathlib
from typing import Any

from kubernetes import client, config

GROUP, VERSION, PLURAL = "serving.byteshop.in", "v1alpha1", "modeldeployments"


def api(kubeconfig: pathlib.Path) -> client.CustomObjectsApi:
    """Return the API of custom resources."""
    return client.CustomObjectsApi(config.new_client_from_config(str(kubeconfig)))


def create(kubeconfig: pathlib.Path, model: dict[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
    """Create `model` and return it as the API server keeps it; unknown fields are errors."""
    extra = {"dry_run": "All"} if dry_run else {}
    created: dict[str, Any] = api(kubeconfig).create_namespaced_custom_object(
        GROUP, VERSION, model["metadata"]["namespace"], PLURAL, model, field_validation="Strict", **extra
    )
    return created
