"""A Secret that somebody else keeps changing is put back, said in the status, and revoked from all the same."""

from tests import clock, harness, samples
from vllm_operator.keys import record

ALICE = f"{samples.MODEL}.key.alice"


async def fight(home: harness.OperatorHarness, times: int) -> None:
    for _ in range(times):
        await home.edit(ALICE, record.KEY, "sk-of-somebody-else")
        home.hear()
        await home.go_on()


@clock.virtual
async def test_its_client_keeps_the_key_and_ready_says_who_is_to_be_found() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "alice"}, {"name": "bob"})
    key = home.key("alice")
    await fight(home, 2)
    assert home.condition("Ready")["reason"] != "FieldContested"
    await fight(home, 3)
    ready = home.condition("Ready")
    assert ready["reason"] == "FieldContested"
    assert f"Secret {ALICE}: somebody else keeps changing /data/{record.KEY}: put back each time" in ready["message"]
    assert home.key("alice") == key
    assert home.accepts(key)
    assert not home.accepts("sk-of-somebody-else")


@clock.virtual
async def test_a_client_is_revoked_while_its_secret_is_contested() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "alice"}, {"name": "bob"})
    key = home.key("alice")
    await fight(home, 5)
    await home.change({"name": "bob"})
    home.hear()
    await home.go_on()
    assert not home.accepts(key)
    assert home.secret("alice") is None
    assert len(home.events("ClientRevoked")) == 1
