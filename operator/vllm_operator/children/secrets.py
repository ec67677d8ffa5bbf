"""The Secrets: one per client, ready for `envFrom`, and the guard's, derived from them."""

import base64
import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence

from vllm_operator import api, guard, keys
from vllm_operator.children import service
from vllm_operator.children.serving import Serving
from vllm_operator.engine import endpoints
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming


def client_secret(owner: naming.Owner, model: str, url: str, name: str, issued: keys.Issued) -> kinds.Object:
    """Return the Secret of one client: with `envFrom` the OpenAI SDK needs nothing else."""
    secret = _secret(owner, naming.client_secret(owner.name, name), "client", {
        **record.entries(issued),
        "OPENAI_BASE_URL": f"{url}v1",
        "OPENAI_BASE_URL_IN_CLUSTER": f"{service.address(owner)}/v1",
        "OPENAI_MODEL": model,
    })  # fmt: skip
    secret["metadata"]["labels"][naming.CLIENT_LABEL] = name
    secret["metadata"]["annotations"] = record.annotations(name, issued)
    return secret


def guard_secret(
    owner: naming.Owner,
    who: guard.Access,
    paths: Sequence[guard.Endpoint],
    images: Iterable[str],
    noted: Mapping[str, str],
    *,
    site: guard.Site = guard.Site(),  # noqa: B008 - immutable
) -> kinds.Object:
    """Return the Secret that guards of all these `images` take; beside the files it has what the operator `noted`.

    `site`: where the guards listen, and how much memory each may use.
    """
    files, version = _guard_files(who, tuple(paths), min(map(guard.version_of, images)), site)
    secret = _secret(owner, naming.guard_secret(owner.name), "guard", noted)
    secret["data"] |= files
    secret["metadata"]["annotations"] = {naming.GUARD_VERSION_ANNOTATION: version}
    return secret


@functools.lru_cache(maxsize=16)
def _guard_files(
    who: guard.Access, paths: tuple[guard.Endpoint, ...], envoy: tuple[int, int], site: guard.Site
) -> tuple[dict[str, str], str]:
    """Return the guard's files as a Secret holds them, and their version.

    A model that rolls out has a run for each change of a pod, and the same files in each; some 60 KB of each model are kept.
    """
    files, version = guard.rendered(who, paths, envoy, site)
    return _encoded(files), version


def access(
    owner: naming.Owner,
    spec: api.Spec,
    serving: Serving,
    issued: Mapping[str, keys.Issued],
    page: guard.Page | None,
) -> guard.Access:
    """Return who may call the model, with which keys, how often and until when."""
    listed = sorted(keys.clients(spec.access), key=lambda client: client.name)
    return guard.Access(
        clients=tuple(_client(client, spec, issued[client.name]) for client in listed if client.name in issued),
        peers=service.peers_address(owner),
        origins=spec.access.cors.allow_origins,
        model=serving.model,
        page=page,
        path=serving.path,
        max_request_bytes=spec.access.max_request_bytes or endpoints.max_request_bytes(serving.task),
    )


def _client(client: api.Client, spec: api.Spec, issued: keys.Issued) -> guard.Client:
    limit = client.rate_limit or spec.access.default_rate_limit
    credentials = tuple(_credentials(issued, keys.expiry(client)))
    return guard.Client(client.name, guard.RateLimit(limit.requests, limit.unit), credentials)


def _credentials(issued: keys.Issued, expiry: int | None) -> Iterator[guard.Credential]:
    """Yield the newest key, then the replaced ones, which end with their overlap or with the client."""
    yield guard.Credential(issued.key, expiry)
    for one in issued.previous:
        yield guard.Credential(one.key, one.until if expiry is None else min(one.until, expiry))


def _secret(owner: naming.Owner, name: str, component: str, entries: Mapping[str, str]) -> kinds.Object:
    return naming.child(kinds.SECRET, owner, name, component, data=_encoded(entries), type="Opaque")


def _encoded(entries: Mapping[str, str]) -> dict[str, str]:
    return {entry: base64.b64encode(value.encode()).decode() for entry, value in entries.items()}
