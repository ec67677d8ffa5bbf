"""What is fetched for a model: its weights, where they lie elsewhere, and its adapters; each into a directory of its own.

A directory of the volume is named after what was asked for, so its path is known before the commit is. Names are made of the spec
alone, and of no default of a release: a newer one that chooses other files or other room fetches nothing again. Pure.
"""

import hashlib
import json
from typing import NamedTuple

from vllm_operator import api
from vllm_operator.engine import adapters, source


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


def wanted(spec: api.Spec, asked: str) -> tuple[Wanted, ...]:
    """Return what is fetched, the model first; `asked`: the upgrade annotation's value."""
    weights = source.weights(spec.model)
    model = Wanted(
        spec.model.source, _directory(_of_model(spec, asked)), weights.path, tuple(spec.model.files),
        spec.model.digest or "", has_code=_has_code(spec),
    )  # fmt: skip
    return (*((model,) if weights.is_fetched else ()), *_adapters(spec, asked))


def key(spec: api.Spec, asked: str) -> str:
    """Return a name of all that is fetched: another for everything that may bring other bytes, or another answer."""
    if not spec.model.adapters:
        return _of_model(spec, asked)
    found = [[one.directory, one.adapter] for one in wanted(spec, asked)]
    return _hash([*found, adapters.said_rank(spec.engine)])


def schemes(spec: api.Spec) -> tuple[str, ...]:
    """Return the schemes of what is fetched, each once."""
    return tuple(dict.fromkeys(one.source.partition("://")[0] for one in wanted(spec, "")))


def _adapters(spec: api.Spec, asked: str) -> tuple[Wanted, ...]:
    return tuple(_of_adapter(one, asked, adapters.rank(spec.engine)) for one in spec.model.adapters or ())


def _of_adapter(one: api.Adapter, asked: str, rank: int) -> Wanted:
    directory = _directory(_hash(["adapter", one.source, asked]))
    return Wanted(one.source, directory, adapters.path(one.name), adapter=one.name, rank=rank)


def _of_model(spec: api.Spec, asked: str) -> str:
    code = ["code"] if _has_code(spec) else []
    return _hash([spec.model.source, sorted(spec.model.files), spec.model.digest or "", asked, *code])


def _has_code(spec: api.Spec) -> bool:
    """Tell whether the fetcher's own choice of files has the model's code: only where it is to be run."""
    return bool(spec.engine.trust_remote_code) and not spec.model.files


def _directory(name: str) -> str:
    return f"weights/{name}"


def _hash(made_of: list[object]) -> str:
    return hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:16]
