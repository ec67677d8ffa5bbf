"""What a newer vLLM has is read from its sources and stands unsorted in the table, and nothing that was sorted changes."""

import pathlib

import pytest

from dev import vllm_names, vllm_table

FRONTEND = """
@config
class BaseFrontendArgs:
    lora_modules: list[LoRAModulePath] | None = None
    chat_template: str | None = None
    kwargs: dict[str, Any] | None = None
    def _customize_cli_kwargs(cls, kwargs):
        kwargs["allowed_origins"]["type"] = json.loads
@config
class FrontendArgs(BaseFrontendArgs):
    allowed_origins: list[str] = field(default_factory=list)
    quiet: bool = False
def make_arg_parser(parser):
    parser.add_argument("model_tag", nargs="?")
    parser.add_argument("--headless", action="store_true")
    parser.add_argument("--count", "-c", type=int)
"""
ENGINE = """
class EngineArgs:
    def add_cli_args(parser):
        model_kwargs = get_kwargs(ModelConfig)
        group.add_argument("--level", **model_kwargs["level"])
        group.add_argument("--maybe", **model_kwargs["maybe"])
        group.add_argument("--eager", **{**model_kwargs["eager"], "default": None})
        group.add_argument("--inner", **model_kwargs["inner"])
        group.add_argument("--sizes", **model_kwargs["sizes"])
        logging = get_kwargs(ModelConfig)["inner"]
        group.add_argument("--also", "--alias", **logging)
"""
CONFIG = """
Level = Literal["a", "b"]
@config
class Inner:
    x: int = 0
@config
class ModelConfig:
    level: Level | None = None
    maybe: bool | str | None = None
    eager: bool = False
    inner: Inner | None = None
    sizes: list[int] = Field(default_factory=list)
"""
READ = {
    "lora-modules": "list", "chat-template": "scalar", "kwargs": "json", "allowed-origins": "json", "quiet": "flag",
    "headless": "flag", "count": "scalar", "level": "scalar", "maybe": "optional", "eager": "flag", "inner": "json",
    "sizes": "list", "also": "json", "alias": "json",
}  # fmt: skip


@pytest.fixture
def package(tmp_path: pathlib.Path) -> pathlib.Path:
    texts = {
        "entrypoints/common/cli_args.py": FRONTEND, "engine/arg_utils.py": ENGINE, "config/model.py": CONFIG,
        "envs.py": 'environment_variables: dict[str, Any] = {"VLLM_A": lambda: 1, "VLLM_B": lambda: 2}',
    }  # fmt: skip
    for name, text in texts.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def test_options_are_read_with_the_kind_that_vllms_parser_gives_them(package: pathlib.Path) -> None:
    found = vllm_names.read(package)
    assert found.options == READ
    assert found.variables == {"VLLM_A", "VLLM_B"}


def row(name: str, since: str = "0.1", until: str = "", sort: str = "safe", value: str = "flag") -> dict[str, str]:
    return {"name": name, "value": value, "since": since, "until": until, "class": sort, "why": "x"}


def test_what_is_new_is_unsorted_and_what_is_gone_has_its_last_release() -> None:
    before = [row("kept"), row("gone"), row("long-gone", until="0.1"), row("part.x", since="", value="")]
    after = vllm_table.merged(before, {"kept": "scalar", "added": "list"}, "0.3", "0.2")
    assert after == [
        {**row("added", since="0.3", sort="unsorted", value="list"), "why": ""},
        row("gone", until="0.2"),
        row("kept", value="flag|scalar"),
        row("long-gone", until="0.1"),
        row("part.x", since="", value=""),
    ]


def test_a_release_that_was_read_changes_nothing_when_it_is_read_again() -> None:
    rows = [row("a"), row("b", since="0.2"), row("c", until="0.1")]
    assert vllm_table.merged(rows, {"a": "flag", "b": "flag"}, "0.2", "0.2") == rows
