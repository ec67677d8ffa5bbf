"""docs/tasks.md on real vLLM over HTTPS through the Ingress: each call is answered as it shows, by a model of its task."""

import json
import pathlib
from collections.abc import Iterator
from typing import Any

import pytest

from dev import demo, pki
from tests import kubectl, waiting
from tests.contract import document, running, shape
from tests.e2e import conftest

TEXT = document.read(document.TASKS)
ARGUMENTS = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"]
TEMPLATE = "{{ messages[0].content }}!"
SECRET_VALUE = "hf_from-a-secret"
FEW_BLOCKS = "--num-gpu-blocks-override=5"  # too few for the context that the weights declare
MODEL = "facebook/opt-125m"


def examples(task: str) -> list[document.Example]:
    """Return the examples below the heading of a task."""
    return document.examples(TEXT.partition(f"\n## {task}\n")[2].partition("\n## ")[0])


def check(task: str, client: conftest.Client, directory: pathlib.Path) -> dict[str, Any]:
    """Run the task's examples; return what came, by the example's name."""
    found = {}
    for example in examples(task):
        done = running.documented("bash", example.command, client.key, directory, client.address)
        assert (done.returncode, done.stderr) == (0, "200"), done.stdout
        found[example.name] = json.loads(done.stdout)
        assert shape.differences(example.answer, found[example.name]) == []
    return found


@pytest.fixture
def serving(admin: kubectl.Admin, request: pytest.FixtureRequest) -> Iterator[conftest.Client]:
    """A client of a model of the task that the test names, beside vllm11."""
    name = request.param.lower()
    host = f"{name}.byteshop.in"
    certificate, private = pki.issue(pki.authority(demo.AUTHORITY), demo.AUTHORITY, host, user=host, hosts=(host,))
    data = {"tls.crt": certificate.read_text(), "tls.key": private.read_text()}
    secret = {"apiVersion": "v1", "kind": "Secret", "type": "kubernetes.io/tls", "metadata": {"name": f"{name}-tls"}}
    admin.kubectl("apply", "-f", "-", stdin=json.dumps({**secret, "stringData": data}))
    ingress = {"className": "contour", "tls": {"secretName": f"{name}-tls"}}
    admin.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": {"shout": TEMPLATE}})
    admin.apply({**secret, "metadata": {"name": name}, "type": "Opaque", "stringData": {"token": SECRET_VALUE}})
    engine = {
        "args": [*ARGUMENTS, FEW_BLOCKS, "--chat-template=/etc/engine-files/chat.jinja"],
        "maxModelLen": "auto",
        "files": [{"name": "chat.jinja", "configMapKeyRef": {"name": name, "key": "shout"}}],
        "env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": name, "key": "token"}}}],
    }
    body = kubectl.model(name, engine=engine, expose={"host": host, "ingress": ingress})
    body["spec"]["model"] |= {"task": request.param, "servedNames": ["also-called"]}
    with admin.having(body):
        demo.await_ready(name)
        waiting.until("Verified", lambda: admin.condition(name, "Verified").get("status") == "True", admin.world, 60)
        yield conftest.Client(admin.key(name), f"https://{host}")


def test_a_generating_model_chats_responds_and_counts(client: conftest.Client, tmp_path: pathlib.Path) -> None:
    found = check("Generate", client, tmp_path)
    assert found["Chat Completions"]["usage"]["completion_tokens"] <= 20
    assert found["Count Tokens"]["input_tokens"] == found["Messages"]["usage"]["input_tokens"]
    tokens = {"model": MODEL, "tokens": found["Tokenize"]["tokens"][1:]}
    assert conftest.answered(client.post("/detokenize", tokens), 200)["prompt"] == "A small robot"
    conftest.answered(client.post("/tokenize", {"model": MODEL, "prompt": "a"}, key=""), 401)


def test_a_chat_streams_keeps_its_limits_and_refuses_as_completions_do(client: conftest.Client) -> None:
    chat = {"model": MODEL, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 4}
    stream = client.post("/v1/chat/completions", {**chat, "stream": True})
    assert stream.headers["content-type"].startswith("text/event-stream")
    assert stream.body.strip().endswith("data: [DONE]")
    for wrong, status in (({"temperature": 2.1}, 400), ({"messages": []}, 400), ({"model": "no-such-model"}, 404)):
        conftest.answered(client.post("/v1/chat/completions", {**chat, **wrong}), status)
    conftest.answered(client.post("/v1/chat/completions", chat, key=""), 401)
    seeded = {**chat, "seed": 7, "max_tokens": 12, "ignore_eos": True}
    texts = [
        str(conftest.answered(client.post("/v1/chat/completions", {**seeded, **more}), 200)["choices"])
        for more in ({}, {"temperature": 1.0, "top_p": 1.0}, {"temperature": 0.1})
    ]
    assert texts[0] == texts[1] != texts[2]


def test_responses_keep_nothing_for_others_to_ask_for(client: conftest.Client) -> None:
    body = {"model": MODEL, "input": "Hello", "max_output_tokens": 4}
    kept = conftest.answered(client.post("/v1/responses", {**body, "store": True}), 200)
    conftest.answered(client.post("/v1/responses", {**body, "previous_response_id": kept["id"]}), 404)
    conftest.answered(client.post("/v1/responses", {**body, "background": True}), 400)
    conftest.answered(client.get(f"/v1/responses/{kept['id']}"), 404)


@pytest.mark.parametrize("serving", ["Embed"], indirect=True)
def test_an_embedding_model_embeds_and_does_nothing_else(
    admin: kubectl.Admin, serving: conftest.Client, tmp_path: pathlib.Path
) -> None:
    found = check("Embed", serving, tmp_path)
    first, second = (one["embedding"] for one in found["Embeddings"]["data"])
    assert len(first) == len(second) == 64
    assert first != second
    assert sum(value * value for value in first) == pytest.approx(1, abs=0.01)
    again = conftest.answered(serving.post("/v1/embeddings", {"model": MODEL, "input": "A small robot"}), 200)
    assert again["data"][0]["embedding"] == pytest.approx(first, abs=0.01)  # type: ignore[index]
    listed = conftest.answered(serving.get("/v1/models"), 200)["data"]
    assert [one["id"] for one in listed] == [MODEL, "also-called"]  # type: ignore[attr-defined]
    conftest.answered(serving.post("/v1/embeddings", {"model": "also-called", "input": "a"}), 200)
    shouted = serving.post("/tokenize", {"model": MODEL, "messages": [{"role": "user", "content": "A robot"}]})
    plain = serving.post("/tokenize", {"model": MODEL, "prompt": "A robot!"})
    begun = conftest.answered(plain, 200)["tokens"]  # after the token that begins a prompt
    assert conftest.answered(shouted, 200)["tokens"] == begun[1:], "by the file's template"  # type: ignore[index]
    shown = ("python", "-c", "import os; print(os.environ['HF_TOKEN'])")
    token = admin.kubectl("exec", "deployment/embed", "-c", "vllm", "--", *shown)
    assert token.strip() == SECRET_VALUE
    assert SECRET_VALUE not in admin.kubectl("get", "vllm,deployment,controllerrevision,pod", "-o", "json")
    length = listed[0]["max_model_len"]  # type: ignore[index]
    assert length < 4096
    told = lambda: f"{length:,} tokens" in serving.get("/guide", key="").body  # noqa: E731
    waiting.until("the guide's context", told, admin.world, 60)
    assert admin.get("vllm", "embed")["status"]["maxModelLen"] == length
    conftest.answered(serving.post("/v1/embeddings", {"model": MODEL}), 400)
    conftest.answered(serving.post("/v1/embeddings", {"model": "no-such-model", "input": "a"}), 404)
    conftest.answered(serving.post("/v1/embeddings", {"model": MODEL, "input": "a"}, key=""), 401)
    for path in ("/v1/completions", "/v1/chat/completions", "/score", "/pooling", "/invocations"):
        conftest.answered(serving.post(path, {"model": MODEL, "prompt": "a"}), 404)


@pytest.mark.parametrize("serving", ["Score"], indirect=True)
def test_a_scoring_model_scores_and_reranks(serving: conftest.Client, tmp_path: pathlib.Path) -> None:
    found = check("Score", serving, tmp_path)
    ranked = [result["relevance_score"] for result in found["Rerank"]["results"]]
    assert ranked == sorted(ranked, reverse=True)
    body = {"model": MODEL, "text_1": "A small robot", "text_2": "A small robot"}
    for path in ("/score", "/v1/score"):
        answer = conftest.answered(serving.post(path, body), 200)
        assert answer["data"][0]["score"] == pytest.approx(1, abs=0.01)  # type: ignore[index]
    for path in ("/rerank", "/v1/rerank", "/v2/rerank"):
        conftest.answered(serving.post(path, {"model": MODEL, "query": "a", "documents": ["b"]}), 200)
    conftest.answered(serving.post("/score", body, key=""), 401)
    conftest.answered(serving.post("/v1/embeddings", {"model": MODEL, "input": "a"}), 404)
