"""Which pinned templates the operator goes by: a ControllerRevision is an object that somebody else may have written.

All that its versions rendered keeps to these rules; the chart's policy holds the operator's Deployments to the same. What does
not counts as no template, and so does one with an image or an account that nobody may name here, unless servers have it already.
Pure.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from vllm_operator import api, config, policy
from vllm_operator.children import pod, pod_shape, versions
from vllm_operator.engine import accelerators, source
from vllm_operator.kube import image_names, kinds

HOSTS = ("hostNetwork", "hostPID", "hostIPC", "nodeName", "shareProcessNamespace", "ephemeralContainers")
"""Fields of a pod that give it a part of its node, or a container what another one has."""
VOLUMES = {"name", "secret", "emptyDir", "configMap", "persistentVolumeClaim", "image", "projected"}
POD_CONTEXT = {
    "runAsNonRoot", "runAsUser", "runAsGroup", "fsGroup", "fsGroupChangePolicy", "supplementalGroups", "seccompProfile",
}  # fmt: skip
CONTEXT = {
    "allowPrivilegeEscalation",
    "capabilities",
    "readOnlyRootFilesystem",
    "runAsNonRoot",
    "runAsUser",
    "runAsGroup",
}
PROFILES = ("container.apparmor.security", "container.seccomp.security", "seccomp.security")
"""How annotations begin that stand for a security profile."""
COMMAND = ["vllm", "serve"]


def judged(inputs: versions.Inputs) -> tuple[kinds.Object, ...]:
    """Return the live ControllerRevisions, without the data of those that the operator does not go by: their names are taken."""
    running = (_running(inputs.live.deployment), *(one.get("spec") or {} for one in inputs.live.pods))
    return tuple(
        one if _is_trusted(one, inputs.spec, inputs.settings, running) else {**one, "data": {}}
        for one in inputs.revisions
    )


def _is_trusted(
    revision: kinds.Object, spec: api.Spec, settings: config.Config, running: Sequence[kinds.Object]
) -> bool:
    try:
        made = revision["data"]["template"]
        pod_shape.Template.model_validate(made)
        is_ours = not any(_flaws(made)) and not any(_profiles(made, spec, settings))
        return is_ours and _may_be_named(made["spec"], spec, settings, running)
    except (AttributeError, KeyError, TypeError, ValueError):
        return False


def _flaws(made: kinds.Object) -> Iterator[str]:
    """Yield the fields of a pod template that no version of the operator has rendered so."""
    spec = made["spec"]
    yield from (field for field in HOSTS if spec.get(field))
    if spec["automountServiceAccountToken"] is not False:
        yield "automountServiceAccountToken"
    if str(spec.get("priorityClassName", "")).startswith("system-"):
        yield "priorityClassName"
    yield from _flaws_of_context(spec["securityContext"])
    for volume in spec.get("volumes", []):
        yield from set(volume) - VOLUMES
        yield from (key for part in volume.get("projected", {}).get("sources", []) for key in set(part) - {"configMap"})
    for container in _containers(spec):
        yield from _flaws_of_container(container)


def _profiles(made: kinds.Object, spec: api.Spec, settings: config.Config) -> Iterator[str]:
    """Yield the annotations of a pod template that choose a security profile, and that nobody may ask for here."""
    asked = (spec.pod_metadata.annotations or {}) if spec.pod_metadata else {}
    for key in made["metadata"].get("annotations", {}):
        is_allowed = key in asked or policy.is_named(key, settings.allow.pod_annotations)
        if key.startswith(PROFILES) and not is_allowed:
            yield key


def _flaws_of_context(context: kinds.Object) -> Iterator[str]:
    yield from set(context) - POD_CONTEXT
    if context["runAsNonRoot"] is not True:
        yield "runAsNonRoot"
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if context["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "seccompProfile"


def _flaws_of_container(container: kinds.Object) -> Iterator[str]:
    context = container["securityContext"]
    yield from set(context) - CONTEXT
    if context["allowPrivilegeEscalation"] is not False:
        yield "allowPrivilegeEscalation"
    if context["readOnlyRootFilesystem"] is not True:
        yield "readOnlyRootFilesystem"
    if context["capabilities"] != {"drop": ["ALL"]}:
        yield "capabilities"
    if context.get("runAsNonRoot", True) is not True:
        yield "runAsNonRoot"
    if context.get("runAsUser") == 0:
        yield "runAsUser"
    if any(port.get("hostPort") for port in container.get("ports", [])):
        yield "hostPort"
    if container["name"] == pod.ENGINE and container.get("command") != COMMAND:
        yield "command"


def _may_be_named(made: kinds.Object, spec: api.Spec, settings: config.Config, running: Sequence[kinds.Object]) -> bool:
    """Tell whether a spec could name the images and the account, or servers that are there have them."""
    allow, account = settings.allow, made.get("serviceAccountName", "")
    accounts = ("", spec.service_account_name, *(each.get("serviceAccountName", "") for each in running))
    if account not in accounts and not policy.is_named(account, allow.service_accounts):
        return False
    images = list(_images(made))  # of a garbled template this fails, also where any image may run
    foreign = _foreign(images, spec, settings, running) if allow.images else ()
    return all(image_names.is_under_any(image, allow.images) for image in foreign)


def _foreign(
    images: Sequence[str], spec: api.Spec, settings: config.Config, running: Sequence[kinds.Object]
) -> Iterator[str]:
    """Yield those of the `images` that are neither the spec's, nor those of servers that are there, nor the chart's own.

    Of the chart's own images any version may be named: an earlier release pinned an earlier one.
    """
    charts = {settings.guard_image, settings.fetch_image, *settings.engine_images.values()}
    repositories = set(map(image_names.repository, charts))
    own = {accelerators.image(spec, settings), source.weights(spec.model).image or ""}
    own.update(image for each in running for image in _images(each))
    for image in images:
        if image not in own and image_names.repository(image) not in repositories:
            yield image


def _running(deployment: kinds.Object | None) -> kinds.Object:
    """Return the spec of the pods that the live Deployment makes, empty where there is none."""
    found: kinds.Object = (deployment or {}).get("spec", {}).get("template", {}).get("spec", {})
    return found


def _containers(spec: kinds.Object) -> list[Any]:
    return [*spec.get("initContainers", []), *spec.get("containers", [])]


def _images(spec: kinds.Object) -> Iterator[str]:
    """Yield what the pod pulls: the images of its containers and of its volumes."""
    yield from (one["image"] for one in _containers(spec))
    yield from (one["image"]["reference"] for one in spec.get("volumes", []) if "image" in one)
