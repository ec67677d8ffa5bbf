"""What fetches weights that lie elsewhere: rendered here, run by the package `fetch`. claim.py has the claim that keeps them.

With `spec.model.cache` a Job without accelerators fetches them into a claim, and servers are made of them when they are whole.
Without it an init container of each server fetches them into a scratch volume. Either way they lie in a directory of the volume
that is named after what was asked for, so the path is known before the commit is.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import claim, disk, fetch_network, scheduling, security, wanted
from vllm_operator.kube import kinds, naming

FETCH = "fetch"
PORT, PROGRESS_PATH = 8003, "/progress"
"""Where the progress is asked for: the guard of the same pod has its own port."""
VOLUME, ADAPTERS = "weights", "adapters"
MOUNT = "/cache"
SCRATCH = "tmp"
RESULT = "/dev/termination-log"
CPU, MEMORY, MEMORY_LIMIT = "200m", "256Mi", "1Gi"
FOREVER = 2**31 - 1
KEEP = "FETCH_KEEP"
CREDENTIALS = {
    "hf": ("HF_TOKEN",),
    "s3": ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION"),
    "gs": ("GOOGLE_APPLICATION_CREDENTIALS_JSON",),
}
"""The entries of model.credentialsSecretRef that a source may need, by scheme; each is a variable of the same name."""


class Known(NamedTuple):
    """What is there: the Job, the claim, and the revision of the servers where it is the newest one.

    `claim`: None also for one of somebody's that cannot be read; `used`: the directories of it that a live revision mounts;
    `revision`: what is asked for, pinned before or not, whose servers are to find the weights.
    """

    job: kinds.Object | None = None
    claim: kinds.Object | None = None
    servers: kinds.Object | None = None
    used: tuple[str, ...] = ()
    revision: kinds.Object | None = None


NOTHING = Known()


def job(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, asked: str, known: Known = NOTHING
) -> kinds.Object:
    """Return the Job that fetches weights and adapters: it tries until it succeeds, and holds no accelerator."""
    found = wanted.wanted(spec, asked, known.revision)
    fetcher = container(spec, settings, found)
    fetcher["env"] += _keep_variable(spec, found, known.used)
    made = naming.child(kinds.JOB, owner, naming.fetch(owner.name), FETCH, spec={
        "backoffLimit": FOREVER,
        "template": {
            "metadata": {"labels": {naming.FETCH_LABEL: owner.name}},
            "spec": {
                **scheduling.account(spec, settings),
                **_placed(owner, spec),
                "automountServiceAccountToken": False,
                "enableServiceLinks": False,
                "restartPolicy": "OnFailure",
                "securityContext": security.pod(settings, spec.security_context, writes_to_claim=True),
                "containers": [fetcher],
                "volumes": [
                    *volumes(owner, spec, settings),
                    {"name": SCRATCH, "emptyDir": {"sizeLimit": disk.LOGS}},
                    *security.ca_volumes(settings),
                ],
            },
        },
    })  # fmt: skip
    uid = known.claim["metadata"]["uid"] if known.claim else ""
    noted = (wanted.key(spec, asked, known.revision), claim.name(owner, spec.model.cache), uid)
    made["metadata"]["annotations"] = {naming.WEIGHTS_ANNOTATION: "/".join(noted)}
    made["metadata"]["annotations"][naming.FETCH_ANNOTATION] = _hash_of(made)
    return _beside_servers(made, owner, spec, known.claim)


def container(spec: api.Spec, settings: config.Config, found: Sequence[wanted.Wanted]) -> kinds.Object:
    """Return the container that fetches what was `found` to be wanted, and ends."""
    reserved, most = disk.amounts(disk.beside(settings))
    return {
        "name": FETCH,
        "image": settings.fetch_image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-m", "vllm_operator.fetch"],
        "env": _environment(spec, settings, found),
        "terminationMessagePolicy": "File",
        "ports": [{"name": "progress", "containerPort": PORT, "protocol": "TCP"}],
        "resources": {
            "requests": {"cpu": CPU, "memory": MEMORY, **reserved},
            "limits": {"memory": MEMORY_LIMIT, **most},
        },
        "securityContext": security.container(),
        "volumeMounts": [
            {"name": volume_name(spec), "mountPath": MOUNT},
            {"name": SCRATCH, "mountPath": "/tmp"},  # noqa: S108 - a volume of the pod's own
            *security.ca_mounts(settings),
        ],
    }


def volumes(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> list[kinds.Object]:
    """Return the volume that the weights are fetched into."""
    cache = spec.model.cache
    if cache is None:
        return [{"name": volume_name(spec), "emptyDir": {"sizeLimit": disk.weights(spec, settings)}}]
    return [{"name": volume_name(spec), "persistentVolumeClaim": {"claimName": claim.name(owner, cache)}}]


def volume_name(spec: api.Spec) -> str:
    """Return the name of that volume: weights that are not fetched have one of their own."""
    return VOLUME if claim.is_model_fetched(spec) else ADAPTERS


def _placed(owner: naming.Owner, spec: api.Spec) -> kinds.Object:
    """Return where the Job may run: where servers may, for a volume may lie on a node, and beside one where it must."""
    said = scheduling.scheduling(owner, spec.scheduling)
    return scheduling.beside(said, owner, must=False) if claim.is_on_one_node(spec) else said


def _beside_servers(made: kinds.Object, owner: naming.Owner, spec: api.Spec, held: kinds.Object | None) -> kinds.Object:
    """Return the Job, beside servers where somebody's claim can be mounted on one node at a time.

    The wish is no part of what a Job notes that it is made of, since the claim cannot be read at all times.
    """
    if claim.is_own(spec) or not claim.is_held_on_one_node(held):
        return made
    pod = made["spec"]["template"]
    placed = {**pod, "spec": scheduling.beside(pod["spec"], owner, must=False)}
    return {**made, "spec": {**made["spec"], "template": placed}}


def _environment(spec: api.Spec, settings: config.Config, found: Sequence[wanted.Wanted]) -> list[kinds.Object]:
    own = {
        "HOME": "/tmp",  # noqa: S108 - a volume of the pod's own
        "FETCH_SOURCES": json.dumps([_said(one) for one in found]),
        "FETCH_PORT": str(PORT),
        "FETCH_RESULT": RESULT,
        "FETCH_ENLARGE": _enlarge(spec),
        **fetch_network.variables(settings),
    }
    return [*({"name": name, "value": value} for name, value in own.items()), *_credentials(spec)]


def _said(one: wanted.Wanted) -> kinds.Object:
    """Return what the fetcher is told of one source."""
    own = {"source": one.source, "into": f"{MOUNT}/{one.directory}", "files": list(one.files), "digest": one.digest}
    code = {"code": True} if one.has_code else {}
    return {**own, **code, **({"adapter": one.adapter, "maxRank": one.rank} if one.adapter else {})}


def _keep_variable(spec: api.Spec, found: Sequence[wanted.Wanted], used: Iterable[str]) -> list[kinds.Object]:
    """Return what says which directories stay; a claim that models share is left as it is."""
    if not claim.is_own(spec):
        return []
    keep = sorted({*(one.directory for one in found), *used})
    return [{"name": KEEP, "value": json.dumps({"root": MOUNT, "keep": keep})}]


def _enlarge(spec: api.Spec) -> str:
    """Return what to do where the volume is full."""
    cache = spec.model.cache
    if cache is None:
        return "make room on the node's disk, or fetch into a claim, by spec.model.cache"
    if cache.existing_claim:
        return f"enlarge the claim {cache.existing_claim}, or name another one in spec.model.cache.existingClaim"
    return "raise spec.model.cache.size"


def _credentials(spec: api.Spec) -> list[kinds.Object]:
    """Return a variable for each entry that the sources may need; the Secret holds those that they do need."""
    secret = spec.model.credentials_secret_ref
    if secret is None:
        return []
    names = (name for scheme in wanted.schemes(spec) for name in CREDENTIALS[scheme])
    return [{"name": name, "valueFrom": {"secretKeyRef": _entry(secret.name, name)}} for name in names]


def _entry(secret: str, name: str) -> kinds.Object:
    return {"key": name, "name": secret, "optional": True}


def _hash_of(made: kinds.Object) -> str:
    """Return a hash of the pod that fetches."""
    pod = made["spec"]["template"]["spec"]
    parts = [{**one, "env": [each for each in one["env"] if each["name"] != KEEP]} for one in pod["containers"]]
    return hashlib.sha256(json.dumps({**pod, "containers": parts}, sort_keys=True).encode()).hexdigest()[:16]
