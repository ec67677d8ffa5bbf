"""The guide's examples, run as they are copied: each language, each task, before a real guard and a scripted engine.

The model shares its host with others, so OpenAI's clients are given a base URL with a path.
"""

from __future__ import annotations

import base64
import dataclasses
import json
import os
import struct
import subprocess
import sys
from concurrent import futures
from typing import TYPE_CHECKING, get_args

import pytest

from tests.contract import node
from tests.guard import fake_engine, rig
from vllm_operator import api
from vllm_operator.engine import endpoints
from vllm_operator.guide import examples

if TYPE_CHECKING:
    import pathlib

    from tests.guard.conftest import Start

MODEL = 'it\'s "50%" $HOME'
PROGRAMS = {
    "curl": ("sh", "ask.sh"),
    "Python": (sys.executable, "ask.py"),
    "Node": ("node", "ask.mjs"),
    "PHP": ("php", "ask.php"),
}
VECTOR = base64.b64encode(struct.pack("<f", 0.25)).decode()  # OpenAI's clients ask for bytes, and show numbers
ANSWERS = {
    "Generate": ("/v1/completions", {"choices": [{"index": 0, "text": "said"}]}, ("said",)),
    "Embed": ("/v1/embeddings", {"object": "list", "data": [{"index": 0, "embedding": VECTOR}]}, ("0.25", VECTOR)),
    "Score": ("/score", {"data": [{"index": 0, "score": 0.25}]}, ("0.25",)),
    "Classify": ("/classify", {"data": [{"index": 0, "label": "said"}]}, ("said",)),
    "Pool": ("/pooling", {"data": [{"index": 0, "data": [0.25]}]}, ("0.25",)),
    "Transcribe": ("/v1/audio/transcriptions", {"text": "said"}, ("said",)),
}


@pytest.mark.parametrize("task", get_args(api.Task))
def test_examples_ask_and_show_the_answer(
    task: str, start: Start, engine: fake_engine.Engine, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rig, "ENDPOINTS", endpoints.of(task))
    path, answer, shown = ANSWERS[task]
    engine.script = fake_engine.answer(body=json.dumps(answer).encode())
    running = start(dataclasses.replace(rig.access(), path="/team/opt"))
    url = f"http://{rig.HOST}:{running.site.public_port}/team/opt"
    (tmp_path / "node_modules").symlink_to(node.modules())
    (tmp_path / "speech.wav").write_bytes(b"RIFF")
    programs = examples.programs(url, MODEL, {one.path for one in endpoints.of(task)})
    assert list(programs) == list(PROGRAMS)
    with futures.ThreadPoolExecutor(len(programs)) as pool:
        said = dict(zip(programs, pool.map(lambda name: _run(tmp_path, name, programs[name]), programs), strict=True))
    if task == "Transcribe":
        assert "curl_init" in said.pop("PHP")  # PHP's own curl is a package of its own, which is not here
    assert {name: any(one in text for one in shown) for name, text in said.items()} == dict.fromkeys(said, True), said
    assert [(seen.path, seen.headers["x-client-id"]) for seen in engine.seen] == [(path, "team-a")] * len(said)
    assert all(
        MODEL in (seen.body.decode() if task == "Transcribe" else json.loads(seen.body)["model"])
        for seen in engine.seen
    )


def _run(directory: pathlib.Path, name: str, program: str) -> str:
    interpreter, file = PROGRAMS[name]
    (directory / file).write_text(program)
    settings = {**os.environ, "OPENAI_API_KEY": rig.KEY}
    done = subprocess.run([interpreter, file], cwd=directory, env=settings, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr
