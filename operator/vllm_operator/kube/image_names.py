"""References of container images: each in one spelling, and which prefixes have it.

A runtime reads `debian` as docker.io/library/debian:latest and `vllm/x` as docker.io/vllm/x, and a tag beside a digest means
nothing to it. Must not know which images may run.
"""

import re
from collections.abc import Iterable, Iterator

LOCAL = "localhost"
HOME, OLD_HOME, OFFICIAL = "docker.io/", "index.docker.io/", "docker.io/library/"
"""What a reference without a registry means, another name of the same, and what a single word means."""
_REGISTRY = re.compile(f"({LOCAL}|[^/]*[.:][^/]*)/")
_UNREAL = re.compile(r"(^|/)[.]{0,2}(/|$)")
"""An empty segment, or one of dots: no reference has one."""


def is_under_any(image: str, prefixes: Iterable[str]) -> bool:
    """Tell whether the reference `image` is one of `prefixes` or below one, whichever way either is spelled."""
    whole = spelled(image)
    return bool(whole) and any(is_under(whole, one) for prefix in prefixes for one in spelled_prefixes(prefix))


def spelled(image: str) -> str:
    """Return the one spelling of `image`: with its registry, and a tag or a digest; "" for what is no reference."""
    name, at, digest = image.partition("@")
    whole = _of_registry(name)
    rest = whole.removeprefix(HOME)
    if whole.startswith(HOME) and "/" not in rest:
        whole = f"{OFFICIAL}{rest}"
    if _UNREAL.search(whole):
        return ""
    if at:
        return f"{_without_tag(whole)}@{digest}"
    return whole if _without_tag(whole) != whole else f"{whole}:latest"


def repository(image: str) -> str:
    """Return `image` in its one spelling, without tag and digest; "" for what is no reference."""
    return _without_tag(spelled(image).partition("@")[0])


def spelled_prefixes(prefix: str) -> Iterator[str]:
    """Yield the spellings of `prefix`: a word is an official image and no owner, which `word/` is; `a:5000` may be either."""
    name, at, digest = prefix.partition("@")
    if is_registry(prefix):
        yield prefix
    if "/" in name:
        whole = _of_registry(name)
        yield f"{_without_tag(whole)}@{digest}" if at else whole
    elif name and (at or ":" in name or not is_registry(name)):
        yield f"{OFFICIAL}{prefix}"


def is_under(reference: str, prefix: str) -> bool:
    """Tell whether `reference` is `prefix` or below it, as both are spelled; a prefix ends where a part of a reference does.

    `registry.example/team` has registry.example/team/x, registry.example/team:1 and its digests, and not registry.example/team-b;
    a registry alone has what follows its slash, and no other port; a prefix with a tag or digest is that image alone.
    """
    if reference == prefix:
        return True
    if prefix.endswith("/"):
        return reference.startswith(prefix)
    rest = reference.removeprefix(prefix)
    if rest == reference or _is_whole(prefix):
        return False
    return rest.startswith("/") or (not is_registry(prefix) and _is_tag(rest))


def is_registry(prefix: str) -> bool:
    """Tell whether `prefix` may be a registry alone."""
    return "/" not in prefix and "@" not in prefix and (prefix == LOCAL or "." in prefix or ":" in prefix)


def _of_registry(name: str) -> str:
    """Return `name` with the registry that it is asked of."""
    if name.startswith(OLD_HOME):
        return f"{HOME}{name.removeprefix(OLD_HOME)}"
    return name if _REGISTRY.match(name) else f"{HOME}{name}"


def _without_tag(name: str) -> str:
    """Return `name` without its tag: a colon before a slash is a port."""
    before, _, tag = name.rpartition(":")
    return name if "/" in tag else before or name


def _is_whole(prefix: str) -> bool:
    """Tell whether `prefix` holds a tag or a digest: a colon before any slash is a port."""
    return "@" in prefix or ("/" in prefix and ":" in prefix.rpartition("/")[2])


def _is_tag(rest: str) -> bool:
    return rest.startswith((":", "@")) and "/" not in rest
