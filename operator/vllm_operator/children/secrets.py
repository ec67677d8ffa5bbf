"""The Secrets: one per client, ready for `envFrom`, and the guard's, derived from them.

The client's Secret is the truth of a key that the operator generated. `keys()` reads it back, and tells a key that somebody
edited (put back from the guard's Secret) from one that the operator wrote (its mark fits).
"""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping

from vllm_operator import api, guard, identity, kinds
from vllm_operator.children import service
from vllm_operator.engine import endpoints, options

KEY = "OPENAI_API_KEY"
KEYS_FILE = "keys.json"
MARK_ANNOTATION = f"{kinds.GROUP}/key-mark"
DEFAULT_CLIENT = "default"


def clients(spec: api.Spec) -> tuple[str, ...]:
    """Return the names of the model's clients."""
    del spec  # the spec lists none yet: one client is implied
    return (DEFAULT_CLIENT,)


def client_secret(owner: identity.Owner, spec: api.Spec, url: str, name: str, key: str) -> kinds.Object:
    """Return the Secret of one client: with `envFrom` the OpenAI SDK needs nothing else."""
    secret = _secret(owner, identity.client_secret(owner.name, name), "client", {
        KEY: key,
        "OPENAI_BASE_URL": f"{url}v1",
        "OPENAI_BASE_URL_IN_CLUSTER": f"{service.address(owner)}/v1",
        "OPENAI_MODEL": options.served_name(spec.model),
    })  # fmt: skip
    secret["metadata"]["labels"][identity.CLIENT_LABEL] = name
    secret["metadata"]["annotations"] = {MARK_ANNOTATION: _mark(key)}
    return secret


def guard_secret(owner: identity.Owner, spec: api.Spec, image: str, keys: Mapping[str, str]) -> kinds.Object:
    """Return the Secret that the guard of `image` is configured by; it also holds the keys that the operator last accepted."""
    limit = guard.RateLimit(spec.access.default_rate_limit.requests, spec.access.default_rate_limit.unit)
    access = guard.Access(
        clients=tuple(guard.Client(name, limit, (guard.Credential(key),)) for name, key in sorted(keys.items())),
        peers=service.peers_address(owner),
        origins=spec.access.cors.allow_origins,
        model=options.served_name(spec.model),
    )
    files = guard.files(access, endpoints.of(spec.model.task), guard.version_of(image))
    held = json.dumps(dict(keys), sort_keys=True)
    secret = _secret(owner, identity.guard_secret(owner.name), "guard", {**files, KEYS_FILE: held})
    version = guard.version(access, endpoints.of(spec.model.task))
    secret["metadata"]["annotations"] = {identity.GUARD_VERSION_ANNOTATION: version}
    return secret


def key(secret: kinds.Object | None) -> str:
    """Return the key that a client's Secret holds; "" where there is none."""
    return _decoded(secret, KEY) if secret else ""


def guard_version(secret: kinds.Object | None) -> str:
    """Return which configuration the guard's Secret holds, as guards name it; "" where there is none yet."""
    annotations = (secret or {"metadata": {}})["metadata"].get("annotations") or {}
    return str(annotations.get(identity.GUARD_VERSION_ANNOTATION, ""))


def keys(
    owner: identity.Owner, names: Iterable[str], live: Mapping[kinds.Ref, kinds.Object], new: Callable[[], str]
) -> dict[str, str]:
    """Return each client's key: the one in its Secret, else (edited) the one last accepted, else a `new` one.

    A client whose Secret is being deleted has none until it is gone: the old key is revoked, and a new one has no place yet.
    """
    accepted = _accepted(live.get(kinds.Ref("Secret", owner.namespace, identity.guard_secret(owner.name))))
    held = {name: live.get(ref) for name, ref in zip(names, refs(owner, names), strict=True)}
    return {
        name: _key(secret, accepted.get(name)) or new()
        for name, secret in held.items()
        if not (secret and secret["metadata"].get("deletionTimestamp"))
    }


def refs(owner: identity.Owner, names: Iterable[str]) -> tuple[kinds.Ref, ...]:
    """Return the references of the clients' Secrets."""
    return tuple(kinds.Ref("Secret", owner.namespace, identity.client_secret(owner.name, name)) for name in names)


def _key(secret: kinds.Object | None, accepted: str | None) -> str | None:
    """Return None where a key is to be made: the Secret is gone (which revokes), or nothing usable is left of it."""
    if secret is None:
        return None
    key = _decoded(secret, KEY)
    written_by_us = secret["metadata"].get("annotations", {}).get(MARK_ANNOTATION) == _mark(key)
    return key if written_by_us and guard.is_key(key) else accepted


def _accepted(secret: kinds.Object | None) -> dict[str, str]:
    try:
        held = json.loads(_decoded(secret, KEYS_FILE)) if secret else {}
    except ValueError:
        held = {}
    return {name: key for name, key in held.items() if guard.is_key(key)} if isinstance(held, dict) else {}


def _decoded(secret: kinds.Object, entry: str) -> str:
    try:
        return base64.b64decode((secret.get("data") or {}).get(entry, ""), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _mark(key: str) -> str:
    """Return what tells a key of ours from an edited one; a key's 256 random bits cannot be found from it."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def _secret(owner: identity.Owner, name: str, component: str, entries: Mapping[str, str]) -> kinds.Object:
    data = {entry: base64.b64encode(value.encode()).decode() for entry, value in entries.items()}
    return identity.child(kinds.SECRET, owner, name, component, data=data, type="Opaque")
