"""How far a start is, read from the log of real vLLM 0.32, from its first line to its last; graphs as its source prints them."""

import pytest

from vllm_operator.engine import start_log
from vllm_operator.engine.start_log import StartLog

BEGUN = "(Worker pid=31130) INFO 11-28 16:16:13 [cpu_model_runner.py:68] Starting to load model facebook/opt-125m...\n"
SHARDS = (
    "\rLoading safetensors checkpoint shards:   0% Completed | 0/4 [00:00<?, ?it/s]\n"
    "\rLoading safetensors checkpoint shards:  50% Completed | 2/4 [00:08<00:08, 4.1s/it]\n"
)
LOADED = "(Worker pid=31130) INFO 11-28 16:16:13 [default_loader.py:501] Loading weights took 0.01 seconds\n"
GRAPHS = "\rCapturing CUDA graphs (mixed prefill-decode, PIECEWISE):  43%|████      | 22/51 [00:02<00:03]"
CACHE = (
    "(EngineCore pid=31124) INFO 11-28 16:16:14 [kv_cache_utils.py:2327] CPU KV cache size: 2,097,152 tokens, Maximum "
    "concurrency for 4,096 tokens per request: 512.00x\n"
)
PREPARED = (
    "(EngineCore pid=31124) INFO 11-28 16:16:14 [core.py:402] init engine (profile, create kv cache, warmup model) took 31.47 s "
    "(compilation: 20.11 s)\n"
)
LOADERS = {
    "Loading pt checkpoint shards:  25% Completed | 1/4 [00:01<00:03,  1.1s/it]": "1 of 4 files of weights",
    "Loading np_cache checkpoint shards: 100% Completed | 4/4 [00:04<00:00,  1.1s/it]": "4 of 4 files of weights",
    "Loading safetensors checkpoint shards (eager):  50% Completed | 2/4 [00:08<00:08]": "2 of 4 files of weights",
    "Multi-thread loading shards:  75% Completed | 3/4 [00:02<00:00,  1.16it/s]": "3 of 4 files of weights",
    "Multi-thread loading pt checkpoint shards:  50% Completed | 1/2 [00:02<00:02]": "1 of 2 files of weights",
    "Loading safetensors using Runai Model Streamer:  21% Completed | 129/615 [00:05<00:19, 24.8it/s]": "21 % of the weights",
    "Loading safetensors using InstantTensor loader:   7% Completed | 10.9G/155G [00:01<00:09, 18.1GB/s]": "7 % of the weights",
}
"""As the sources of vLLM 0.29 to 0.33 print them. fastsafetensors prints none."""
SERVER = "the engine is there, and its server is being started"
SO_FAR = {
    "": StartLog(),
    BEGUN: StartLog(),
    BEGUN + SHARDS: StartLog("Loading", "2 of 4 files of weights"),
    BEGUN + SHARDS + LOADED: StartLog("Compiling"),
    BEGUN + SHARDS + LOADED + GRAPHS: StartLog("Compiling", "43 % of the graphs"),
    BEGUN + SHARDS + LOADED + CACHE: StartLog("Compiling", "", 0, 2_097_152, 512),
    BEGUN + SHARDS + LOADED + CACHE + PREPARED: StartLog("Loading", SERVER, 31, 2_097_152, 512),
}


@pytest.mark.parametrize(("text", "said"), SO_FAR.items())
def test_a_start_is_read_as_far_as_it_is(text: str, said: StartLog) -> None:
    assert start_log.read(text) == said


@pytest.mark.parametrize(("line", "done"), LOADERS.items())
def test_weights_are_counted_whichever_loader_reads_them(line: str, done: str) -> None:
    assert start_log.read(f"{BEGUN}{line}\n") == StartLog("Loading", done)


@pytest.mark.parametrize("device", ["GPU", "CPU", "XPU"])
def test_the_room_is_read_of_every_device(device: str) -> None:
    """The sources of vLLM 0.29 to 0.33 have this one line, with the platform's name since 0.30."""
    assert start_log.read(CACHE.replace("CPU KV", f"{device} KV")).tokens == 2_097_152


@pytest.mark.parametrize(
    "process", ["(APIServer pid=1) INFO ", "", "(APIServer pid=1) INFO x\r(EngineCore pid=1) INFO "]
)
def test_no_client_can_name_the_room(process: str) -> None:
    """Another process' lines may hold what a client sent."""
    forged = "KV cache size: 1 tokens, Maximum concurrency for 1 tokens per request: 9.00x"
    assert start_log.read(f"{CACHE}{process}{forged}\n") == StartLog("Loading", "", 0, 2_097_152, 512)


@pytest.mark.parametrize(
    "text", ["KV cache size: ,,, tokens, Maximum concurrency for 1 tokens per request: 1x", "9" * 60_000]
)
def test_hostile_words_are_read_as_nothing(text: str) -> None:
    assert start_log.read(text) in (StartLog(), StartLog(requests=1))
