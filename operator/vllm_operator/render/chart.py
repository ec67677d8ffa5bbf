"""The chart's values, as an admin's values.yaml gives them -> the operator's settings.

The chart's template says the same in Helm's language: tests/integration/test_render_values.py turns every value and compares the
two.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pydantic
import pydantic_settings

from vllm_operator import config
from vllm_operator.kube import image_names
from vllm_operator.render import text

VERSION = "0.1.0"
"""The tag of the operator's image where the values name none: the chart's appVersion."""
RELEASE = "vllm-operator"
"""The name of the release, as docs/chart.md has it."""
LABEL_LENGTH = 63
SETTINGS = {
    "allow": "allow",
    "caBundle.configMap": "ca_config_map",
    "caBundle.key": "ca_key",
    "egress.dns": "egress_dns",
    "egress.enabled": "egress",
    "egress.except": "egress_except",
    "egress.to": "egress_to",
    "engine.env": "engine_env",
    "engine.images": "engine_images",
    "expose.domain": "domain",
    "expose.gateway": "gateway",
    "expose.guide": "guide",
    "expose.ingressAnnotations": "ingress_annotations",
    "expose.ingressClass": "ingress_class",
    "expose.issuerRef": "issuer_ref",
    "expose.namespaces": "client_namespaces",
    "expose.scheme": "scheme",
    "expose.tlsSecret": "tls_secret",
    "fullnameOverride": "lease_name",
    "guard.image": "guard_image",
    "guard.resources.cpu": "guard_cpu",
    "guard.resources.memory": "guard_memory",
    "guard.resources.memoryLimit": "guard_memory_limit",
    "logLevel": "log_level",
    "monitoring.namespaces": "monitoring_namespaces",
    "pods.fsGroup": "fs_group",
    "pods.imagePullSecrets": "image_pull_secrets",
    "pods.runAsUser": "run_as_user",
    "pods.scratch.reserved": "scratch_reserved",
    "pods.scratch.size": "scratch_size",
    "pods.scratch.weights": "scratch_weights",
    "pods.supplementalGroups": "supplemental_groups",
    "proxy.http": "http_proxy",
    "proxy.https": "https_proxy",
    "upgrade.atOnce": "upgrade_at_once",
    "upgrade.policy": "upgrade_policy",
    "watchNamespaces": "watch_namespaces",
    "weights.hub": "hub_url",
    "weights.offline": "weights_offline",
    "weights.s3": "s3_url",
}
"""Which value is which setting. A value that several settings are made of stands in `MIXED`."""
MIXED = ("global", "image", "nameOverride", "proxy.noProxy")
OTHERS = (
    "admission", "affinity", "commonAnnotations", "commonLabels", "crds", "deploymentAnnotations", "enabled", "extraContainers",
    "extraEnv", "extraObjects", "extraVolumeMounts", "extraVolumes", "imagePullSecrets", "monitoring.dashboards",
    "monitoring.podMonitor", "monitoring.prometheusRule", "monitoring.serviceMonitor", "networkPolicy", "nodeSelector",
    "podAnnotations", "podDisruptionBudget", "podLabels", "podSecurityContext", "priorityClassName", "rbac", "replicas",
    "resources", "revisionHistoryLimit", "securityContext", "service", "serviceAccount", "strategy", "tolerations",
    "topologySpreadConstraints",
)  # fmt: skip
"""Values of the operator's own objects, which change no model."""
_BESIDE = tuple(f"{path}." for path in OTHERS)
INSIDE = ("localhost", "127.0.0.1", "::1", ".svc", ".cluster.local")
"""What no proxy is asked for, as the chart has it."""
AMOUNTS = ("guard.resources.", "pods.scratch.")
"""How the paths of quantities begin, which may be written as numbers."""
KEPT_NULLS = ("pods.fsGroup", "pods.runAsUser")
"""Values whose null says something; any other null is the default."""


class Refused(ValueError):  # noqa: N818 - what is printed
    """The values make no settings. The text names a value."""


class _Installed(config.Config):
    """Settings that come from the values alone, whatever the environment of this process says."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: type[pydantic_settings.BaseSettings], *sources: Any, **named: Any
    ) -> tuple[Any, ...]:
        """Return the one source: what the values give."""
        del settings_cls, sources
        return (named["init_settings"],)


def settings(values: object) -> config.Config:
    """Return the settings of an operator that is installed with these values; None is an empty file. Raises Refused."""
    if not isinstance(values, dict | None):
        raise Refused("write the chart's values, such as expose: {domain: models.example.com}")
    found = dict(_found(values or {}, ""))
    given = {SETTINGS[path]: value for path, value in found.items() if path in SETTINGS}
    try:
        return _Installed(**{**given, **_images(found), **_networks(found)})
    except pydantic.ValidationError as error:
        raise Refused(_words(error)) from None


def is_known(path: str) -> bool:
    """Tell whether the chart has a value at `path`, or values below or above it."""
    return any(f"{path}.".startswith(f"{one}.") or one.startswith(f"{path}.") for one in (*SETTINGS, *MIXED, *OTHERS))


def _found(values: Mapping[Any, Any], path: str) -> Iterator[tuple[str, Any]]:
    """Yield each value that makes a setting, by its path."""
    for name, value in values.items():
        here = f"{path}.{name}".lstrip(".")
        if not is_known(here):
            raise Refused(f"{text.shown(here)}: unknown value: docs/chart.md lists all")
        if here in (*SETTINGS, *MIXED):
            yield from () if value is None and here not in KEPT_NULLS else [(here, value)]
        elif isinstance(value, dict):
            yield from _found(value, here)
        elif value is not None and not f"{here}.".startswith(_BESIDE):
            raise Refused(f"{here}: write a map")


def _images(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are images, each from the registry of one's own where it names none itself."""
    registry, own = str(_map(found, "global").get("imageRegistry") or "").removesuffix("/"), _map(found, "image")
    engines = {**config.ENGINE_IMAGES, **_map(found, "engine.images")}
    repository, tag = own.get("repository") or "vllm-operator", own.get("tag") or VERSION
    digest = f"@{own['digest']}" if own.get("digest") else ""
    return {
        "engine_images": {name: _from(registry, image) for name, image in engines.items() if image is not None},
        "fetch_image": f"{_from(registry, repository)}:{tag}{digest}",
        "guard_image": _from(registry, found.get("guard.image", _default("guard_image"))),
    }


def _from(registry: str, image: object) -> str:
    """Return an image of `registry`, if it names none: a first part with a dot or a colon, or localhost, is one."""
    name = str(image)
    first, slash, _ = name.partition("/")
    is_named = slash and (first == image_names.LOCAL or "." in first or ":" in first)
    return f"{registry}/{name}" if registry and name and not is_named else name


def _networks(found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that another value switches, or that are written in another form."""
    amounts = {SETTINGS[path]: str(value) for path, value in found.items() if path.startswith(AMOUNTS)}
    proxied = found.get("proxy.http") or found.get("proxy.https")
    beyond = filter(None, (*INSIDE, str(found.get("proxy.noProxy", ""))))
    return {
        **amounts,
        "gateway": _gateway(_map(found, "expose.gateway")),
        "issuer_ref": _issuer(_map(found, "expose.issuerRef")),
        "lease_name": found.get("fullnameOverride") or _name(str(found.get("nameOverride") or RELEASE)),
        "no_proxy": ",".join(beyond) if proxied else "",
    }


def _name(chart: str) -> str:
    """Return the name of the objects of the release, as the chart's helper `fullname` makes it."""
    name = RELEASE if chart in RELEASE else f"{RELEASE}-{chart}"
    return name[:LABEL_LENGTH].removesuffix("-")


def _issuer(given: Mapping[str, Any]) -> dict[str, Any] | None:
    return {"kind": "ClusterIssuer", **given} if given.get("name") else None


def _gateway(given: Mapping[str, Any]) -> dict[str, Any] | None:
    return {name: value for name, value in given.items() if value} if given.get("name") else None


def _map(found: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    value = found.get(path, {})
    if not isinstance(value, dict):
        raise Refused(f"{path}: write a map")
    return value


def _default(name: str) -> Any:
    return config.Config.model_fields[name].default


def _words(error: pydantic.ValidationError) -> str:
    """Return the first fault in words, with the path of the value and without the value itself."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    setting, *inner = map(str, first["loc"])
    path = next((path for path, name in SETTINGS.items() if name == setting), setting)
    return f"{text.shown('.'.join([path, *inner]))}: {first['msg'].removeprefix('Value error, ')}"
