"""What serves now: the model's name, its context and its URL, as clients are told them.

While a spec is paused, refused or rolling out, the servers at work are those of an earlier one. So what clients are told is read
from the servers and the Ingress that are there, and from the spec only where there are none yet. Pure.
"""

from collections.abc import Iterable
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import ingress, pod
from vllm_operator.engine import options
from vllm_operator.kube import kinds, naming


class Serving(NamedTuple):
    """`model`: the name that servers answer to; `context`: tokens, None where the weights say it; `url`: ends in a slash."""

    model: str
    context: int | None
    url: str


def serving(
    owner: naming.Owner,
    spec: api.Spec,
    settings: config.Config,
    *,
    pods: Iterable[kinds.Object] = (),
    deployment: kinds.Object | None = None,
    edge: kinds.Object | None = None,
) -> Serving:
    """Return what serves: `pods` are the ready ones, `edge` the live Ingress.

    Of servers of two versions the oldest counts: clients learn of a new name when all servers answer to it.
    """
    arguments = _arguments(pods, deployment)
    model = arguments.get("served-model-name", options.served_name(spec.model))
    context = spec.engine.max_model_len
    if arguments:
        context = int(length) if (length := arguments.get("max-model-len", "")).isdecimal() else None
    return Serving(model, context, ingress.live_url(edge) or ingress.url(owner, spec, settings))


def _arguments(pods: Iterable[kinds.Object], deployment: kinds.Object | None) -> dict[str, str]:
    """Return the options of the oldest ready server; of the Deployment's template where none is ready."""
    oldest = min(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
    spec = (oldest or {}).get("spec") or ((deployment or {}).get("spec") or {}).get("template", {}).get("spec") or {}
    for container in spec.get("containers") or []:
        if container.get("name") == pod.ENGINE:
            pairs = (argument.removeprefix("--").partition("=") for argument in container.get("args") or [])
            return {name: value for name, _, value in pairs}
    return {}
