"""A stored spec that this operator cannot read costs its model alone, and its status says which field it is."""

import pytest

from tests import clock, harness
from vllm_operator.kube import kinds

VALUE = "sk-a-value-that-nobody-else-may-read"


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"replicas": VALUE}, "spec.replicas: Input should be a valid integer"),
        ({"model": {"source": f"ftp://{VALUE}"}}, "spec.model.source: unknown source: write hf://"),
        ({"engine": {"startupTimeout": VALUE}}, "spec.engine.startupTimeout: String should have at most 16 characters"),
        ({"access": {"clients": [{"name": VALUE.upper()}]}}, "spec.access.clients[0].name: a client's name"),
        ({"resources": {"limits": {"cpu": {"value": VALUE}}}}, "spec.resources.limits.cpu: "),
    ],
)
@clock.virtual
async def test_the_field_at_fault_is_said_and_what_is_there_stays(spec: kinds.Object, words: str) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    key, writes = home.key("a"), home.writes()
    await home.api.edit_by("admin", kinds.Ref("ModelDeployment", *harness.KEY), {"spec": spec})
    await home.run()
    ready = home.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SpecNotUnderstood")
    assert words in ready["message"]
    assert VALUE not in str(home.events("SpecNotUnderstood")) + ready["message"]
    assert home.accepts(key)
    assert home.writes() - writes <= 2  # the status, and an Event


@clock.virtual
async def test_a_model_goes_on_once_its_spec_can_be_read_again() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    for replicas in ("many", 2):
        change = {"spec": {"replicas": replicas}}
        await home.api.edit_by("admin", kinds.Ref("ModelDeployment", *harness.KEY), change)
        await home.run()
    assert home.condition("Ready")["reason"] != "SpecNotUnderstood"
    assert home.api.objects[kinds.Ref("Deployment", *harness.KEY)]["spec"]["replicas"] == 2
