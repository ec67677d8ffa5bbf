"""`render --values` has the settings that Helm gives the operator of the same values."""

from typing import Any

import pytest

from tests import chart
from tests.integration import chart_rows, chart_seen
from vllm_operator import config
from vllm_operator.render import chart as values

APART = {"namespace", "identity"}
"""Settings that the installation has from its pod."""
IMAGE = {"image": {"repository": "registry.example/operator"}}
NULLS = {"pods": {"runAsUser": None, "fsGroup": None}, "engine": {"images": {"nvidia.com/gpu": None}}}
MADE_OF = {name: path for path, name in values.SETTINGS.items()} | {"fetch_image": "image", "no_proxy": "proxy.noProxy"}


@pytest.fixture(scope="module")
def turned() -> dict[str, Any]:
    """Every value of the chart turned, at once."""
    return chart_seen.all_of({path: one.value for path, one in chart_rows.TURNED.items()})


def of_helm(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Return the settings that the rendered chart's environment makes."""
    (operator,) = [one for (kind, _), one in chart.objects(given).items() if kind == "Deployment"]
    for entry in operator["spec"]["template"]["spec"]["containers"][0]["env"]:
        if "value" in entry and entry["name"].startswith("VLLM_OPERATOR_"):
            monkeypatch.setenv(entry["name"], entry["value"])
    return shown(config.Config())


def shown(settings: config.Config) -> dict[str, Any]:
    """Return the settings; an engine's image that is empty counts as none."""
    found = settings.model_dump(exclude=APART)
    return {**found, "engine_images": {name: image for name, image in found["engine_images"].items() if image}}


@pytest.mark.parametrize(
    "given",
    [{}, NULLS, {"nameOverride": "models"}, {"nameOverride": "operator"}],
    ids=["defaults", "nulls", "another name", "a part of the name"],
)
def test_defaults_nulls_and_names_are_the_charts(given: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown(values.settings({**given, **IMAGE})) == of_helm({**given, **IMAGE}, monkeypatch)


def test_every_value_makes_the_settings_that_helm_makes_of_it(
    turned: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = shown(values.settings(turned)), of_helm(turned, monkeypatch)
    assert {name: ours[name] for name in ours if ours[name] != theirs[name]} == {}, "see vllm_operator/render/chart.py"


def test_each_setting_of_the_chart_is_turned(turned: dict[str, Any]) -> None:
    before, after = shown(values.settings({})), shown(values.settings(turned))
    assert {name for name in MADE_OF if before[name] == after[name]} == set(), "turn it in chart_rows.TURNED"
