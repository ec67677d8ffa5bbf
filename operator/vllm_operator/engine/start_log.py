"""How far vLLM is in its start, and what it says of its room, from its log: the words of vLLM 0.29 to 0.33. Pure.

Only lines of fixed words and numbers are read, so nothing of a request can be among what is told. Lengths and sizes are read from
lines of the engine's own process, so that no request can forge them.
"""

import re
from typing import NamedTuple

LOADING, COMPILING = "Loading", "Compiling"
_FILES = re.compile(
    r"(?:Loading \w{1,20} checkpoint shards(?: \(eager\))?|Multi-thread loading (?:pt checkpoint )?shards): +"
    r"\d{1,3}% Completed \| (\d{1,5})/(\d{1,5})"
)
_PART = re.compile(r"Loading safetensors using (?:Runai Model Streamer|InstantTensor loader): +(\d{1,3})% Completed")
"""Loaders that count tensors or bytes."""
_LOADED = re.compile(r"(?:Loading weights|Model loading) took ")
_GRAPHS = re.compile(r"Capturing CUDA graphs[^\n\r]{0,60}: +(\d{1,3})%\|")
_ENGINE = r"(?m:^)\(EngineCore\w{0,20} pid=\d{1,9}\) (?!ERROR)[^\n]{0,200}?"
_PREPARED = re.compile(rf"{_ENGINE}init engine \(profile, create kv cache, warmup model\) took (\d{{1,6}})(?:\.\d+)? s")
_CACHE = re.compile(
    rf"{_ENGINE}KV cache size: ([\d,]{{1,20}}) tokens, Maximum concurrency for [\d,]{{1,12}} tokens per request: (\d{{1,9}})"
)


class StartLog(NamedTuple):
    """What a start's log says. `stage` and `done`: where it is, and how much of that, such as 2 of 4 files; `compiling`: seconds.

    `tokens` and `requests`: what the KV cache has room for, in tokens and in requests of the longest context. 0: not said yet.
    """

    stage: str = LOADING
    done: str = ""
    compiling: int = 0
    tokens: int = 0
    requests: int = 0


def read(text: str) -> StartLog:
    """Return what the end of a log says of the start."""
    stage, done = _stage(text)
    prepared, room = _last(_PREPARED, text), _last(_CACHE, text)
    return StartLog(
        stage,
        done,
        int(prepared[1]) if prepared else 0,
        int(room[1].replace(",", "") or 0) if room else 0,
        int(room[2]) if room else 0,
    )


def _stage(text: str) -> tuple[str, str]:
    if _PREPARED.search(text):
        return LOADING, "the engine is there, and its server is being started"
    if _LOADED.search(text):
        graphs = _last(_GRAPHS, text)
        return COMPILING, f"{graphs[1]} % of the graphs" if graphs else ""
    if files := _last(_FILES, text):
        return LOADING, f"{files[1]} of {files[2]} files of weights"
    part = _last(_PART, text)
    return LOADING, f"{part[1]} % of the weights" if part else ""


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    found = None
    for match in pattern.finditer(text):
        found = match
    return found
