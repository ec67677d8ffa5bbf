"""The cluster's edge, Contour with its Envoy, for Ingresses and for the Gateway API: what the two need to start.

Knows Contour's kinds and its `bootstrap` command. The commands that run the two are in dev/embedded/components.py.
"""

import pathlib
import re
import subprocess
from typing import Any

import yaml

from dev import apiserver, binaries, golang, layout, paths

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
MODULE = "github.com/projectcontour/contour"
CLASS, GATEWAY_NAMESPACE, GATEWAY = "contour", "gateways", "edge"
INGRESS_CLASS = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "IngressClass",
    "metadata": {"name": CLASS},
    "spec": {"controller": "projectcontour.io/ingress-controller"},
}
CERTIFICATE = "edge"
"""The Secret beside the Gateway that its HTTPS listener has; without it, that listener takes no routes."""
CONTAINER_PORTS = 8000
"""What Contour adds to the port of a Gateway's listener, and its Envoy listens on."""
CONFIGURATION = {
    "gateway": {"gatewayRef": {"namespace": GATEWAY_NAMESPACE, "name": GATEWAY}},
    "timeouts": {"stream-idle-timeout": "infinity"},  # by default 5 minutes, and no annotation or route says otherwise
}
"""Contour's own configuration: the Gateway that it serves, and that no silent answer is ended."""


def module(name: str = MODULE) -> pathlib.Path:
    """Return the directory of Contour's Go module, or of one that it is built with; builds Contour where it is not built yet."""
    binaries.directory("contour")
    version = re.search(rf"{name} (v\S+)", (binaries.GO_DIRECTORY / "contour" / "go.mod").read_text())
    return paths.CACHE / "go/mod" / f"{name}@{version[1] if version else ''}"


def manifest() -> pathlib.Path:
    """Return the file with all that Contour is in a cluster that runs it in pods; fetches its module, and builds nothing."""
    return golang.module(binaries.GO_DIRECTORY / "contour", MODULE) / "examples/render/contour.yaml"


def in_pods(address: str) -> list[dict[str, Any]]:
    """Return the objects of Contour in pods, which writes `address` into the status of every Ingress."""
    found = _read(manifest())
    for item in found:
        if (item["kind"], item["metadata"]["name"]) == ("Deployment", "contour"):
            item["spec"]["template"]["spec"]["containers"][0]["args"].append(f"--ingress-status-address={address}")
        if (item["kind"], item["metadata"]["name"]) == ("ConfigMap", "contour"):
            item["data"]["contour.yaml"] = yaml.safe_dump({"timeouts": CONFIGURATION["timeouts"]})
    return [*found, INGRESS_CLASS]


def images() -> tuple[str, ...]:
    """Return the images that the manifest names."""
    return tuple(sorted(set(re.findall(r"\bimage: (\S+)", manifest().read_text()))))


def definitions() -> list[dict[str, Any]]:
    """Return Contour's own resource definitions, which its module has as a file, and those of the Gateway API."""
    return [*_read(module() / "examples/contour/01-crds.yaml"), *gateway_api()]


def gateway_api() -> list[dict[str, Any]]:
    """Return the standard resource definitions of the Gateway API that Contour is built with."""
    files = sorted((module("sigs.k8s.io/gateway-api") / "config/crd/standard").glob("*.yaml"))
    return [found for file in files for found in _read(file)]


def _read(file: pathlib.Path) -> list[dict[str, Any]]:
    return [found for found in yaml.load_all(file.read_text(), yaml.CSafeLoader) if found]  # the safe loader, in C


def create(wanted: list[dict[str, Any]]) -> None:
    """Create the definitions, and the IngressClass `contour`."""
    for definition in wanted:
        apiserver.create(layout.KUBECONFIG, DEFINITIONS, definition)
    apiserver.create(layout.KUBECONFIG, "/apis/networking.k8s.io/v1/ingressclasses", INGRESS_CLASS)


def create_gateway() -> None:
    """Create the Gateway, which takes routes of every namespace, for plain HTTP and, once it has a certificate, for HTTPS."""
    kind = {"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": CLASS}}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": GATEWAY_NAMESPACE}}
    api, core = "/apis/gateway.networking.k8s.io/v1", "/api/v1/namespaces"
    controller = {"spec": {"controllerName": "projectcontour.io/gateway-controller"}}
    apiserver.create(layout.KUBECONFIG, f"{api}/gatewayclasses", kind | controller)
    apiserver.create(layout.KUBECONFIG, core, namespace)
    apiserver.create(layout.KUBECONFIG, f"{api}/namespaces/{GATEWAY_NAMESPACE}/gateways", _gateway())


def _gateway() -> dict[str, Any]:
    every: dict[str, Any] = {"allowedRoutes": {"namespaces": {"from": "All"}}}
    tls = {"tls": {"certificateRefs": [{"name": CERTIFICATE}]}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": GATEWAY, "namespace": GATEWAY_NAMESPACE},
        "spec": {
            "gatewayClassName": CLASS,
            "listeners": [
                {"name": "http", "protocol": "HTTP", "port": 80, **every},
                {"name": "https", "protocol": "HTTPS", "port": 443, **tls, **every},
            ],
        },
    }


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
