"""The rows of EngineCurrent: whether the vLLM that serves, or is to serve, has weaknesses that were published."""

from typing import NamedTuple

from vllm_operator.engine import advisories
from vllm_operator.status import rule
from vllm_operator.status.context import StatusContext


class Known(NamedTuple):
    """An engine whose version is known, in words: `version` and what it is open to, `open_to`, "" where nothing is known."""

    version: str
    open_to: str


def _image(at: StatusContext) -> str:
    return at.plan.serving.image or at.plan.image


def _known(at: StatusContext) -> Known | None:
    version = advisories.version_of(_image(at))
    if version is None:
        return None
    found = (_words(one) for one in advisories.open_in(version))
    return Known(advisories.text(version), ", ".join(found))


def _words(one: advisories.Advisory) -> str:
    return f"{one.name} ({one.effect})" if one.effect else one.name


def _outdated(at: StatusContext) -> Known | None:
    known = _known(at)
    return known if known and known.open_to else None


ENGINE_CURRENT: tuple[rule.Row[StatusContext], ...] = (
    rule.Rule(
        "EngineOutdated",
        _outdated,
        "vLLM {found.version} is open to {found.open_to}",
        f"choose vLLM {advisories.text(advisories.FLOOR)} or newer in spec.engine.image, or engine.images of the chart",
    ),
    rule.Rule(
        "EngineCurrent", _known, "vLLM {found.version} has no weakness that this operator knows of", status="True"
    ),
    rule.Rule(
        "EngineVersionUnknown",
        _image,
        "the tag of the image {found} does not tell which vLLM it is, so nobody can say what it is open to",
        "",
        "Unknown",
    ),
)
"""A model without an image has no such condition."""
