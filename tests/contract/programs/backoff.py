"""A client as the documentation advises: it backs off exponentially on 429. Then the OpenAI SDK with its own retries.

    backoff.py ADDRESS      the key is in the environment

Each first spends the whole limit, so that its request is refused. Prints how often each was refused before it was answered.
"""

import json
import os
import sys
import time
from collections.abc import Iterator

import openai
import requests

ADDRESS, KEY = sys.argv[1], os.environ["OPENAI_API_KEY"]
HEADERS = {"Authorization": f"Bearer {KEY}"}
PARAMETERS = {"model": "facebook/opt-125m", "prompt": "The future", "max_tokens": 2}
REFUSED = 429
SESSION = requests.Session()


def spend() -> None:
    """Ask until the limit is reached."""
    while SESSION.get(f"{ADDRESS}/v1/models", headers=HEADERS, timeout=30).status_code != REFUSED:
        pass


def pauses() -> Iterator[float]:
    """Yield half a second, then twice as long each time."""
    return (0.5 * 2**attempt for attempt in range(8))


def backing_off() -> int:
    """Return how often a completion was refused before it came."""
    for refused, pause in enumerate(pauses()):
        answer = SESSION.post(f"{ADDRESS}/v1/completions", headers=HEADERS, json=PARAMETERS, timeout=60)
        if answer.status_code != REFUSED:
            answer.raise_for_status()
            return refused
        time.sleep(pause)
    raise SystemExit("never answered")


def by_the_sdk() -> int:
    """Return how often the SDK, as it is, tried again."""
    client = openai.OpenAI(api_key=KEY, base_url=f"{ADDRESS}/v1")
    return client.completions.with_raw_response.create(**PARAMETERS).retries_taken  # type: ignore[call-overload]


spend()
by_hand = backing_off()
spend()
sys.stdout.write(json.dumps({"by hand": by_hand, "by the SDK": by_the_sdk()}))
