"""Each command that a page shows or mentions could be run: its words, flags, fields, values and targets are there.

Nothing is run here: tests/unit/docs/test_pages.py has each block name the test that does.
"""

import pathlib
import re

import kubectl_vllm as plugin
import pytest

from dev import paths
from tests import commands, pages

MENTIONED = re.compile(r"(?<!`)`((?:kubectl|helm|make)(?: [^`]*)?)`(?!`)")
FIELD = re.compile(r"`((?:spec|status)\.(?!the\.field)[A-Za-z]+(?:\.[A-Za-z]+)*)(?![\w(.])[^`]*`")
RUN_BY = re.compile(r"<!-- run by: (\S+) -->")


def scripts(page: pathlib.Path) -> list[tuple[pages.Block, str]]:
    """Return the blocks of a page that are shell, without what commands print."""
    found = [block for block in pages.blocks(page.read_text()) if block.language in pages.OF_SHELL]
    return [(block, typed(block)) for block in found]


def typed(block: pages.Block) -> str:
    """Return what is typed: of a console what follows the prompt."""
    if block.language != "console":
        return block.text
    return "\n".join(line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ "))


def shown(page: pathlib.Path) -> str:
    return str(page.relative_to(paths.ROOT))


@pytest.mark.parametrize("page", pages.every(), ids=shown)
def test_a_command_of_a_page_could_be_run(page: pathlib.Path) -> None:
    found = [words for _, script in scripts(page) for words in commands.in_shell(script)]
    assert [complaint for words in found if (complaint := commands.wrong(words))] == []


@pytest.mark.parametrize("page", pages.every(), ids=shown)
def test_a_command_that_a_sentence_mentions_could_be_run(page: pathlib.Path) -> None:
    texts = [" ".join(text.split()) for text in MENTIONED.findall(pages.prose(page.read_text()))]
    found = [words for text in texts for words in commands.in_shell(text)]
    assert [complaint for words in found if (complaint := commands.wrong(words, mentioned=True))] == []


@pytest.mark.parametrize("page", pages.every(), ids=shown)
def test_a_field_that_a_sentence_names_is_there(page: pathlib.Path) -> None:
    for field in FIELD.findall(pages.prose(page.read_text())):
        commands.check_path(field.split("."))  # else ValueError


@pytest.mark.parametrize(
    "broken",
    [
        "kubectl vllm statsu llama",
        "kubectl vllm fit llama --memroy=80Gi",
        "kubectl -n models gte vllm",
        "kubectl get vlm",
        "kubectl get vllm llama -o jsonpath={.status.ulr}",
        "kubectl explain vllm.spec.acces",
        "kubectl wait vllm/llama --for=condition=Redy",
        "kubectl annotate vllm llama serving.byteshop.in/upgarde=1",
        "kubectl get vllm --al",
        "helm instal vllm-operator charts/vllm-operator",
        "helm install x charts/vllm-operator --set expose.domian=example.com",
        "make dmeo",
        "make accept KUBECONTXT=x",
        'KEY="$(kubectl vllm kee llama)"',
    ],
)
def test_a_broken_command_is_noticed(broken: str) -> None:
    (words,) = commands.in_shell(f"true && {broken} | cat  # as it is\n")
    assert commands.wrong(words)


NAMED = [
    (runner[1], script)
    for page in pages.every()
    for block, script in scripts(page)
    if (runner := RUN_BY.search(block.above))
]


@pytest.mark.parametrize(("runner", "script"), NAMED)
def test_the_test_that_a_block_names_reads_the_block_or_runs_the_same_command_of_the_plugin(
    runner: str, script: str
) -> None:
    source = (paths.ROOT / runner).read_text()
    if "pages.blocks(" not in source:
        assert [words for words in commands.in_shell(script) if f'"{words[2]}"' not in source] == []


def test_the_status_that_is_shown_has_the_lines_that_a_running_model_has() -> None:
    text = (paths.ROOT / "docs/kubectl.md").read_text()
    (shown,) = (block.text for block in pages.blocks(text) if "kubectl vllm status vllm11" in block.text)
    code = pathlib.Path(plugin.__file__).read_text().partition("def one_status(")[2].partition("\ndef ")[0]
    titles = re.findall(r'section\("([^"]+)"', code)
    assert "capacity" in titles
    of_trouble = {"operator", "look at"}
    assert [title for title in titles if f"\n{title} " not in shown and title not in of_trouble] == []
