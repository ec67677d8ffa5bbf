"""All that this project renders, under the names by which the tests of form know it: the chart under several values, the goldens.

Nothing here is judged; each value is asked for when it is needed, for Helm has to be there.
"""

import functools
from collections.abc import Callable
from typing import Any

import yaml

from dev import paths
from tests.golden import render
from tests.integration import account

Objects = list[dict[str, Any]]

VALUES: dict[str, dict[str, Any]] = {
    "chart": {},
    "chart-namespaces": {"watchNamespaces": ["watched"], "admission": {"enabled": True}, "rbac": {"aggregateRoles": True}},
    "chart-full": {
        "replicas": 2, "imagePullSecrets": [{"name": "pull"}], "pods": {"runAsUser": None, "imagePullSecrets": [{"name": "p"}]},
        "expose": {"domain": "models.example.com", "ingressClass": "contour", "tlsSecret": "tls"},
        "allow": {"images": ["registry.example.com/team"], "domains": {"models": ["models.example.com"]}},
        "proxy": {"https": "http://proxy.example.com:3128"}, "caBundle": {"configMap": "ca"},
        "monitoring": {"namespaces": ["monitoring"]},
    },
    "chart-extra": {
        "networkPolicy": {"enabled": True, "apiServer": {"cidrs": ["10.0.0.1/32"]}, "extraEgress": [{"ports": [{"port": 80}]}]},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": "0%"}},
        "podSecurityContext": {"runAsUser": 1000, "fsGroup": 1000}, "extraEnv": [{"name": "A", "value": "b"}],
        "extraVolumes": [{"name": "a", "emptyDir": {}}], "extraVolumeMounts": [{"name": "a", "mountPath": "/a"}],
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {
            "name": "{{ .Release.Name }}-a", "namespace": "{{ .Release.Namespace }}"}}],
        "commonLabels": {"team": "a"}, "commonAnnotations": {"note": "b"},
        "monitoring": {"dashboards": {"enabled": True}},
    },
}  # fmt: skip


@functools.cache
def chart(name: str) -> Objects:
    """Return the objects of the chart under the values of that name."""
    return account.release("vllm-operator", VALUES[name])


@functools.cache
def goldens() -> Objects:
    """Return the children of every golden."""
    return [child for folder in render.CASES for child in render.desired(render.model(folder))]


@functools.cache
def models() -> Objects:
    """Return every golden's model, and the examples."""
    files = [*(folder / "model.yaml" for folder in render.CASES), *sorted((paths.ROOT / "examples").glob("*.yaml"))]
    return [one for file in files for one in yaml.safe_load_all(file.read_text())]


ALL: dict[str, Callable[[], Objects]] = {
    **{name: functools.partial(chart, name) for name in VALUES}, "goldens": goldens, "models": models,
}  # fmt: skip
