"""The accelerators that a server asks for: how many of which resource, which image serves them, how many work as one.

Every extended resource counts as an accelerator, known or not: the image for CPUs would leave one idle without a word.
"""

import re
from collections.abc import Mapping
from typing import TypeVar

from vllm_operator import api, config

Setting = TypeVar("Setting")

WHOLE = (
    "nvidia.com/gpu",
    "amd.com/gpu",
    "gpu.intel.com/xe",
    "gpu.intel.com/i915",
    "habana.ai/gaudi",
    "google.com/tpu",
    "huawei.com/Ascend910",
)
"""Resources of which one is a whole device, that vLLM splits a model among. A part of a device, such as a MIG profile, cannot
talk to another one; of other resources it is not known."""


def of(resources: api.Resources) -> dict[str, int | str]:
    """Return the amounts of the accelerators that one server asks for, by resource name."""
    return among(resources.limits or {})


def among(limits: Mapping[str, int | str]) -> dict[str, int | str]:
    """Return those of a container's limits that are amounts of accelerators."""
    return {name: amount for name, amount in limits.items() if is_one(name) and not _is_zero(amount)}


def is_one(resource: str) -> bool:
    """Tell whether a resource is an extended one, as Kubernetes tells them from its own."""
    return "/" in resource and "kubernetes.io/" not in resource


def image(spec: api.Spec, settings: config.Config) -> str:
    """Return the engine's image: the spec's, else the setting for its accelerator, else ""."""
    return spec.engine.image or setting(settings.engine_images, spec.resources) or ""


def setting(known: Mapping[str, Setting], resources: api.Resources) -> Setting | None:
    """Return what is `known` for the accelerators, by resource name: of the same name, else of another of that vendor (MIG)."""
    asked = asked_for(resources)
    vendors = {name.partition("/")[0] for name in asked}
    alike = [name for name in known if name.partition("/")[0] in vendors]
    return next((known[name] for name in (*asked, *alike) if known.get(name)), None)


def asked_for(resources: api.Resources) -> list[str]:
    """Return the keys of the settings by accelerator: resource names, or where there are none that of claims or of CPUs."""
    return list(of(resources)) or [config.CLAIMS if resources.claims else config.CPU]


def together(resources: api.Resources) -> int:
    """Return how many whole devices of one kind a server has, which one copy of the model is split among; 1 where none."""
    amounts = [str(amount) for name, amount in of(resources).items() if name in WHOLE]
    is_clear = len(amounts) == 1 and re.fullmatch("[0-9]{1,4}", amounts[0])
    return int(amounts[0]) if is_clear else 1


def _is_zero(amount: int | str) -> bool:
    return not re.search("[1-9]", re.split("[eE]", str(amount))[0])
