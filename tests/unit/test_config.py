"""The settings as the chart writes them."""

import pytest

from vllm_operator import config


def test_the_charts_words_are_understood(monkeypatch: pytest.MonkeyPatch) -> None:
    written = {
        "WATCH_NAMESPACES": '["a","b"]',
        "ENGINE_IMAGES": '{"cpu":"x"}',
        "RUN_AS_USER": "null",
        "MONITORING_NAMESPACES": "[]",
        "DOMAIN": "",
    }
    for name, value in written.items():
        monkeypatch.setenv(f"VLLM_OPERATOR_{name}", value)
    settings = config.Config()
    assert settings.watch_namespaces == ("a", "b")
    assert settings.engine_images == {"cpu": "x"}
    assert settings.run_as_user is None
    assert settings.domain == ""


def test_a_number_is_a_user(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VLLM_OPERATOR_RUN_AS_USER", "1000")
    assert config.Config().run_as_user == 1000
