"""A model is decided anew wherever anything changed that a run reads, and else nothing is rendered or compared."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from tests import clock, harness, observations, samples
from tests.golden import render
from tests.unit.status import test_status_table
from tests.unit.status.rows import Row
from vllm_operator import api, children
from vllm_operator.controller import schedule, settled
from vllm_operator.keys import issuer
from vllm_operator.kube import kinds, naming

Home = harness.OperatorHarness
SERVICE = kinds.Ref("Service", *harness.KEY)
YEAR = 31_536_000
LATER = api.moment(api.unix(render.NOW) + YEAR)


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[children.Inputs]:
    """Return what plans were made of, each run's."""
    made, plan = list[children.Inputs](), children.plan

    def noted(inputs: children.Inputs) -> children.Plan:
        made.append(inputs)
        return plan(inputs)

    monkeypatch.setattr(children, "plan", noted)
    return made


async def at_rest(*clients: dict[str, Any], **spec: Any) -> Home:
    """Return a model whose last run found nothing to do, and the operator that made it."""
    home = Home()
    await home.begin(*clients, **spec)
    await home.go_on()
    return home


async def is_decided(home: Home, plans: list[children.Inputs]) -> bool:
    """Tell whether another look at the model decides."""
    plans.clear()
    await home.go_on()
    return bool(plans)


def pod(**status: Any) -> kinds.Object:
    """Return a server of the model."""
    metadata = {"name": "a", "namespace": harness.KEY.namespace, **samples.made_by_deployment(samples.MODEL)}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": []}, "status": status}


async def fail(home: Home, **_: Any) -> None:
    await home.api.create_by("kubelet", pod(phase="Failed"))
    home.hear()


async def annotate(home: Home, name: str) -> None:
    await home.api.edit_by("admin", harness.MODEL, {"metadata": {"annotations": {name: "1"}}})


CHANGES: dict[str, Callable[[Home], Awaitable[object]]] = {
    "the spec": lambda home: home.change(replicas=2),
    "the upgrade annotation": lambda home: annotate(home, "serving.byteshop.in/upgrade"),
    "the installation": lambda home: annotate(home, naming.INSTALLATION_ANNOTATION),
    "an object": lambda home: home.api.edit_by("admin", SERVICE, {"spec": {"selector": {"app": "other"}}}),
    "an object that is gone": lambda home: home.api.delete_by("admin", SERVICE),
    "a client's Secret": lambda home: home.edit("vllm11.key.default", "OPENAI_API_KEY", "sk-other"),
    "the guard's Secret": lambda home: home.edit("vllm11.guard", "routes.yaml", "{}"),
    "a server": lambda home: home.api.create_by("kubelet", pod(phase="Pending")),
    "the model's end": lambda home: home.terminate(),
}


class TestWhatChanged:
    async def test_where_nothing_changed_nothing_is_decided(self, plans: list[children.Inputs]) -> None:
        home = await at_rest()
        assert not await is_decided(home, plans)
        home.now += YEAR
        assert not await is_decided(home, plans)
        assert 540 <= (home.again or 0) <= 660

    @pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
    async def test_whatever_changed_is_decided(
        self, change: Callable[[Home], Awaitable[object]], plans: list[children.Inputs]
    ) -> None:
        home = await at_rest()
        await change(home)
        home.hear()
        assert await is_decided(home, plans) or home.reconciler.left

    async def test_what_others_note_on_the_model_wakes_nobody(self) -> None:
        home, woken = await at_rest(), list[kinds.Key]()
        home.cache._wake = woken.append
        await annotate(home, "example.com/noted")
        home.hear()
        assert woken == []
        await annotate(home, "serving.byteshop.in/upgrade")
        home.hear()
        assert woken == [harness.KEY]

    @clock.virtual
    async def test_an_object_that_the_spec_names_and_that_nobody_watches_is_looked_for(self) -> None:
        home = Home()
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "pull", "namespace": "models"}}
        await home.api.create_by("admin", secret)
        await home.begin(imagePullSecrets=[{"name": "pull"}])
        await home.go_on()
        await home.api.delete_by("admin", kinds.ref(secret))
        await asyncio.sleep(20)
        await home.go_on()
        assert "pull" in home.condition("Available")["message"]


DATES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], int]] = {
    "a client's": ([{"name": "a", "expiresAt": "2027-01-15T09:00:00Z"}], {}, 3600),
    "a replaced key's": ([{"name": "a", "keyVersion": 2}], {"access": {"rotationOverlap": "1h"}}, 3600),
}


@pytest.mark.parametrize(("clients", "spec", "after"), DATES.values(), ids=DATES)
async def test_an_end_that_has_come_is_decided_and_none_before(
    clients: list[dict[str, Any]], spec: dict[str, Any], after: int, plans: list[children.Inputs]
) -> None:
    home = Home()
    await home.begin({"name": "a"}, **spec)
    await home.change(*clients, **spec)
    home.hear()
    await home.go_on()
    await home.go_on()
    home.now += after - 1
    assert not await is_decided(home, plans)
    assert (home.again or 0) <= 1
    home.now += 1
    assert await is_decided(home, plans)


RESTLESS: dict[str, tuple[list[dict[str, Any]], dict[str, Any]]] = {
    "something is missing": ([], {"imagePullSecrets": [{"name": "pull"}]}),
    "a client has no key": ([{"name": "a", "keySecretRef": {"name": "none"}}], {}),
}


class TestWhatIsNeverLeftOut:
    @pytest.mark.parametrize(("clients", "spec"), RESTLESS.values(), ids=RESTLESS)
    async def test_a_run_where(
        self, clients: list[dict[str, Any]], spec: dict[str, Any], plans: list[children.Inputs]
    ) -> None:
        home = await at_rest(*clients, **spec)
        assert await is_decided(home, plans)
        assert await is_decided(home, plans)

    async def test_a_run_that_met_an_object_of_somebody_else(self, plans: list[children.Inputs]) -> None:
        home = Home()
        foreign = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": SERVICE.name, "namespace": "models"}}
        await home.api.create_by("admin", {**foreign, "spec": {}})
        await home.begin()
        await home.go_on()
        assert await is_decided(home, plans)

    async def test_a_run_of_a_model_that_waits_for_the_upgrades_of_others(self, plans: list[children.Inputs]) -> None:
        home = await at_rest()
        changed = {"guard_image": "registry.example/guard:1.40.1", "upgrade_policy": "Rolling"}
        home.settings = home.settings.model_copy(update=changed)
        await home.run()
        await home.go_on()
        assert await is_decided(home, plans)

    async def test_a_run_of_a_model_with_failed_pods_which_are_told_no_more_after_a_while(
        self, plans: list[children.Inputs]
    ) -> None:
        home = await at_rest()
        await fail(home)
        await home.go_on()
        assert await is_decided(home, plans)

    async def test_a_run_with_a_claim_that_somebody_brought(self, plans: list[children.Inputs]) -> None:
        home = Home()
        claim = {
            "apiVersion": "v1",
            "kind": "PersistentVolumeClaim",
            "metadata": {"name": "own", "namespace": "models"},
        }
        await home.api.create_by("admin", {**claim, "spec": {}})
        await home.begin(model={"source": "hf://a/b", "cache": {"existingClaim": "own"}})
        await home.go_on()
        await home.go_on()
        assert await is_decided(home, plans)

    async def test_a_run_behind_a_gateway_whose_listeners_are_somebody_elses(
        self, plans: list[children.Inputs]
    ) -> None:
        home = Home()
        metadata = {"name": "edge", "namespace": "models"}
        gateway = {"apiVersion": kinds.GATEWAY.api_version, "kind": "Gateway", "metadata": metadata}
        await home.api.create_by("admin", {**gateway, "spec": {"listeners": []}})
        await home.begin(expose={"host": "web.example", "gateway": {"parentRefs": [{"name": "edge"}]}})
        await home.go_on()
        assert await is_decided(home, plans)

    @pytest.mark.parametrize("name", ["vllm11.key.b", "vllm11"])
    async def test_a_run_that_deleted_what_is_seen_yet(self, name: str, plans: list[children.Inputs]) -> None:
        home = await at_rest({"name": "a"}, {"name": "b"}, replicas=2)
        ref = home.ref(name) if "." in name else kinds.Ref("PodDisruptionBudget", *harness.KEY)
        await home.api.edit_by("tool", ref, {"metadata": {"finalizers": ["backup.example/hold"]}})
        clients, replicas = ([{"name": "a"}], 2) if "." in name else ([{"name": "a"}, {"name": "b"}], 1)
        await home.change(*clients, replicas=replicas)
        home.cache.put(home.api.objects[harness.MODEL])
        for _ in range(3):
            await home.go_on()
        assert await is_decided(home, plans)


async def test_a_rollouts_date_is_one_of_those_that_are_waited_for(plans: list[children.Inputs]) -> None:
    await at_rest()
    plan = children.plan(plans[-1])
    issued = issuer.IssueResult({}, 0, (), {}, {}, frozenset())
    assert schedule.until(plan, issued, 0.0) == schedule.NEVER
    for field in ("stops_at", "returns_at"):
        turning = plan._replace(rollout=plan.rollout._replace(**{field: 5.0}))
        assert schedule.until(turning, issued, 0.0) == 5.0


async def test_the_end_of_a_server_that_is_back_is_told_otherwise_in_time(plans: list[children.Inputs]) -> None:
    home = await at_rest()
    ended = {"terminated": {"exitCode": 1, "finishedAt": api.moment(home.now)}}
    back = {"name": "vllm", "image": "x", "ready": True, "restartCount": 1, "state": {}, "lastState": ended}
    await home.api.create_by("kubelet", pod(containerStatuses=[back]))
    home.hear()
    for seconds in (0, 3600, 86_400 - 3600):
        home.now += seconds
        assert await is_decided(home, plans)
        await home.go_on()
        assert not await is_decided(home, plans)


@pytest.mark.parametrize("row", test_status_table.STEADY, ids=lambda row: row.promise)
def test_of_a_model_that_is_left_out_a_year_changes_nothing_that_is_told(row: Row) -> None:
    seen = test_status_table.state(row)
    if not settled.is_comparable(seen, api.parse(seen.model["spec"])):
        return
    body = observations.status(seen, test_status_table.settings(row))
    after = seen._replace(model={**seen.model, "status": body})
    assert observations.status(after, test_status_table.settings(row), LATER) == body
