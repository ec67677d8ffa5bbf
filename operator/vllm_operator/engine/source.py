"""A source of weights -> what to mount, vLLM's working directory and what it loads.

vLLM reports its model argument as `root`, so its working directory is the one above `org/name`, and it loads `org/name`.
"""

import re
from typing import NamedTuple

from vllm_operator import api

MODELS = "/models"
"""Where a claim or an image volume is mounted."""


class Weights(NamedTuple):
    """`argument`: what vLLM loads, seen from `directory`; `name`: the default served name; one of the two volumes, or none."""

    argument: str
    directory: str
    name: str
    claim: str | None = None
    image: str | None = None


def weights(model: api.Model) -> Weights:
    """Return what `model.source` stands for; the schema has checked its form."""
    scheme, _, rest = model.source.partition("://")
    return {"file": _file, "pvc": _claim, "oci": _image}[scheme](rest)


def _file(path: str) -> Weights:
    segments = path.strip("/").split("/")
    argument = "/".join(segments[-2:])
    return Weights(argument, "/" + "/".join(segments[:-2]), argument)


def _claim(rest: str) -> Weights:
    claim, _, path = rest.partition("/")
    if not path:
        return Weights(MODELS, "/", claim, claim=claim)
    inside = _file(f"{MODELS}/{path}") if "/" in path else Weights(path, MODELS, path)
    return inside._replace(claim=claim)


def _image(reference: str) -> Weights:
    repository = reference.partition("@")[0]
    path, _, last = repository.rpartition("/")
    segments = [*path.split("/"), last.partition(":")[0]] if path else [last.partition(":")[0]]
    if len(segments) > 1 and re.search(r"[.:]|^localhost$", segments[0]):
        del segments[0]  # the registry's host is no part of a name
    return Weights(MODELS, "/", "/".join(segments[-2:]), image=reference)
