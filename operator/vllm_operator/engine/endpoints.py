"""The exact methods and paths that vLLM answers for clients. What is not in this table does not exist for them.

Source: vLLM 0.32's router for a generating model. Prefixes are wrong: `/v1/load_lora_adapter` lies under `/v1`.
"""

from typing import NamedTuple


class Endpoint(NamedTuple):
    """One method and path; `keyed`: a client's key is needed."""

    method: str
    path: str
    keyed: bool = True


HEALTH = "/health"
METRICS = "/metrics"

GENERATE = (
    Endpoint("GET", HEALTH, keyed=False),
    Endpoint("GET", "/v1/models"),
    Endpoint("POST", "/v1/completions"),
    Endpoint("POST", "/v1/chat/completions"),
)
