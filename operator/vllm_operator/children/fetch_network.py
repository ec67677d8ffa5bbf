"""How a fetcher reaches the sources: the chart's mirrors, proxy and authorities, as variables of its container.

A Job has those of today. A server that fetches for itself has those of the day its version was made, since another value is
another pod: nothing that runs is restarted for it.
"""

import json

from vllm_operator import config
from vllm_operator.engine import environment
from vllm_operator.kube import kinds

ENDPOINTS = "FETCH_ENDPOINTS"
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
NAMES = (ENDPOINTS, *PROXIES, *(name.upper() for name in PROXIES), "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE")
"""All that may be among the variables."""


def variables(settings: config.Config) -> dict[str, str]:
    """Return the variables, by name."""
    known = {"hf": settings.hub_url, "s3": settings.s3_url}
    endpoints = {scheme: url for scheme, url in known.items() if url}
    return {ENDPOINTS: json.dumps(endpoints), **environment.network(settings)}


def is_todays(template: kinds.Object, settings: config.Config) -> bool:
    """Tell whether what fetches in a pod of `template` reaches the sources as one that is made today would."""
    containers = template["spec"].get("initContainers", [])
    given = [{one["name"]: one.get("value") for one in each.get("env", [])} for each in containers]
    reached = [{name: env[name] for name in NAMES if name in env} for env in given if ENDPOINTS in env]
    return all(found == variables(settings) for found in reached)
