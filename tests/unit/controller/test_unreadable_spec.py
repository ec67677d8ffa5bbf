"""A stored spec that this operator cannot read costs its model alone, and its status says which field it is."""

import pytest

from tests import clock, harness
from vllm_operator.kube import kinds, naming

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
    await home.api.edit_by("admin", harness.MODEL, {"spec": spec})
    await home.run()
    ready = home.condition("Ready")
    assert (ready["status"], ready["reason"]) == ("False", "SpecNotUnderstood")
    assert words in ready["message"]
    assert VALUE not in str(home.events("SpecNotUnderstood")) + ready["message"]
    assert home.accepts(key)
    assert home.writes() - writes <= 2  # the status, and an Event


UNREADABLE = [
    {"replicas": "many"},
    {"engine": {"startupTimeout": VALUE}},
    {"resources": {"limits": {"cpu": {"value": VALUE}}}},
    {"model": {"source": "ftp://nowhere"}},
]


@pytest.mark.parametrize("spec", UNREADABLE)
@clock.virtual
async def test_a_client_that_is_taken_off_the_list_is_revoked_and_all_else_stays(spec: kinds.Object) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    revoked, kept, good = home.key("a"), home.key("b"), home.api.objects[harness.MODEL]["spec"]
    before = {
        ref: obj for ref, obj in home.api.objects.items() if ref.kind in ("Deployment", "Service", "NetworkPolicy")
    }
    access = {"access": {"clients": [{"name": "b"}]}}
    await home.api.edit_by("admin", harness.MODEL, {"spec": {**spec, **access}})
    await home.run()
    assert (home.accepts(revoked), home.accepts(kept), home.secret("a")) == (False, True, None)
    assert home.condition("Ready")["reason"] == "SpecNotUnderstood"
    assert len(home.events("ClientRevoked")) == 1
    assert before == {ref: home.api.objects[ref] for ref in before}
    guard = home.api.objects[home.ref(naming.guard_secret(harness.KEY.name))]
    await home.api.edit_by("admin", harness.MODEL, {"spec": {**good, **access, "resources": None}})
    await home.run()
    assert home.condition("Ready")["reason"] != "SpecNotUnderstood"
    assert home.api.objects[kinds.ref(guard)] == guard, "guards had the same as with a spec that can be read"


@pytest.mark.parametrize("access", [None, {}, {"clients": []}, {"clients": "nobody"}, {"clients": [{"name": "B!"}]}])
@clock.virtual
async def test_without_a_list_that_can_be_read_nobody_is_revoked(access: object) -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    await home.api.edit_by("admin", harness.MODEL, {"spec": {"replicas": "many", "access": access}})
    await home.run()
    assert home.accepts(home.key("a"))
    assert home.condition("Ready")["reason"] == "SpecNotUnderstood"


@clock.virtual
async def test_a_model_goes_on_once_its_spec_can_be_read_again() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    for replicas in ("many", 2):
        change = {"spec": {"replicas": replicas}}
        await home.api.edit_by("admin", harness.MODEL, change)
        await home.run()
    assert home.condition("Ready")["reason"] != "SpecNotUnderstood"
    assert home.api.objects[kinds.Ref("Deployment", *harness.KEY)]["spec"]["replicas"] == 2


@clock.virtual
async def test_a_revocation_that_is_refused_beside_an_unreadable_spec_is_tried_again_soon() -> None:
    """The spec alone is looked at every five minutes by then."""
    home = harness.OperatorHarness()
    await home.begin({"name": "a"})
    revoked = home.key("a")
    await home.api.edit_by("admin", harness.MODEL, {"spec": {"replicas": "many"}})
    await home.run()
    home.now += 3600
    await home.go_on()
    assert (home.again or 0) > 200
    await home.api.delete_by("admin", home.ref("vllm11.key.a"))
    down = home.api.troubles.fail(verb="patch", name=naming.guard_secret(harness.KEY.name))
    home.hear()
    await home.go_on()
    assert home.accepts(revoked)
    assert (home.again or 0) <= 15
    home.api.troubles.end(down)
    await home.go_on()
    assert not home.accepts(revoked)
    assert (home.again or 0) > 200
