"""What serves now: the model's name, its context, its URL and the engine's image, as clients and admins are told them.

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
    """What servers and Ingress at work give.

    `model`: the name that servers answer to; `context`: tokens, None where the weights say it; `url`: ends in a slash;
    `image`: the engine's, "" where there is no server.
    """

    model: str
    context: int | None
    url: str
    image: str


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

    Of servers of two versions the oldest counts: clients learn of a new name when all servers answer to it. A model that has
    servers and no Ingress is reached by its Service.
    """
    engine = _engine(pods, deployment)
    arguments = _arguments(engine)
    context = arguments.get("max-model-len", "") if arguments else str(spec.engine.max_model_len)
    return Serving(
        model=arguments.get("served-model-name") or options.served_name(spec.model),
        context=int(context) if context.isdecimal() else None,
        url=ingress.live_url(edge) or (ingress.inside(owner) if deployment else ingress.url(owner, spec, settings)),
        image=str(engine.get("image", "")),
    )


def _engine(pods: Iterable[kinds.Object], deployment: kinds.Object | None) -> kinds.Object:
    """Return the engine's container in the oldest ready server; in the Deployment's template where none is ready; else {}."""
    oldest = min(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
    spec = (oldest or {}).get("spec") or ((deployment or {}).get("spec") or {}).get("template", {}).get("spec") or {}
    return next((one for one in spec.get("containers") or [] if one.get("name") == pod.ENGINE), {})


def _arguments(engine: kinds.Object) -> dict[str, str]:
    """Return the options of the engine by name, without their dashes."""
    pairs = (argument.removeprefix("--").partition("=") for argument in engine.get("args") or [])
    return {name: value for name, _, value in pairs}
