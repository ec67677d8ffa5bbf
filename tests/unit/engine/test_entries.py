"""Several values of an option reach vLLM as such, and no value becomes an option; an option is given once."""

import pytest

from tests import entry_cases
from vllm_operator import api, config
from vllm_operator.engine import entries, environment, options, refusals, verification


def given(*args: str) -> list[str]:
    """Return the arguments of vLLM that come from the spec's own."""
    source = api.Model(source="file:///models/a/b")
    plain = options.arguments(api.Spec(model=source))
    return options.arguments(api.Spec(model=source, engine=api.Engine(args=args)))[len(plain) :]


@pytest.mark.parametrize(("entry", "wanted"), entry_cases.LISTS.items())
def test_a_list_reaches_vllm_as_several_values_or_is_refused(entry: str, wanted: list[str] | None) -> None:
    assert given(entry) == (wanted or [])
    assert (refusals.refusal(entry) is None) == (wanted is not None)


@pytest.mark.parametrize("entry", [entry for entry, wanted in entry_cases.LISTS.items() if wanted])
def test_no_value_of_a_list_is_an_option(entry: str) -> None:
    _, *values = given(entry)
    assert not [value for value in values if value.startswith(("-", "$"))]


@pytest.mark.parametrize("args", entry_cases.TWICE)
def test_of_an_option_that_an_older_schema_let_in_twice_the_last_is_taken(args: tuple[str, ...]) -> None:
    assert len(entries.last(args)) == len(args) - 1
    assert entries.last(args)[-1] == args[-1]


@pytest.mark.parametrize("args", entry_cases.ONCE)
def test_options_whose_names_begin_alike_are_not_taken_for_one(args: tuple[str, ...]) -> None:
    assert entries.last(args) == list(args)


def test_a_value_of_a_list_is_not_told_as_the_models_name_or_task() -> None:
    arguments = ["a/b", "--served-model-name=a/b", "--lora-modules", "served-model-name=/evil", "runner=pooling"]
    found = verification.served(arguments, "Generate")
    assert found
    assert (found.model, found.task, found.aliases) == ("a/b", "Generate", ())


def test_no_entry_and_no_variable_carries_another_variables_value() -> None:
    """The kubelet puts values in place of $(NAME), also those that come from a Secret."""
    assert refusals.refusal("--response-role=$(HF_TOKEN)") == refusals.REFERENCE_MESSAGE
    engine = api.Engine.model_validate({"env": [{"name": "A", "value": "a $(HF_TOKEN)"}]})
    found = {one["name"]: one.get("value") for one in environment.environment(engine, config.Config())}
    assert found["A"] == "a $$(HF_TOKEN)"
