"""What users meet while a replica loads, and while its seats and its queue are full: 503, and when to come again."""

import contextlib
import http.client
import json
import urllib.error
import urllib.request
from concurrent import futures
from typing import NamedTuple

from dev import demo
from tests import kubectl, waiting


class Reply(NamedTuple):
    """What the guard of one pod answered."""

    status: int
    retry_after: str | None
    body: bytes

    def is_a_refusal(self) -> bool:
        """Whether it is 503 in OpenAI's shape, and says when to come again."""
        return self.status == 503 and int(self.retry_after or 0) >= 1 and b'"error"' in self.body


def test_a_loading_replica_and_a_full_queue_are_503_with_retry_after(admin: kubectl.Admin) -> None:
    """One request runs, one waits, others are refused; the one that waited is answered once the first has left."""
    seat = {"args": ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=1"]}
    with admin.having(kubectl.model("small", engine=seat, access={"maxQueuedRequests": 1})) as name:
        pod = waiting.until("its pod's address", lambda: admin.pod_address(name), admin.world)
        loading = waiting.until("the guard", lambda: _health(pod), admin.world)
        assert loading.is_a_refusal(), loading
        demo.await_ready(name)
        # until the operator's own request is over, it may have the one seat
        waiting.until("Verified", lambda: admin.condition(name, "Verified").get("status") == "True", admin.world, 300)
        key = admin.key(name)
        with futures.ThreadPoolExecutor(1) as other:
            with contextlib.closing(_post(pod, key, stream=True, max_tokens=4000)) as runs:
                assert (runs.status, runs.readline()[:6]) == (200, b"data: ")
                waits = other.submit(_complete, pod, key)
                waiting.until("a full queue", lambda: _gauge(pod, "waiting") == 1, lambda: _world(pod, waits))
                refused = [_complete(pod, key) for _ in range(5)]
                assert all(reply.is_a_refusal() for reply in refused), (refused, _world(pod, waits))
                assert not waits.done(), waits.result()
            assert waits.result(120).status == 200, waits.result()


def _post(address: str, key: str, **parameters: object) -> http.client.HTTPResponse | urllib.error.HTTPError:
    """Ask the guard of one pod for a completion of exactly so many tokens."""
    body = json.dumps({"model": "facebook/opt-125m", "prompt": "a", "ignore_eos": True, **parameters}).encode()
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {key}"}
    request = urllib.request.Request(f"http://{address}:8000/v1/completions", body, headers)
    try:
        answer: http.client.HTTPResponse = urllib.request.urlopen(request, timeout=120)
    except urllib.error.HTTPError as error:
        return error
    return answer


def _complete(address: str, key: str) -> Reply:
    with contextlib.closing(_post(address, key, max_tokens=4)) as answer:
        return Reply(answer.status or 0, answer.headers["retry-after"], answer.read())


def _health(address: str) -> Reply | None:
    """Return the answer of /health; None where nothing listens yet."""
    try:
        with urllib.request.urlopen(f"http://{address}:8000/health", timeout=60) as answer:
            return Reply(answer.status, None, answer.read())
    except urllib.error.HTTPError as error:
        with contextlib.closing(error):
            return Reply(error.code, error.headers["retry-after"], error.read())
    except OSError:
        return None


def _gauge(address: str, state: str) -> float:
    return waiting.metric(f"http://{address}:8002/metrics", f"vllm:num_requests_{state}", {})


def _world(address: str, waits: futures.Future[Reply]) -> str:
    """What there is to see of the engine, where its queue is not as wanted."""
    found = f"running {_gauge(address, 'running')}, waiting {_gauge(address, 'waiting')}"
    return f"{found}, the second request: {waits.result() if waits.done() else 'not answered'}"
