"""A source of weights -> what to mount, vLLM's working directory and what it loads.

vLLM reports its model argument as `root`, so its working directory is the one above `org/name`, and it loads `org/name`.
"""

import re
from typing import NamedTuple

from vllm_operator import api

MODELS = "/models"
"""Where the weights lie for the engine: a claim, an image volume, or what was fetched."""

IMAGE = "/model-image"
"""Where an image volume is mounted whose weights are looked for."""


REFERENCE = "([^/@:]*:[0-9]+/)?[^:@]*(:[^/@]+)?(@[^/]+)?"
"""An image reference at the beginning of a text; the chart's admission policy takes a source apart by the same."""


class Weights(NamedTuple):
    """`argument`: what vLLM loads, seen from `directory`; `name`: the default served name; one of the volumes, or none.

    `claim`, `image`: what is mounted at MODELS; `is_searched`: the weights may lie below the image's root; `is_fetched`: they lie
    elsewhere, and are fetched to `path`.
    """

    argument: str
    directory: str
    name: str
    claim: str | None = None
    image: str | None = None
    is_searched: bool = False
    is_fetched: bool = False

    @property
    def path(self) -> str:
        """Return the directory that vLLM loads."""
        return f"{self.directory.rstrip('/')}/{self.argument}"


def weights(model: api.Model) -> Weights:
    """Return what `model.source` stands for; the schema has checked its form."""
    scheme, _, rest = model.source.partition("://")
    return {"file": _file, "pvc": _claim, "oci": _image, "hf": _repository, "s3": _bucket, "gs": _bucket}[scheme](rest)


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


def _image(rest: str) -> Weights:
    reference, path = _split(rest)
    name = _of_image(reference)
    if path:
        inside = _file(f"{MODELS}/{path}") if "/" in path else Weights(path, MODELS, path)
        return inside._replace(name=name, image=reference)
    return Weights(name, MODELS, name, image=reference, is_searched=True)


def _split(rest: str) -> tuple[str, str]:
    """Return the image reference and the path inside the image, which follows a tag or a digest.

    `host:5000/repository` has a port there, and no tag.
    """
    found = re.match(REFERENCE, rest)
    reference = found[0] if found else rest
    return reference, rest[len(reference) :].strip("/")


def _of_image(reference: str) -> str:
    """Return the name of an image: the last two parts of its repository, without the registry's host."""
    repository = reference.partition("@")[0]
    path, _, last = repository.rpartition("/")
    segments = [*path.split("/"), last.partition(":")[0]] if path else [last.partition(":")[0]]
    if len(segments) > 1 and re.search(r"[.:]|^localhost$", segments[0]):
        del segments[0]
    return "/".join(segments[-2:])


def _repository(rest: str) -> Weights:
    name = rest.partition("@")[0]
    return Weights(name, MODELS, name, is_fetched=True)


def _bucket(rest: str) -> Weights:
    name = "/".join(rest.strip("/").split("/")[-2:])
    return Weights(name, MODELS, name, is_fetched=True)
