"""Which URLs of requests an engine fetches: those of the hosts that the spec lists, and none that they redirect to."""

import re

from vllm_operator import api
from vllm_operator.engine import refusals

OPTION = "allowed-media-domains"
NONE = "urls-are-not-fetched.invalid"
"""The list of a model without one: vLLM takes an empty list for every host, and shows the list where it refuses a URL."""
REDIRECTS = "VLLM_MEDIA_URL_ALLOW_REDIRECTS"


def domains(engine: api.Engine) -> tuple[str, ...]:
    """Return the hosts whose URLs are fetched. A spec that an earlier release took may list them in its arguments."""
    return (engine.media and engine.media.allow_domains) or _of_arguments(engine)


def arguments(engine: api.Engine) -> list[str]:
    """Return the arguments that let vLLM fetch from those hosts alone."""
    return [f"--{OPTION}", *(domains(engine) or (NONE,))]


def _of_arguments(engine: api.Engine) -> tuple[str, ...]:
    given = [entry.partition("=")[2] for entry in engine.args if refusals.name(entry) == OPTION]
    texts = re.findall(r'[^\s"\[\],]+', given[-1]) if given else []
    return tuple(one for one in texts if re.fullmatch(api.HOST_NAME, one))
