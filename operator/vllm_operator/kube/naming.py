"""Names, labels, selector and owner reference: all that says whose an object is.

Children of two models never share a name: a model's name holds no dot and does not end in `-peers` (the schema says so), so
`vllm11.key.default` and `vllm11-peers` belong to `vllm11` alone.
"""

import sys
from typing import Any, NamedTuple

from vllm_operator.kube import kinds

MODEL_LABEL = f"{kinds.GROUP}/model"  # value: the model's name; what the operator watches by
OWNER_LABEL = f"{kinds.GROUP}/owner"  # value: the model's uid; what makes an object ours
CLIENT_LABEL = f"{kinds.GROUP}/client"  # value: the client's name, on client Secrets
HASH_ANNOTATION = f"{kinds.GROUP}/applied-hash"  # what was sent last, so that a field dropped from it is seen
GUARD_VERSION_ANNOTATION = (
    f"{kinds.GROUP}/guard-version"  # on the guard's Secret what it holds, on a pod what it was told
)
INPUTS_ANNOTATION = f"{kinds.GROUP}/template-inputs"  # on a Deployment and a pod: what its template was made of
ROLLOUT_ANNOTATION = f"{kinds.GROUP}/rollout"  # on a Deployment: what is remembered of its rollout
INSTALLATION_ANNOTATION = (
    f"{kinds.GROUP}/operator"  # on the guard's Secret who wrote it, on a model who is to: namespace/Lease
)
ADOPT_ANNOTATION = (
    f"{kinds.GROUP}/adopt"  # on a model: the uid of an earlier one, whose objects without an owner are its own
)
URL_ANNOTATION = f"{kinds.GROUP}/url"  # on what carries a model's host: the base URL that clients are told
WEIGHTS_ANNOTATION = f"{kinds.GROUP}/weights"  # on a Job that fetches: which weights, as a hash of what was asked for
FETCH_ANNOTATION = f"{kinds.GROUP}/fetch-inputs"  # on a Job that fetches: what its pod was made of
FETCH_LABEL = (
    f"{kinds.GROUP}/fetch"  # on the Job's pod: the model's name; no server carries it, and no Service selects it
)
RETAINED_LABEL = f"{kinds.GROUP}/retained"  # on a claim that outlives its model: the model's name
TEMPLATE_LABEL = "pod-template-hash"  # Kubernetes' own, on the pods of a Deployment
FIELD_MANAGER = "vllm-operator"
PEERS_SUFFIX = "-peers"


class Owner(NamedTuple):
    """The model that an object belongs to. `uid`: the live one; `adopts`: that of an earlier one, whose orphans it takes over."""

    namespace: str
    name: str
    uid: str
    adopts: str = ""

    @property
    def key(self) -> kinds.Key:
        """Return the key of the model."""
        return kinds.Key(self.namespace, self.name)


def owner(model: kinds.Object) -> Owner:
    """Return the owner that `model`, a ModelDeployment as the API server returned it, is to its children."""
    metadata = model["metadata"]
    adopts = (metadata.get("annotations") or {}).get(ADOPT_ANNOTATION, "")
    return Owner(metadata["namespace"], metadata["name"], metadata["uid"], adopts)


def guard_secret(model: str) -> str:
    """Return the name of the Secret that configures the guard."""
    return f"{model}.guard"


def client_secret(model: str, client: str) -> str:
    """Return the name of the Secret that holds one client's key."""
    return f"{model}.key.{client}"


def template(model: str) -> str:
    """Return the name of the ControllerRevision that pins the pod template."""
    return f"{model}.template"


def certificate(model: str) -> str:
    """Return the name of the Secret that an issuer writes the certificate into, where the spec names none."""
    return f"{model}.tls"


def weights(model: str) -> str:
    """Return the name of the PersistentVolumeClaim that the operator makes for the model's weights."""
    return f"{model}.weights"


def fetch(model: str) -> str:
    """Return the name of the Job that fetches the weights: a DNS label, as the names of pods are made of it."""
    return f"{model}-fetch"


def fetch_policy(model: str) -> str:
    """Return the name of the NetworkPolicy on the Job's pod."""
    return f"{model}.fetch"


def peers(model: str) -> str:
    """Return the name of the headless Service over which guards count their peers."""
    return f"{model}{PEERS_SUFFIX}"


def selector(model: str) -> dict[str, str]:
    """Return the labels that select a model's pods. They never change: a Deployment's selector cannot."""
    return {MODEL_LABEL: model}


def server_selector(model: str) -> dict[str, str]:
    """Return the labels that select a model's servers, and none of its other pods."""
    return {"app.kubernetes.io/component": "server", MODEL_LABEL: model}


def labels(model: str, component: str) -> dict[str, str]:
    """Return the labels of a model's object without the owner's uid, as pods carry them."""
    return {
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/instance": model,
        "app.kubernetes.io/managed-by": "vllm-operator",
        "app.kubernetes.io/name": "vllm",
        MODEL_LABEL: model,
    }


def child(kind: kinds.Kind, whose: Owner, name: str, component: str, **body: Any) -> kinds.Object:
    """Return an object of `kind` that belongs to `whose`; `body` holds all but apiVersion, kind and metadata."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.kind,
        "metadata": {
            "name": name,
            "namespace": whose.namespace,
            "labels": {**labels(whose.name, component), OWNER_LABEL: whose.uid},
            "ownerReferences": [owner_reference(whose)],
        },
        **body,
    }


def owner_reference(whose: Owner) -> kinds.Object:
    """Return the controller reference: garbage collection deletes the child with its model, with or without us."""
    return {
        "apiVersion": kinds.MODEL_DEPLOYMENT.api_version,
        "kind": kinds.MODEL_DEPLOYMENT.kind,
        "name": whose.name,
        "uid": whose.uid,
        "controller": True,
    }


def is_controlled(obj: kinds.Object, uid: str) -> bool:
    """Tell whether the object with that `uid` controls `obj`."""
    references = obj["metadata"].get("ownerReferences") or []
    return any(reference.get("controller") and reference["uid"] == uid for reference in references)


def is_ours(obj: kinds.Object, whose: Owner) -> bool:
    """Tell whether `obj` belongs to `whose`: by ownerReference, or by the owner label where nobody else controls it.

    A claim that was kept when its model was deleted belongs to the next model of that name. What a backup has restored, without
    an owner and with the label of the earlier one, belongs to the model that adopts it.
    """
    references = obj["metadata"].get("ownerReferences") or []
    controllers = [reference["uid"] for reference in references if reference.get("controller")]
    if controllers:
        return whose.uid in controllers
    if any(reference["uid"] == whose.uid for reference in references):
        return True
    if _labelled(obj) == whose.uid or (orphaned(obj) and orphaned(obj) == whose.adopts):
        return True
    return is_retained(obj) and bool(obj["metadata"]["labels"][RETAINED_LABEL] == whose.name)


def orphaned(obj: kinds.Object) -> str:
    """Return the uid of the model whose `obj` was, where nobody owns it any more, as after a restore; "" where that is not so."""
    return "" if obj["metadata"].get("ownerReferences") else _labelled(obj)


def _labelled(obj: kinds.Object) -> str:
    return str((obj["metadata"].get("labels") or {}).get(OWNER_LABEL, ""))


def is_retained(obj: kinds.Object) -> bool:
    """Tell whether `obj` is a claim that outlives its model. On other kinds the label means nothing."""
    return obj["kind"] == kinds.PERSISTENT_VOLUME_CLAIM.kind and RETAINED_LABEL in obj["metadata"].get("labels", {})


def holder(obj: kinds.Object) -> str:
    """Say in words whose the stranger `obj` is."""
    for reference in obj["metadata"].get("ownerReferences") or []:
        if reference.get("controller"):
            return f"{reference['kind']} {reference['name']}"
    if uid := orphaned(obj):
        return (
            f"a model that is gone, and whose objects this one takes over with the annotation {ADOPT_ANNOTATION}={uid}"
        )
    return "nobody known to the operator"


def template_hash(pod: kinds.Object) -> str:
    """Return what tells the pods of one pod template from those of another; "" for a pod of no Deployment."""
    return str((pod["metadata"].get("labels") or {}).get(TEMPLATE_LABEL, ""))


def key(obj: kinds.Object) -> kinds.Key | None:
    """Return the key of the model that `obj`, a child or pod, says it belongs to."""
    metadata = obj["metadata"]
    if obj["kind"] == kinds.MODEL_DEPLOYMENT.kind:
        return kinds.Key(sys.intern(metadata["namespace"]), sys.intern(metadata["name"]))
    name = metadata.get("labels", {}).get(MODEL_LABEL)
    return kinds.Key(sys.intern(metadata["namespace"]), sys.intern(name)) if name else None
