"""Server-side apply and scaling do the same in the cluster in memory and on the real API server."""

import pytest

from tests import samples
from tests.integration.conformance import bench as benches
from vllm_operator.kube import diff, errors, field_ownership, kinds, naming


class TestApplying:
    async def test_an_apply_never_creates_and_never_meets_another_object(self, bench: benches.Bench) -> None:
        obj = samples.secret(bench.owner)
        with pytest.raises(errors.Conflict):
            await bench.api.apply(obj, benches.OTHER_UID)
        made = await bench.api.create(obj)
        with pytest.raises(errors.Conflict):
            await bench.api.apply({**obj, "data": {"a": "Qg=="}}, benches.OTHER_UID)
        assert benches.version(await bench.api.get(kinds.ref(obj))) == benches.version(made)

    async def test_a_field_that_is_no_longer_applied_goes_only_after_the_hand_over(self, bench: benches.Bench) -> None:
        more, less = samples.secret(bench.owner, a="QQ==", b="Qg=="), samples.secret(bench.owner, a="QQ==")
        made = await bench.api.create(more)
        assert "b" in (await bench.api.apply(less, benches.uid(made)))["data"]
        await bench.api.apply(more, benches.uid(made))
        assert field_ownership.is_posted(await bench.api.get(kinds.ref(more)))
        handed = await bench.api.hand_over(await bench.api.get(kinds.ref(more)))
        assert not field_ownership.is_posted(handed)
        assert "b" not in (await bench.api.apply(less, benches.uid(made)))["data"]

    async def test_the_hand_over_leaves_one_entry_of_ours_and_changes_nothing_else(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.service(bench.owner))
        handed = await bench.api.hand_over(made)
        assert benches.managers(handed) == [("vllm-operator", "Apply")]
        assert handed["spec"] == made["spec"]
        assert benches.version(handed) != benches.version(made)

    async def test_the_hand_over_is_refused_where_the_object_has_changed(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.secret(bench.owner))
        await bench.others.edit_by("kubectl", kinds.ref(made), {"data": {"c": "Qw=="}})
        with pytest.raises(errors.Conflict):
            await bench.api.hand_over(made)

    async def test_an_apply_of_the_same_changes_nothing(self, bench: benches.Bench) -> None:
        handed = await benches.taken_over(bench, samples.service(bench.owner))
        first = await bench.api.apply(samples.service(bench.owner), benches.uid(handed))
        second = await bench.api.apply(samples.service(bench.owner), benches.uid(handed))
        assert benches.version(first) == benches.version(second)

    async def test_an_apply_wins_over_a_stranger_and_leaves_what_is_the_strangers_own(
        self, bench: benches.Bench
    ) -> None:
        obj = samples.deployment(bench.owner, MODE="safe")
        handed = await benches.taken_over(bench, obj)
        env = [{"name": "MODE", "value": "wild"}, {"name": "THEIRS", "value": "1"}]
        container = {**handed["spec"]["template"]["spec"]["containers"][0], "env": env}
        edited = await bench.others.edit_by(
            "kubectl", kinds.ref(obj), {"spec": {"template": {"spec": {"containers": [container]}}}}
        )
        assert diff.differs(obj, edited) == "spec.template.spec.containers[vllm].env[MODE].value"
        answer = await bench.api.apply(obj, benches.uid(handed))
        env = answer["spec"]["template"]["spec"]["containers"][0]["env"]
        assert {entry["name"]: entry["value"] for entry in env} == {"MODE": "safe", "THEIRS": "1"}
        assert diff.differs(obj, answer) is None

    async def test_a_selector_is_applied_whole(self, bench: benches.Bench) -> None:
        handed = await benches.taken_over(bench, samples.service(bench.owner))
        theirs = {"spec": {"selector": {"app": "other"}}}
        edited = await bench.others.edit_by("kubectl", kinds.ref(handed), theirs)
        assert diff.differs(samples.service(bench.owner), edited) == "spec.selector"
        answer = await bench.api.apply(samples.service(bench.owner), benches.uid(handed))
        assert answer["spec"]["selector"] == naming.selector(bench.owner.name)

    async def test_an_item_of_a_list_goes_when_it_is_no_longer_applied(self, bench: benches.Bench) -> None:
        handed = await benches.taken_over(bench, samples.deployment(bench.owner, A="1", B="2"))
        answer = await bench.api.apply(samples.deployment(bench.owner, A="1"), benches.uid(handed))
        assert answer["spec"]["template"]["spec"]["containers"][0]["env"] == [{"name": "A", "value": "1"}]

    async def test_the_generation_counts_changes_of_the_spec_alone(self, bench: benches.Bench) -> None:
        handed = await benches.taken_over(bench, samples.deployment(bench.owner))
        assert handed["metadata"]["generation"] == 1
        body = benches.without_replicas(samples.deployment(bench.owner))
        body["metadata"]["labels"]["more"] = "1"
        assert (await bench.api.apply(body, benches.uid(handed)))["metadata"]["generation"] == 1
        body = benches.without_replicas(samples.deployment(bench.owner, image="engine:2"))
        assert (await bench.api.apply(body, benches.uid(handed)))["metadata"]["generation"] == 2


class TestScaling:
    async def test_replicas_outlive_every_apply_that_does_not_name_them(self, bench: benches.Bench) -> None:
        handed = await benches.taken_over(bench, samples.deployment(bench.owner, replicas=2))
        body = benches.without_replicas(samples.deployment(bench.owner, image="engine:2"))
        assert (await bench.api.apply(body, benches.uid(handed)))["spec"]["replicas"] == 2
        await bench.api.scale(kinds.ref(body), benches.uid(handed), 5)
        body["metadata"]["labels"]["more"] = "1"
        assert (await bench.api.apply(body, benches.uid(handed)))["spec"]["replicas"] == 5

    async def test_only_the_known_deployment_is_scaled(self, bench: benches.Bench) -> None:
        made = await bench.api.create(samples.deployment(bench.owner, replicas=2))
        with pytest.raises(errors.Conflict):
            await bench.api.scale(kinds.ref(made), benches.OTHER_UID, 7)
        assert (await bench.api.get(kinds.ref(made)))["spec"]["replicas"] == 2
