"""An upgrade of the operator restarts no model, and a stored option that needs an admin now is told in words."""

import copy

import pytest

from tests import clock, harness
from vllm_operator import config, policy
from vllm_operator.kube import kinds

VALUE = "hf_a_value_that_nobody_else_may_read"
STORED = [
    (
        {"args": ["--kv-transfer-config={}"]},
        "spec.engine.args --kv-transfer-config is not in allow.engineArgs: none; it opens ports beside the guard",
    ),
    ({"args": ["--max-num-se=4"]}, "spec.engine.args --max-num-se is not in allow.engineArgs: none; no option of vLLM"),
    ({"env": [{"name": "MY_OWN", "value": VALUE}]}, "spec.engine.env MY_OWN is not in allow.engineEnv: none"),
    ({"args": [f"--hf-token={VALUE}"]}, "use HF_TOKEN in spec.engine.env with valueFrom"),
    ({"args": ['--enforce-eager=["/z"]']}, "spec.engine.args --enforce-eager: this option takes no value"),
    ({"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}, "accelerators of other pods: use spec.resources"),
]
SERVERS = (kinds.DEPLOYMENT.kind, kinds.CONTROLLER_REVISION.kind)


def servers(home: harness.OperatorHarness) -> list[kinds.Object]:
    return [copy.deepcopy(one) for ref, one in home.api.objects.items() if ref.kind in SERVERS]


@pytest.mark.parametrize(("engine", "words"), STORED, ids=[words for _, words in STORED])
@clock.virtual
async def test_a_model_of_an_earlier_release_goes_on_and_says_what_needs_an_admin(
    engine: kinds.Object, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = harness.OperatorHarness()
    with monkeypatch.context() as earlier:
        earlier.setattr(policy, "findings", lambda *_: ())
        await home.begin({"name": "a"}, engine=engine)
    before, key = servers(home), home.key("a")
    assert len(before) == len(SERVERS)
    await home.run()
    ready = home.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "NotAllowed")
    assert words in ready["message"]
    assert VALUE not in ready["message"]
    assert servers(home) == before
    assert home.accepts(key)


@clock.virtual
async def test_what_an_admin_then_allows_restarts_nothing() -> None:
    home = harness.OperatorHarness()
    opened = config.Allow(engine_args=("--kv-*",), engine_env=("LMCACHE_*",))
    home.settings = harness.SETTINGS.model_copy(update={"allow": opened})
    engine = {"args": ["--kv-transfer-config={}"], "env": [{"name": "LMCACHE_CHUNK_SIZE", "value": "256"}]}
    await home.begin({"name": "a"}, engine=engine)
    before = servers(home)
    assert "--kv-transfer-config={}" in str(before)
    for settings, reason in ((harness.SETTINGS, True), (home.settings, False)):
        home.settings = settings
        await home.run()
        assert (home.condition("Ready")["reason"] == "NotAllowed") is reason
        assert servers(home) == before


@clock.virtual
async def test_a_model_whose_options_are_not_allowed_any_more_is_scaled_and_repaired(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    home = harness.OperatorHarness()
    engine = {"args": ["--kv-transfer-config={}"]}
    with monkeypatch.context() as earlier:
        earlier.setattr(policy, "findings", lambda *_: ())
        await home.begin({"name": "a"}, engine=engine)
    ref = kinds.Ref(kinds.DEPLOYMENT.kind, *harness.KEY)
    template = home.api.objects[ref]["spec"]["template"]
    await home.change({"name": "a"}, engine=engine, replicas=3)
    await home.run()
    assert home.api.objects[ref]["spec"]["replicas"] == 3
    assert home.api.objects[ref]["spec"]["template"] == template
    await home.change({"name": "a"}, engine={"args": ["--kv-events-config={}"]}, replicas=4)
    await home.run()
    assert home.api.objects[ref]["spec"]["replicas"] == 3
    assert home.api.objects[ref]["spec"]["template"] == template
