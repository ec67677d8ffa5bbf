"""The settings as the chart writes them."""

import pydantic
import pytest

from vllm_operator import api, config


def test_the_charts_words_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {
        "WATCH_NAMESPACES": '["a","b"]',
        "ENGINE_IMAGES": '{"cpu":"x"}',
        "RUN_AS_USER": "null",
        "MONITORING_NAMESPACES": "[]",
        "DOMAIN": "",
        "IMAGE_PULL_SECRETS": '[{"name":"registry"}]',
        "ALLOW": '{"domains":{"a":["a.example"]},"images":["b.example/"],"serviceAccounts":["c"]}',
    }
    for name, value in written.items():
        monkeypatch.setenv(f"VLLM_OPERATOR_{name}", value)
    settings = config.Config()
    assert settings.watch_namespaces == ("a", "b")
    assert settings.engine_images == {"cpu": "x"}
    assert settings.run_as_user is None
    assert settings.domain == ""
    assert settings.image_pull_secrets == (api.PullSecret(name="registry"),)
    assert settings.allow == config.Allow(
        domains={"a": ("a.example",)}, images=("b.example/",), service_accounts=("c",)
    )


def test_a_number_is_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_OPERATOR_RUN_AS_USER", "1000")
    assert config.Config().run_as_user == 1000


def test_a_misspelt_allow_list_ends_the_operator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_OPERATOR_ALLOW", '{"image":["b.example/"]}')
    with pytest.raises(pydantic.ValidationError):
        config.Config()


@pytest.mark.parametrize("name", ["GUARD_CPU", "GUARD_MEMORY", "GUARD_MEMORY_LIMIT"])
def test_a_setting_that_is_no_quantity_ends_the_operator_in_words(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"VLLM_OPERATOR_{name}", "lots")
    with pytest.raises(pydantic.ValidationError, match="write a quantity such as 50m or 512Mi"):
        config.Config()
