"""The cluster's ingress controller, Contour with its Envoy: the definitions and the configuration that the two need to start.

Knows Contour's kinds and its `bootstrap` command. The commands that run the two are in dev/embedded/components.py.
"""

import pathlib
import re
import subprocess
from typing import Any

import yaml

from dev import apiserver, binaries, layout, paths

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": "contour"},
    "spec": {"controller": "projectcontour.io/ingress-controller"},
}


def module() -> pathlib.Path:
    """Return the directory of Contour's Go module; builds Contour where it is not built yet."""
    binaries.directory("contour")
    version = re.search(r"projectcontour/contour (v\S+)", (binaries.GO_DIRECTORY / "contour" / "go.mod").read_text())
    return paths.CACHE / "go/mod/github.com/projectcontour" / f"contour@{version[1] if version else ''}"


def definitions() -> list[dict[str, Any]]:
    """Return Contour's own resource definitions, which its module has as a file."""
    text = (module() / "examples/contour/01-crds.yaml").read_text()
    return [found for found in yaml.load_all(text, yaml.CSafeLoader) if found]  # the safe loader, in C


def create(wanted: list[dict[str, Any]]) -> None:
    """Create Contour's definitions and the IngressClass `contour`."""
    for definition in wanted:
        apiserver.create(layout.KUBECONFIG, DEFINITIONS, definition)
    apiserver.create(layout.KUBECONFIG, "/apis/networking.k8s.io/v1/ingressclasses", INGRESS_CLASS)


def served(wanted: list[dict[str, Any]]) -> bool:
    """Tell whether the API server serves every kind of `wanted`. Contour exits where one is missing."""
    return all(_served(definition["spec"]) for definition in wanted)


def bootstrap(path: pathlib.Path, memory: pathlib.Path) -> None:
    """Have Contour write its Envoy's configuration to `path`; the admin socket lies in the cluster's own `memory`."""
    admin = f"--admin-address={memory}/envoy-admin.sock"
    subprocess.run([binaries.find("contour"), "bootstrap", "--xds-address=127.0.0.1", admin, str(path)], check=True)


def _served(spec: dict[str, Any]) -> bool:
    found = apiserver.get(layout.KUBECONFIG, f"/apis/{spec['group']}/{spec['versions'][0]['name']}")
    return bool(found) and any(resource["kind"] == spec["names"]["kind"] for resource in found["resources"])
