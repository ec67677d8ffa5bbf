"""docs/weights.md: the command that computes a digest gives what the fetcher gives."""

import hashlib
import pathlib
import subprocess

from dev import paths
from tests import pages
from vllm_operator.fetch import listing

FILES = {"config.json": b"{}", "a b/model-1.safetensors": b"weights", "tokenizer.model": b""}
MARK = "tests/unit/docs/test_digest_command.py"


def test_the_command_gives_the_fetchers_digest(tmp_path: pathlib.Path) -> None:
    for name, content in {**FILES, ".complete": b"{}", ".fetch/journal": b"1"}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    command = next(one for one in pages.blocks((paths.ROOT / "docs/weights.md").read_text()) if MARK in one.above)
    done = subprocess.run(["bash", "-c", command.text], cwd=tmp_path, capture_output=True, text=True, check=True)
    hashes = {name: (hashlib.sha256(content).hexdigest(), len(content)) for name, content in FILES.items()}
    assert f"sha256:{done.stdout.split()[0]}" == listing.digest(hashes)
