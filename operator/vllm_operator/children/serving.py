"""What serves now: the model's name, task, context and URL, and the engine's image, as clients and admins are told them.

While a spec is paused, refused or rolling out, the servers at work are those of an earlier one. So what clients are told is read
from the servers and the Ingress that are there, and from the spec only where there are none yet. Pure.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import exposure, pod
from vllm_operator.engine import options, verification
from vllm_operator.kube import kinds, naming


class Serving(NamedTuple):
    """What servers and Ingress at work give.

    `model`: the name that servers answer to; `task`: what they do; `context`: tokens, None where the weights say it; `url`: ends
    in a slash; `image`: the engine's, "" where there is no server; `path`: the one that the edge sends requests with, such as
    /opt, "" where there is none; `aliases`: further names that servers answer to; `adapters`: names of LoRA
    adapters, which they answer to as well.
    """

    model: str
    task: api.Task
    context: int | None
    url: str
    image: str
    path: str = ""
    aliases: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()


def serving(
    owner: naming.Owner,
    spec: api.Spec,
    settings: config.Config,
    *,
    pods: Iterable[kinds.Object] = (),
    deployment: kinds.Object | None = None,
    edge: kinds.Object | None = None,
    chosen: int | None = None,
    host_held: bool = False,
) -> Serving:
    """Return what serves: `pods` are the ready ones, `edge` the live Ingress, `chosen` the context that vLLM was seen to choose.

    `host_held`: somebody else has the host that the spec names, so nobody is sent there.

    Of servers of two versions the oldest counts: clients learn of a new name when all servers answer to it. A model that has
    servers and no Ingress is reached by its Service.
    """
    engine = _engine(pods, deployment)
    arguments = engine.get("args") or []
    inside = exposure.inside(owner)
    kept = None if edge and host_held and exposure.is_asked(owner, spec, settings, edge) else edge
    served = verification.served(arguments, spec.model.task)
    return Serving(
        model=served.model if served else options.served_name(spec.model),
        task=served.task if served else spec.model.task,
        context=_context(arguments or [f"--max-model-len={spec.engine.max_model_len}"], chosen),
        url=exposure.live_url(kept) or (inside if deployment or host_held else exposure.url(owner, spec, settings)),
        image=str(engine.get("image", "")),
        path=exposure.live_path(edge) if edge else exposure.path(owner, spec, settings),
        aliases=served.aliases if served else options.aliases(spec.model),
        adapters=served.adapters if served else tuple(one.name for one in spec.model.adapters or ()),
    )


def _engine(pods: Iterable[kinds.Object], deployment: kinds.Object | None) -> kinds.Object:
    """Return the engine's container in the oldest ready server; in the Deployment's template where none is ready; else {}."""
    oldest = min(pods, key=lambda one: str(one["metadata"].get("creationTimestamp", "")), default=None)
    spec = (oldest or {}).get("spec") or ((deployment or {}).get("spec") or {}).get("template", {}).get("spec") or {}
    return next((one for one in spec.get("containers") or [] if one.get("name") == pod.ENGINE), {})


def _context(arguments: Iterable[str], chosen: int | None) -> int | None:
    """Return the length that the engine was started with, or has `chosen`, in tokens; None where the weights alone say it."""
    if verification.chooses_context(arguments):
        return chosen
    given = [re.fullmatch(r"--max-model-len=([0-9]{1,10})", argument) for argument in arguments]
    return next((int(found[1]) for found in given if found), None)
