"""The variables that vLLM needs: to run as any user on a read-only image, and to reach the world from a closed network."""

from collections.abc import Collection
from typing import Any

from vllm_operator import api, config
from vllm_operator.engine import accelerators, media, refusals

HOME = "/home/vllm"
"""A volume of the pod: caches of compilers and libraries, gone with the pod."""

CACHE = f"{HOME}/cache"
"""Below it lies what compilers made; a claim may keep it."""

CA_DIRECTORY, CA_FILE = "/etc/ca-bundle", "ca.crt"
"""Where the authorities of a private network lie, where the settings name some."""

CACHES = {
    "HF_HOME": "huggingface",
    "XDG_CACHE_HOME": "cache",
    "XDG_CONFIG_HOME": "config",
    "VLLM_CACHE_ROOT": "cache/vllm",
    "TRITON_CACHE_DIR": "cache/triton",
    "TORCHINDUCTOR_CACHE_DIR": "cache/inductor",
    "FLASHINFER_WORKSPACE_BASE": "cache/flashinfer",
    "CUDA_CACHE_PATH": "cache/cuda",
    "NUMBA_CACHE_DIR": "cache/numba",
}

REQUEST = {"VLLM_MAX_N_SEQUENCES": "64", "VLLM_MAX_COMPLETION_PROMPTS": "128"}
"""What one request may ask for at most: choices, and prompts of a completion. vLLM's own bounds are 16384 and 1024."""


def environment(
    engine: api.Engine, settings: config.Config, resources: api.Resources | None = None
) -> list[dict[str, Any]]:
    """Return the engine's variables as a container wants them: the operator's first, then the admin's own.

    Of two for one name the operator's wins, then the spec's, then the settings' for the accelerators of `resources`. The bounds
    of one request are defaults, which spec and settings may set.
    """
    owned = {
        "HOME": HOME,
        "USER": "vllm",  # getpwuid fails for a user id that the image does not know
        "TMPDIR": "/tmp",  # noqa: S108 - a volume of the pod's own
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",  # every source is a directory; nothing is to be looked for elsewhere
        media.REDIRECTS: "0",  # a listed host decides on its own pages, and not on other hosts
        **{name: f"{HOME}/{directory}" for name, directory in CACHES.items()},
    }
    if engine.allow_long_context:
        owned["VLLM_ALLOW_LONG_MAX_MODEL_LEN"] = "1"
    named = {entry.name.lower() for entry in engine.env}
    device = accelerators.setting(settings.engine_env, resources or api.Resources()) or {}
    wanted = {**REQUEST, **network(settings), **device}
    outside = {name: value for name, value in wanted.items() if name.lower() not in named}  # its own win
    own = [{"name": name, "value": value} for name, value in (owned | outside | owned).items()]
    return own + [_variable(entry) for entry in engine.env if not _is_refused(entry, owned)]


def _is_refused(entry: api.Env, owned: Collection[str]) -> bool:
    return entry.name in owned or refusals.refusal_of_variable(entry) is not None


def network(settings: config.Config) -> dict[str, str]:
    """Return how the world outside is reached. Some libraries read the names in lower case, some in upper case alone."""
    proxies = {
        "http_proxy": settings.http_proxy,
        "https_proxy": settings.https_proxy,
        "no_proxy": settings.no_proxy,
    }
    bundle = f"{CA_DIRECTORY}/{CA_FILE}" if settings.ca_config_map else ""
    wanted = {
        **proxies,
        **{name.upper(): value for name, value in proxies.items()},
        "SSL_CERT_FILE": bundle,
        "REQUESTS_CA_BUNDLE": bundle,
    }
    return {name: value for name, value in wanted.items() if value}


def _variable(entry: api.Env) -> dict[str, Any]:
    """Return the entry as the API server keeps it: an empty value is no value."""
    if entry.value_from:
        return {"name": entry.name, "valueFrom": entry.value_from.model_dump(mode="json", by_alias=True)}
    plain = entry.value.replace("$(", "$$(")  # else the kubelet would put another variable in its place
    return {"name": entry.name, "value": plain} if plain else {"name": entry.name}
