"""Two installations of the operator: the second leaves a model to the first, says so, and writes nothing."""

import logging

import pytest

from tests import harness
from vllm_operator import config
from vllm_operator.kube import kinds, naming
from vllm_operator.probes import prober

OTHER = harness.SETTINGS.model_copy(update={"namespace": "elsewhere"})
MODEL = kinds.Ref("ModelDeployment", *harness.KEY)


class Two(harness.OperatorHarness):
    """A model that two installations see."""

    async def run_as(self, settings: config.Config) -> int:
        """Let an operator of that installation work once; return how much it wrote."""
        self.settings = settings
        before = self.writes()
        await self.run()
        return self.writes() - before

    async def claim(self, installation: str | None) -> None:
        annotations = {naming.INSTALLATION_ANNOTATION: installation}
        await self.api.edit_by("admin", MODEL, {"metadata": {"annotations": annotations}})


async def test_the_second_says_so_once_and_writes_nothing(caplog: pytest.LogCaptureFixture) -> None:
    home = Two()
    await home.begin()
    with caplog.at_level(logging.WARNING):
        assert await home.run_as(OTHER) == 0
        await home.go_on()
    assert home.reconciler.left == {harness.KEY: harness.SETTINGS.installation}
    told = [record.message for record in caplog.records if "another installation" in record.message]
    assert len(told) == 1
    assert f"{naming.INSTALLATION_ANNOTATION}={OTHER.installation}" in told[0]
    assert await home.run_as(harness.SETTINGS) == 0


async def test_the_second_asks_nothing_of_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    home, asked = Two(), list[kinds.Key]()
    await home.begin()
    monkeypatch.setattr(prober.Prober, "enqueue", lambda _, key: asked.append(key))
    await home.run_as(OTHER)
    assert asked == []
    await home.run_as(harness.SETTINGS)
    assert asked == [harness.KEY]


async def test_an_admin_moves_a_model_and_its_keys_stay() -> None:
    home = Two()
    await home.begin({"name": "a"})
    key = home.key("a")
    await home.claim(OTHER.installation)
    assert await home.run_as(harness.SETTINGS) == 0
    assert await home.run_as(OTHER) > 0
    assert home.key("a") == key
    assert home.accepts(key)
    await home.claim(None)
    assert await home.run_as(harness.SETTINGS) == 0


async def test_who_begins_at_the_same_time_ends_with_one() -> None:
    home = Two()
    await home.begin({"name": "a"})
    for settings in (OTHER, harness.SETTINGS, OTHER):
        await home.change({"name": "a", "keyVersion": 2})
        await home.run_as(settings)
    guard = home.api.objects[home.ref("vllm11.guard")]
    assert guard["metadata"]["annotations"][naming.INSTALLATION_ANNOTATION] == harness.SETTINGS.installation
