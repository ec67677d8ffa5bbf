"""The hosts and paths that an Ingress or an HTTPRoute asks for. Pure; must not know whose it is.

A host with a wildcard, or none, asks for no host by itself: whatever names the host comes before it. Nor does a path that is to
be met exactly ask for what lies below it.
"""

import itertools
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from vllm_operator.kube import kinds

MOST = 256
"""Addresses of one object that are looked at: nobody's object is to fill the memory."""
LONGEST = 256
"""Characters of a path that are looked at: longer than any that a model may ask for."""
_PLAIN = re.compile("([-A-Za-z0-9._~/](?![*+?{]))*")
"""The beginning of a path that is no regular expression, as some controllers take them."""


class Address(NamedTuple):
    """A host, and the path below it, such as /opt; "" for all of the host."""

    host: str
    path: str

    def __str__(self) -> str:
        return f"{self.host}{self.path}"


def addresses(obj: kinds.Object) -> tuple[Address, ...]:
    """Return the addresses that `obj` asks for, each once, at most MOST of them."""
    asked = _of_route(obj) if obj["kind"] == kinds.HTTP_ROUTE.kind else _of_ingress(obj)
    found: dict[Address, None] = {}
    for host, path in asked:
        if host and not host.startswith("*"):
            found[Address(host.lower(), _plain(path))] = None
        if len(found) == MOST:
            break
    return tuple(found)


def _of_ingress(obj: kinds.Object) -> Iterator[tuple[str, str]]:
    for rule in _listed(obj.get("spec") or {}, "rules", ()):
        for one in _listed(rule.get("http") or {}, "paths"):
            if one.get("pathType") != "Exact":
                yield rule.get("host") or "", one.get("path") or "/"


def _of_route(obj: kinds.Object) -> Iterator[tuple[str, str]]:
    spec = obj.get("spec") or {}
    for rule in itertools.filterfalse(_redirects, _listed(spec, "rules")):
        for match in _listed(rule, "matches"):
            path = match.get("path") or {}
            if path.get("type") != "Exact":
                yield from ((host, path.get("value") or "/") for host in spec.get("hostnames") or ())


def _redirects(rule: kinds.Object) -> bool:
    """Tell whether a rule only redirects, as from http to https beside whatever serves the host: it takes it from nobody."""
    return any(one.get("type") == "RequestRedirect" for one in rule.get("filters") or ())


def _listed(fields: kinds.Object, name: str, none: Sequence[kinds.Object] = ({},)) -> Sequence[kinds.Object]:
    """Return the list of that name; `none` where it is empty: what then asks for everything."""
    found: Sequence[kinds.Object] = fields.get(name) or none
    return found


def _plain(path: str) -> str:
    found = _PLAIN.match(path[:LONGEST])
    return found[0].rstrip("/") if found else ""
