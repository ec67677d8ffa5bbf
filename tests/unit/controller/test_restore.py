"""A backup that is restored, with new uids and without owners, is taken over where an admin says so, and nothing restarts."""

import copy

import pytest

from tests import harness
from vllm_operator.kube import kinds, naming

DEPLOYMENT = kinds.Ref("Deployment", *harness.KEY)


class Restored(harness.OperatorHarness):
    """A model of which a backup was made and restored; `uid` is that of the earlier one, `before` its objects."""

    async def restore(self) -> None:
        """Let the model and its objects be made again from what a backup holds of them."""
        await self.begin({"name": "a"}, {"name": "b"})
        self.before = copy.deepcopy(self.api.objects)
        self.uid = self.before[harness.MODEL]["metadata"]["uid"]
        self.api.objects.clear()
        for ref, obj in self.before.items():
            if ref.kind != "Event":
                await self.api.create_by("velero", stripped(obj))

    async def adopt(self, uid: str) -> None:
        annotations = {naming.ADOPT_ANNOTATION: uid}
        await self.api.edit_by("admin", harness.MODEL, {"metadata": {"annotations": annotations}})
        await self.run()

    def kept(self, name: str) -> bool:
        """Tell whether a Secret's entries are those of before."""
        return bool(self.api.objects[self.ref(name)]["data"] == self.before[self.ref(name)]["data"])


def stripped(obj: kinds.Object) -> kinds.Object:
    """Return what a backup keeps of an object."""
    kept = {
        name: obj["metadata"][name]
        for name in ("name", "namespace", "labels", "annotations")
        if name in obj["metadata"]
    }
    return {**{name: value for name, value in copy.deepcopy(obj).items() if name != "status"}, "metadata": kept}


async def test_what_was_restored_is_left_alone_and_the_way_to_take_it_over_is_said() -> None:
    home = Restored()
    await home.restore()
    await home.run()
    ready = home.condition("Ready")
    assert ready["reason"] == "NameTaken"
    assert f"{naming.ADOPT_ANNOTATION}={home.uid}" in ready["message"]
    assert all(home.kept(f"vllm11.{name}") for name in ("key.a", "key.b", "guard"))
    await home.adopt("of-another-model")
    assert home.condition("Ready")["reason"] == "NameTaken"


async def test_what_is_adopted_keeps_keys_and_pods_and_ends_with_its_model() -> None:
    home = Restored()
    await home.restore()
    await home.adopt(home.uid)
    assert home.condition("Ready")["reason"] != "NameTaken"
    assert all(home.kept(f"vllm11.{name}") for name in ("key.a", "key.b"))
    assert all(home.accepts(home.key(name)) for name in "ab")
    assert home.api.objects[DEPLOYMENT]["spec"] == home.before[DEPLOYMENT]["spec"]
    owner = naming.owner(home.api.objects[harness.MODEL])
    owned = [obj for obj in home.api.objects.values() if obj["kind"] not in ("ModelDeployment", "Event")]
    assert {obj["metadata"]["labels"][naming.OWNER_LABEL] for obj in owned} == {owner.uid}
    assert all(naming.is_controlled(obj, owner.uid) for obj in owned)
    written = home.writes()
    await home.run()
    assert home.writes() == written
    home.api.remove(harness.MODEL)
    home.api.collect_garbage()
    assert not [ref for ref in home.api.objects if ref.kind != "Event"]


@pytest.mark.parametrize("namespace", [harness.SETTINGS.namespace, "elsewhere"])
async def test_what_is_adopted_belongs_to_the_installation_of_this_cluster(namespace: str) -> None:
    """The restored guard Secret names the installation of the cluster that the backup is of."""
    home = Restored()
    await home.restore()
    home.settings = harness.SETTINGS.model_copy(update={"namespace": namespace})
    await home.adopt(home.uid)
    assert home.reconciler.left == {}
    assert home.condition("Ready")["reason"] != "NameTaken"
    assert all(home.accepts(home.key(name)) for name in "ab")
    guard = home.api.objects[home.ref("vllm11.guard")]
    assert guard["metadata"]["annotations"][naming.INSTALLATION_ANNOTATION] == home.settings.installation


async def test_what_the_garbage_collector_lets_go_of_is_not_owned_again_and_keeps_its_key() -> None:
    """As of `kubectl delete --cascade=orphan`: what names the model again as its owner would end with it."""
    home = Restored()
    await home.begin({"name": "a"})
    before = home.secret("a")
    await home.api.edit_by("api-server", harness.MODEL, {"metadata": {"finalizers": ["orphan"]}})
    await home.api.delete_by("admin", harness.MODEL)
    await home.api.edit_by("collector", home.ref("vllm11.key.a"), {"metadata": {"ownerReferences": None}})
    written = home.writes()
    await home.run()
    assert home.writes() == written
    await home.api.edit_by("collector", harness.MODEL, {"metadata": {"finalizers": None}})
    home.api.collect_garbage()
    assert before
    assert (home.secret("a") or {})["data"] == before["data"]


async def test_what_somebody_else_controls_is_never_adopted() -> None:
    home = Restored()
    await home.restore()
    other = {"apiVersion": "x/v1", "kind": "Other", "name": "o", "uid": "u", "controller": True}
    await home.api.edit_by("other", DEPLOYMENT, {"metadata": {"ownerReferences": [other]}})
    await home.adopt(home.uid)
    assert "belongs to Other o" in home.condition("Ready")["message"]
    assert home.api.objects[DEPLOYMENT]["metadata"]["ownerReferences"] == [other]
