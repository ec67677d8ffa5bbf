"""What is fetched for a model: its weights, where they lie elsewhere, and its adapters; each into a directory of its own.

A directory of the volume is named after what was asked for, so its path is known before the commit is. Names are made of the spec
alone, and of no default of a release: a newer one that chooses other files or other room fetches nothing again. Pure.
"""

import hashlib
import json
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import adapters, source
from vllm_operator.fetch import listing
from vllm_operator.kube import kinds

BELOW = "weights/"
FIRST_RANK = 64
"""The largest rank that names are made of where the spec says none. It never changes, whatever the engine has room for."""


class Wanted(NamedTuple):
    """One source. `directory`: where it lies on the volume; `path`: where the engine finds it; `adapter`: its name, or "".

    `files`: patterns, none for the fetcher's own choice; `has_code`: that choice has the model's own code, which may be run;
    `rank`: the largest that the engine has room for, 0 for any.
    """

    source: str
    directory: str
    path: str
    files: tuple[str, ...] = ()
    digest: str = ""
    adapter: str = ""
    rank: int = 0
    has_code: bool = False


def wanted(spec: api.Spec, asked: str, revision: kinds.Object | None = None) -> tuple[Wanted, ...]:
    """Return what is fetched, the model first; `asked`: the upgrade annotation's value.

    With a ControllerRevision each lies where servers of it look: one that an earlier release pinned may mount other directories.
    """
    weights = source.weights(spec.model)
    model = Wanted(
        spec.model.source, _directory(_of_model(spec, asked)), weights.path, tuple(spec.model.files),
        spec.model.digest or "", has_code=_has_code(spec),
    )  # fmt: skip
    found = (*((model,) if weights.is_fetched else ()), *_adapters(spec, asked))
    inside = _mounted(revision) if revision else {}
    return tuple(one._replace(directory=inside.get(one.path, one.directory)) for one in found)


def key(spec: api.Spec, asked: str, revision: kinds.Object | None = None) -> str:
    """Return a name of all that is fetched: another for everything that may bring other bytes, or another answer."""
    found = wanted(spec, asked, revision)
    if not spec.model.adapters:
        return found[0].directory.removeprefix(BELOW)
    rank = FIRST_RANK if adapters.said_rank(spec.engine) is None else adapters.rank(spec.engine)
    return _hash([[one.directory, one.adapter, rank if one.adapter else 0] for one in found])


def _mounted(revision: kinds.Object) -> dict[str, str]:
    """Return which directory of the volume an engine of the revision has at which path."""
    mounts = revision["data"]["template"]["spec"]["containers"][0].get("volumeMounts", [])
    return {one["mountPath"]: one["subPath"] for one in mounts if one.get("subPath")}


def schemes(spec: api.Spec) -> tuple[str, ...]:
    """Return the schemes of what is fetched, each once."""
    return tuple(dict.fromkeys(one.source.partition("://")[0] for one in wanted(spec, "")))


def _adapters(spec: api.Spec, asked: str) -> tuple[Wanted, ...]:
    rank = adapters.rank(spec.engine)
    return tuple(_of_adapter(one, asked, rank) for one in spec.model.adapters or ())


def _of_adapter(one: api.Adapter, asked: str, rank: int) -> Wanted:
    directory = _directory(_hash(["adapter", one.source, asked]))
    return Wanted(one.source, directory, adapters.path(one.name), adapter=one.name, rank=rank)


def _of_model(spec: api.Spec, asked: str) -> str:
    files = listing.WITH_CODE if _has_code(spec) else spec.model.files
    return _hash([spec.model.source, sorted(files), spec.model.digest or "", asked])


def _has_code(spec: api.Spec) -> bool:
    """Tell whether the fetcher's own choice of files has the model's code: only where it is to be run."""
    return bool(spec.engine.trust_remote_code) and not spec.model.files


def _directory(name: str) -> str:
    return f"{BELOW}{name}"


def _hash(made_of: list[object]) -> str:
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
