"""A stand-in for vLLM of two megabytes, so that rollouts take seconds: the project's busybox image with a `vllm` of its own.

It answers health and completions at once, streams for three seconds, and ends, as vLLM does, when its last answer has.
With an option of `FAULTS` it fails in one way; knows nothing of the cluster.
"""

import hashlib
import io
import json
import pathlib
import tarfile

from dev import images

BROKEN, NEVER_ANSWERS, CRASHES, DIES, FILLS_DISK = (f"--seed={number}" for number in range(666, 671))
FAULTS = {
    BROKEN: 'echo "ValueError: this version does not work" >&2; exit 1',
    NEVER_ANSWERS: 'trap "exit 0" TERM; sleep 3600 & wait',
    CRASHES: "sh -c 'kill -SEGV $$'; exit $?",
    DIES: "end_after=12",
    FILLS_DISK: "dd if=/dev/zero of=/tmp/full bs=1M count=64 2>/dev/null; sleep 3600 & wait",
}
CASES = "\n".join(f"    {option}) {does} ;;" for option, does in FAULTS.items())
VLLM = f"""#!/bin/sh
end_after=
for option in "$@"; do
  case "$option" in
{CASES}
  esac
done
nc -ll -p 8001 -e /bin/answer &
[ -n "$end_after" ] && {{ sleep "$end_after"; kill $!; exit 0; }}
trap 'kill $!; while pidof answer >/dev/null; do sleep 0.1; done; exit 0' TERM
wait
"""
ANSWER = r"""#!/bin/sh
read -r method path version
length=0
while read -r line; do
  line=$(printf '%s' "$line" | tr -d '\r')
  case "$line" in
    "") break ;;
    [Cc]ontent-[Ll]ength:*) length=${line#*: } ;;
  esac
done
request=$(head -c "$length")
case "$request" in
  *'"stream": true'*)
    printf 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n'
    for _ in 1 2 3 4 5 6 7 8 9 10; do
      printf 'data: {"choices": [{"text": "a"}]}\n\n'
      sleep 0.3
    done
    printf 'data: [DONE]\n\n'
    exit 0 ;;
esac
body='{"choices": [{"text": "a"}]}'
printf 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %s\r\nConnection: close\r\n\r\n%s' "${#body}" "$body"
"""


def build(directory: pathlib.Path, repository: str = "scripted") -> tuple[pathlib.Path, str]:
    """Write the image's archive into `directory`; return its path and the image's name."""
    with tarfile.open(images.build("pause")) as base:
        [manifest] = json.loads(_read(base, "manifest.json"))
        config, layers = json.loads(_read(base, manifest["Config"])), [_read(base, name) for name in manifest["Layers"]]
    layers.append(_layer({"bin/vllm": VLLM, "bin/answer": ANSWER}))
    config["rootfs"]["diff_ids"] = [f"sha256:{hashlib.sha256(layer).hexdigest()}" for layer in layers]
    config.pop("history", None)
    name = f"{images.PREFIX}/{repository}:{hashlib.sha256(layers[-1]).hexdigest()[: images.KEY]}"
    parts = {f"layer{at}.tar": layer for at, layer in enumerate(layers)}
    described = [{"Config": "config.json", "RepoTags": [name], "Layers": list(parts)}]
    archive = directory / f"{repository}.tar"
    with tarfile.open(archive, "w") as written:
        for part, content in {**parts, "config.json": _json(config), "manifest.json": _json(described)}.items():
            _add(written, part, content)
    return archive, name


def _layer(scripts: dict[str, str]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w") as layer:
        for name, script in scripts.items():
            _add(layer, name, script.encode())
    return stream.getvalue()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755
    archive.addfile(entry, io.BytesIO(content))


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    found = archive.extractfile(name)
    assert found is not None
    return found.read()


def _json(content: object) -> bytes:
    return json.dumps(content).encode()
