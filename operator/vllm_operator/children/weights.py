"""How a server comes to its weights: the volumes of its pod, the mounts of its engine, and what runs before the engine."""

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import claim, disk, fetch, security, wanted
from vllm_operator.engine import environment, source
from vllm_operator.kube import kinds, naming

VOLUME, OWN = fetch.VOLUME, (fetch.VOLUME, fetch.ADAPTERS)
FOUND = "found"
LOCATE = "locate"


class Mounted(NamedTuple):
    """What a pod has of its weights. `before`: containers that end before the engine starts; `directory`: vLLM's working one."""

    directory: str
    volumes: tuple[kinds.Object, ...] = ()
    mounts: tuple[kinds.Object, ...] = ()
    before: tuple[kinds.Object, ...] = ()


def weights(owner: naming.Owner, spec: api.Spec, settings: config.Config, asked: str, image: str) -> Mounted:
    """Return what the pod has of the weights that `spec.model.source` names; `image` is the engine's."""
    there = _there(spec, settings)
    if not claim.is_fetched(spec):
        return there
    fetched = _fetched(owner, spec, settings, asked, image)
    return Mounted(
        there.directory,
        (*there.volumes, *fetched.volumes),
        (*there.mounts, *fetched.mounts),
        (*there.before, *fetched.before),
    )


def used(revisions: Iterable[kinds.Object]) -> tuple[str, ...]:
    """Return the directories of the model's own claim that servers of these revisions mount."""
    mounts = (
        mount
        for revision in revisions
        for mount in revision["data"]["template"]["spec"]["containers"][0].get("volumeMounts", [])
    )
    return tuple(sorted({mount["subPath"] for mount in mounts if mount["name"] in OWN and mount.get("subPath")}))


def _there(spec: api.Spec, settings: config.Config) -> Mounted:
    """Return what the pod has of weights that need no fetching."""
    named = source.weights(spec.model)
    if named.claim:
        claim = {"name": VOLUME, "persistentVolumeClaim": {"claimName": named.claim, "readOnly": True}}
        return Mounted(named.directory, (claim,), (_mount(VOLUME, source.MODELS),))
    return _of_image(named, settings) if named.image else Mounted(named.directory)


def _of_image(named: source.Weights, settings: config.Config) -> Mounted:
    """Return an image volume; where the source names no directory in it, one that holds a model is looked for."""
    volume = {"name": VOLUME, "image": {"reference": named.image, "pullPolicy": "IfNotPresent"}}
    if not named.is_searched:
        return Mounted(named.directory, (volume,), (_mount(VOLUME, source.MODELS),))
    image, found = _mount(VOLUME, source.IMAGE), _mount(FOUND, source.MODELS)
    reserved, most = disk.amounts(disk.beside(settings))
    locate = {
        "name": LOCATE,
        "image": settings.fetch_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "vllm_operator.fetch.locate", source.IMAGE, named.path],
        "terminationMessagePolicy": "File",
        "resources": {
            "requests": {"cpu": "10m", "memory": "32Mi", **reserved},
            "limits": {"memory": "128Mi", **most},
        },
        "securityContext": security.container(),
        "volumeMounts": [image, {"name": FOUND, "mountPath": source.MODELS}],
    }
    return Mounted(
        named.directory, (volume, {"name": FOUND, "emptyDir": {"sizeLimit": "16Mi"}}), (image, found), (locate,)
    )


def _fetched(owner: naming.Owner, spec: api.Spec, settings: config.Config, asked: str, image: str) -> Mounted:
    """Return the volume of what was fetched: the claim that a Job filled, else one that this pod fills itself."""
    directory, name = source.weights(spec.model).directory, fetch.volume_name(spec)
    found = wanted.wanted(spec, asked)
    fetched = tuple(_mount(name, one.path, one.directory) for one in found)
    volumes = tuple(fetch.volumes(owner, spec, settings))
    if spec.model.cache is None:
        return Mounted(directory, volumes, fetched, (fetch.container(spec, settings, found),))
    compiled = {"name": name, "mountPath": environment.CACHE, "subPath": f"compiled/{_compilation(spec, image)}"}
    return Mounted(directory, volumes, (*fetched, compiled))


def _compilation(spec: api.Spec, image: str) -> str:
    """Return the name of the directory for compiled code: another for all that it may depend on."""
    made_of = [spec.model.source, image, spec.resources.model_dump(mode="json"), list(spec.engine.args)]
    made_of += ["adapters"] if spec.model.adapters else []
    return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:16]


def _mount(volume: str, path: str, inside: str = "") -> kinds.Object:
    mount: kinds.Object = {"name": volume, "mountPath": path, "readOnly": True}
    return {**mount, "subPath": inside} if inside else mount
