"""Commands of the pages, run as they stand there by bash: a real API server and a real operator answer, and no pod runs.

A block is run where the line above it says so (`run by: tests/integration/test_documented_commands.py`). The model `llama` of the
namespace `models` is there, with the clients `default` and `team-a`. Blocks of a page run in their order.
"""

import os
import pathlib
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from dev import binaries, paths
from tests import kubectl, pages, waiting
from tests.integration import conftest

MARK = "<!-- run by: tests/integration/test_documented_commands.py -->"
COMMANDS = [
    (page, block) for page in pages.every() for block in pages.blocks(page.read_text()) if block.above.endswith(MARK)
]
MADE, OWNED = f"{kubectl.KINDS},persistentvolumeclaim", "serving.byteshop.in/owner"
CLIENTS = [{"name": "default"}, {"name": "team-a"}]


LEAST = {"model": {"source": "file:///models/facebook/opt-125m"}}


def specs() -> list[tuple[str, dict[str, Any]]]:
    """Return the specs of models in the pages, whole or in part: blocks that hold `spec` or `model` and nothing else."""
    found = []
    every = [(page, block) for page in pages.every() for block in pages.blocks(page.read_text())]
    for page, block in every:
        if block.language == "yaml" and "healthCheckExprs" not in block.text:
            content = yaml.safe_load(block.text)
            kind = content.get("kind", "ModelDeployment")
            if kind == "ModelDeployment" and set(content) & {"spec", "model"}:
                found.append((f"{page.name}:{block.line}", content.get("spec", content)))
    return found


SPECS = specs()


def where(row: tuple[pathlib.Path, pages.Block]) -> str:
    """Return where a block stands."""
    return f"{row[0].name}:{row[1].line}"


@pytest.fixture(scope="module")
def admin(served: pathlib.Path, operator: conftest.Operator) -> Iterator[kubectl.Admin]:
    """An admin of the namespace and the model that the pages speak of."""
    del operator
    admin = kubectl.Admin(served, conftest.MODELS)
    admin.make_namespace()
    body = kubectl.model("llama", access={"clients": CLIENTS})
    admin.apply({**body, "metadata": {"name": "llama"}})
    keys = [f"llama.key.{client['name']}" for client in CLIENTS]
    waiting.until("the keys", lambda: all(admin.get("secret", key) for key in keys), admin.world)
    yield admin
    admin.kubectl("delete", "vllm", "--all")
    waiting.until("the end of what was made", lambda: not admin.kubectl("get", MADE, "-l", OWNED, "-o", "name"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """Where the commands run: beside the chart and the examples, as in a clone."""
    folder = tmp_path_factory.mktemp("commands")
    for name in ("charts", "docs", "examples"):
        (folder / name).symlink_to(paths.ROOT / name)
    (folder / "kubectl").symlink_to(binaries.find("kubectl"))
    return folder


@pytest.mark.parametrize("row", COMMANDS, ids=map(where, COMMANDS))
def test_commands_do_what_the_page_says(
    admin: kubectl.Admin, folder: pathlib.Path, row: tuple[pathlib.Path, pages.Block]
) -> None:
    environment = {**os.environ, "KUBECONFIG": str(admin.kubeconfig), "PATH": f"{folder}:{os.environ['PATH']}"}
    script = f"set -euo pipefail\n{row[1].text}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{admin.world()}"


@pytest.mark.parametrize("spec", [spec for _, spec in SPECS], ids=[name for name, _ in SPECS])
def test_a_spec_of_a_page_is_taken(admin: kubectl.Admin, spec: dict[str, Any]) -> None:
    """What a page shows in part is laid over the least spec that there is."""
    body = kubectl.model("shown", **{**LEAST, **spec})
    kubectl.create(admin.kubeconfig, body, dry_run=True)
