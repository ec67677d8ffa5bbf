"""The main job on real vLLM, over HTTPS through the real Ingress, as the users of a model meet it."""

import time
import urllib.request
from concurrent import futures

from dev import demo
from tests import models, waiting
from tests.e2e import conftest


def test_the_documented_calls_answer_as_documented(client: conftest.Client) -> None:
    health = client.get("/health", key="")
    assert (health.status, health.body) == (200, "")
    listed = client.get("/v1/models").json["data"]
    assert isinstance(listed, list)
    model = listed[0]
    assert (model["id"], model["root"], model["owned_by"], model["max_model_len"]) == (
        "facebook/opt-125m", "facebook/opt-125m", "vllm", 4096,
    )  # fmt: skip
    answer = client.complete(max_tokens=5, temperature=0.7, top_p=0.9).json
    assert answer["object"] == "text_completion"
    assert answer["usage"]["completion_tokens"] <= 5  # type: ignore[index]


def test_every_condition_of_a_served_model_is_true(admin: models.Admin) -> None:
    for kind in ("Available", "Ready", "Exposed", "GuardConfigured", "Verified"):
        waiting.until(kind, lambda kind=kind: admin.condition("vllm11", kind).get("status") == "True", admin.world, 60)
    assert admin.condition("vllm11", "Progressing")["status"] == "False"


def test_the_three_curl_examples_of_the_demo_are_accepted(client: conftest.Client) -> None:
    for call in demo.CALLS:
        done = demo.run(
            ["sh", "-c", call.replace("curl ", "curl -sS -o /dev/null -w '%{http_code}' ", 1)],
            {"KEY": client.key},
            capture=True,
        )
        assert done.stdout == "200", done.stderr


def test_a_stream_comes_token_by_token_and_ends_with_done(client: conftest.Client) -> None:
    answer = client.complete(stream=True, max_tokens=20, ignore_eos=True)
    events = [line for line in answer.body.splitlines() if line.startswith("data: ")]
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert len(events) > 10
    assert events[-1] == "data: [DONE]"


def test_without_the_key_there_is_only_401_that_says_what_to_do(client: conftest.Client) -> None:
    for key in ("", "sk-wrong", client.key[:-1], client.key + "x"):
        refused = client.complete(key=key)
        assert refused.status == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert "Authorization" in str(refused.json["error"])


def test_bad_requests_are_vllms_own_400_and_404(client: conftest.Client) -> None:
    assert client.complete(temperature=3).status == 400
    assert client.complete(model="no-such-model").status == 404


def test_what_is_not_documented_does_not_exist(client: conftest.Client) -> None:
    for path in (
        "/invocations",
        "/metrics",
        "/docs",
        "/v1/load_lora_adapter",
        "/tokenize",
        "/v1/models/",
        "/",
    ):
        assert client.get(path).status == 404, path
    assert client.get("/v1/completions", "-X", "DELETE").status == 404


def test_above_the_limit_there_is_429_and_retry_after_is_true(admin: models.Admin, client: conftest.Client) -> None:
    admin.patch("vllm", "vllm11", {"spec": {"access": {"defaultRateLimit": {"requests": 30, "unit": "Minute"}}}})
    limited = waiting.until(
        "429", lambda: (answer := client.get("/v1/models")).status == 429 and answer, admin.world, 200
    )
    assert isinstance(limited, conftest.Answer)
    pause = int(limited.headers["retry-after"])
    assert 1 <= pause <= 3
    start = time.monotonic()
    waiting.until("recovery", lambda: client.get("/v1/models").status == 200, admin.world)
    assert time.monotonic() - start <= pause + 2
    admin.patch("vllm", "vllm11", {"spec": {"access": {"defaultRateLimit": {"requests": 6000, "unit": "Minute"}}}})
    waiting.until(
        "the old limit", lambda: all(client.get("/v1/models").status == 200 for _ in range(5)), admin.world, 200
    )


def test_a_deleted_key_is_revoked_on_running_pods(admin: models.Admin, client: conftest.Client) -> None:
    pods = admin.kubectl("get", "pods", "-o", "name")
    admin.kubectl("delete", "secret", "vllm11.key.default")
    waiting.until("a new key", lambda: admin.key("vllm11") not in ("", client.key), admin.world)
    waiting.until("the old key's end", lambda: client.get("/v1/models").status == 401, admin.world, 10)
    assert conftest.Client(admin.key("vllm11")).get("/v1/models").status == 200
    assert admin.kubectl("get", "pods", "-o", "name") == pods


def test_logs_exec_and_port_forward_work(admin: models.Admin) -> None:
    assert "Application startup complete" in admin.kubectl("logs", "deployment/vllm11", "-c", "vllm")
    assert admin.kubectl("exec", "deployment/vllm11", "-c", "vllm", "--", "id", "-u").strip() == "65532"
    with admin.forwarded("deployment/vllm11", 8002) as address, urllib.request.urlopen(f"{address}/metrics") as answer:
        assert b"vllm:num_requests_running" in answer.read()


def test_a_full_queue_is_503_with_retry_after_and_a_loading_replica_too(admin: models.Admin) -> None:
    body = models.model(
        "small",
        engine={"args": ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=1"]},
        access={"maxQueuedRequests": 1},
    )
    body["metadata"]["namespace"] = demo.NAMESPACE
    admin.apply(body)
    pod = waiting.until("its pod's address", lambda: admin.pod_address("small"), admin.world)
    loading = waiting.until("the guard", lambda: _at_pod(pod, "/health"), admin.world)
    assert loading.status == 503
    assert int(loading.headers["retry-after"]) >= 1
    demo.await_ready("small")
    key = admin.key("small")
    with futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda _: _at_pod(pod, "/v1/completions", key), range(12)))
    full = [answer for answer in answers if answer and answer.status == 503]
    assert full
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in full)
    assert any(answer and answer.status == 200 for answer in answers)
    admin.kubectl("delete", "vllm", "small")


def _at_pod(address: str, path: str, key: str = "") -> conftest.Answer | None:
    """Ask the guard of one pod directly; None where nothing listens yet."""
    body = '{"model": "facebook/opt-125m", "prompt": "a", "max_tokens": 200, "ignore_eos": true}'
    post = ["-H", "Content-Type: application/json", "-H", f"Authorization: Bearer {key}", "-d", body] if key else []
    done = demo.run(["curl", "-sSi", f"http://{address}:8000{path}", *post], capture=True)
    return conftest.Answer(done.stdout) if done.returncode == 0 else None


def test_a_misspelt_option_is_named_in_vllms_own_words(admin: models.Admin) -> None:
    body = models.model("misspelt", engine={"args": ["--no-such-option=1"]})
    body["metadata"]["namespace"] = demo.NAMESPACE
    admin.apply(body)
    waiting.until(
        "UnknownOption", lambda: admin.condition("misspelt").get("reason") == "UnknownOption", admin.world, 150
    )
    assert "--no-such-option=1" in admin.condition("misspelt")["message"]
    admin.kubectl("delete", "vllm", "misspelt")


def test_an_operator_that_is_replaced_restarts_nothing_and_drops_nothing(
    admin: models.Admin, client: conftest.Client
) -> None:
    pods = admin.kubectl(
        "get", "pods", "-l", "serving.byteshop.in/model=vllm11", "-o", "jsonpath={.items[*].metadata.uid}"
    )
    operator = models.Admin(admin.kubeconfig, demo.OPERATOR_NAMESPACE)
    operator.kubectl("rollout", "restart", "deployment/vllm-operator")
    with futures.ThreadPoolExecutor(1) as pool:
        rolled = pool.submit(operator.kubectl, "rollout", "status", "deployment/vllm-operator", "--timeout=120s")
        answers = [client.get("/v1/models").status]
        while not rolled.done():
            answers.append(client.get("/v1/models").status)
    assert "successfully rolled out" in rolled.result()
    assert set(answers) == {200}
    assert (
        admin.kubectl(
            "get", "pods", "-l", "serving.byteshop.in/model=vllm11", "-o", "jsonpath={.items[*].metadata.uid}"
        )
        == pods
    )


def test_scaled_to_zero_the_edge_answers_503_and_the_key_survives(admin: models.Admin, client: conftest.Client) -> None:
    admin.kubectl("scale", "vllm", "vllm11", "--replicas=0")
    waiting.until("503", lambda: client.get("/v1/models").status == 503, admin.world, 200)
    waiting.until("ScaledToZero", lambda: admin.condition("vllm11")["reason"] == "ScaledToZero", admin.world)
    admin.kubectl("scale", "vllm", "vllm11", "--replicas=1")
    demo.await_ready("vllm11")
    assert client.get("/v1/models").status == 200
