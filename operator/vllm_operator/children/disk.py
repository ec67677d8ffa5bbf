"""What a model's pods may write on the disk of their node: the sizes of scratch volumes, and ephemeral storage. Pure.

The kubelet bounds what a pod writes in all by the sum of its containers' limits, those that have none counted as nothing. So each
container has a limit, and the engine's has room for all scratch volumes: they are the engine's to fill.
"""

from collections.abc import Mapping

from vllm_operator import api, config
from vllm_operator.children import claim, quantity

NAME = "ephemeral-storage"
LOGS = "1Gi"
"""Room for a container's log files. The kubelet keeps five of 10Mi each of a container, or as many as its configuration says."""
RESERVED = "64Mi"
SCRATCH = 2
"""Volumes of the chart's pods.scratch.size: /tmp, and the home of vLLM."""

Amounts = dict[str, str]


def scratch(spec: api.Spec, settings: config.Config) -> str:
    """Return the size of /tmp, and that of the home of vLLM: the spec's limit, else the chart's."""
    return _limit(spec) or quantity.canonical(settings.scratch_size)


def weights(spec: api.Spec, settings: config.Config) -> str:
    """Return the size of the scratch volume that a server fetches its weights into."""
    return _limit(spec) or quantity.canonical(settings.scratch_weights)


def of_engine(spec: api.Spec, settings: config.Config) -> tuple[Amounts, Amounts]:
    """Return what the engine's container reserves, and what it may use."""
    fetched = [settings.scratch_weights] if claim.is_fetched(spec) and spec.model.cache is None else []
    most = quantity.total(*[settings.scratch_size] * SCRATCH, *fetched, LOGS)
    return amounts(settings.scratch_reserved, spec.resources.requests, spec.resources.limits, most)


def beside(settings: config.Config) -> str:
    """Return what each other container reserves: little, and no more than the chart has the engine reserve.

    So the chart's 0 reserves nothing. A pod that asks for more has no place on nodes that report no ephemeral storage.
    """
    return min(RESERVED, quantity.canonical(settings.scratch_reserved), key=quantity.number)


def amounts(
    reserved: str,
    requests: Mapping[str, int | str] | None = None,
    limits: Mapping[str, int | str] | None = None,
    most: str = LOGS,
) -> tuple[Amounts, Amounts]:
    """Return what a container reserves, and what it may use: `reserved` and `most`, or what a spec says of it.

    Of a limit without a request the API server reserves all, so nothing is said of it.
    """
    asked, bound = (requests or {}).get(NAME), (limits or {}).get(NAME)
    if bound is not None:
        return ({} if asked is None else {NAME: quantity.canonical(asked)}), {NAME: quantity.canonical(bound)}
    request = quantity.canonical(reserved if asked is None else asked)
    return {NAME: request}, {NAME: quantity.larger(quantity.canonical(most), request)}


def _limit(spec: api.Spec) -> str:
    """Return the limit that the spec has, "" where it has none."""
    found = (spec.resources.limits or {}).get(NAME)
    return "" if found is None else quantity.canonical(found)
