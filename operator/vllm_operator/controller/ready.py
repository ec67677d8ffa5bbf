"""`ready URL`: ask an operator's /readyz until it says yes, as `helm test` does through the Service.

Knows one URL; talks to nothing else, and needs neither token nor right.
"""

import http.client
import time
import urllib.error
import urllib.request

PAUSE_SECONDS = 1.0
ANSWER_SECONDS = 5.0
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def ready(url: str, seconds: float) -> str:
    """Return why the operator at `url` was not ready within `seconds`; empty where it was."""
    deadline = time.monotonic() + seconds
    while (why := _ask(url)) and time.monotonic() < deadline:
        time.sleep(PAUSE_SECONDS)
    return why


def _ask(url: str) -> str:
    try:
        with DIRECT.open(url, timeout=ANSWER_SECONDS):
            return ""
    except urllib.error.HTTPError as error:
        return f"{url} answers {error.code}: {error.read(200).decode(errors='replace').strip()}"
    except (OSError, http.client.HTTPException) as error:
        return f"{url} does not answer: {error}"
