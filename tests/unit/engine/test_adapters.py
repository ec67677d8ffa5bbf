"""What vLLM is told of LoRA adapters, and what is read of a server's arguments."""

from typing import Any

import pytest

from vllm_operator import api
from vllm_operator.engine import adapters, options, verification


def spec(*names: str, **engine: Any) -> api.Spec:
    wanted = [{"name": name, "source": f"hf://org/{at}"} for at, name in enumerate(names)]
    model: dict[str, Any] = {"source": "file:///models/a/b", **({"adapters": wanted} if wanted else {})}
    return api.Spec.model_validate({"model": model, "engine": engine})


def test_every_adapter_reaches_vllm_and_nothing_of_them_without_one() -> None:
    found = options.arguments(spec("team/x:1", "sql", args=["--enforce-eager"]))
    assert found[-8:] == [
        "--enable-lora", "--max-lora-rank=64", "--max-loras=2", "--max-cpu-loras=2",
        "--lora-modules", "team/x:1=/adapters/team%2Fx%3A1", "sql=/adapters/sql", "--enforce-eager",
    ]  # fmt: skip
    assert not [one for one in options.arguments(spec()) if "lora" in one]


def test_a_batch_has_eight_of_many_and_the_host_keeps_them_all() -> None:
    found = options.arguments(spec(*map(str, range(20))))
    assert {"--max-loras=8", "--max-cpu-loras=20"} < set(found)


@pytest.mark.parametrize(
    ("args", "rank"), [([], 64), (["--max-lora-rank=256"], 256), (["--max_lora_r=8"], 8), (["--max-lora-rank=many"], 0)]
)
def test_what_the_spec_says_of_their_room_is_left_as_it_is(args: list[str], rank: int) -> None:
    assert adapters.rank(spec("x", args=args).engine) == rank
    given = [one for one in options.arguments(spec("x", args=args)) if one.startswith(("--max-lora-r", "--max_lora"))]
    assert given == (args or ["--max-lora-rank=64"])
    assert "--max-cpu-loras=1" not in options.arguments(spec("x", args=["--max-loras=4"]))


def test_two_names_never_share_a_path_nor_lie_within_each_other() -> None:
    names = ("a", "a/b", "a:b", "a_b", "a/../b", "a-b", "a.b")
    paths = {adapters.path(name) for name in names}
    assert len(paths) == len(names)
    assert {path.count("/") for path in paths} == {2}


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (["a/b", "--lora-modules", "x=/y", "team/z=/w", "--enforce-eager"], ("x", "team/z")),
        (["a/b", "--lora-modules=x=/y"], ("x",)),
        (["a/b", '--lora-modules={"name": "x", "path": "/y"}'], ("x",)),
        (["a/b", "--lora-modules=[1,2]"], ()),
        (["a/b", "--lora-modules=" + "[" * 9999 + ","], ()),
        (["a/b"], ()),
    ],
)
def test_the_adapters_of_a_server_are_read_from_its_arguments(arguments: list[str], names: tuple[str, ...]) -> None:
    assert adapters.names(arguments) == names
    found = verification.served([*arguments, "--served-model-name=m"], "Generate")
    assert found
    assert found.adapters == names
