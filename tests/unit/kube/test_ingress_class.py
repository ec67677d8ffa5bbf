"""An Ingress whose class is no longer named gets the cluster's default class, which Kubernetes fills in on creation alone."""

import copy

from tests import clock, fake_apiserver
from vllm_operator.kube import apply, cache, kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid-1")
DEFAULT = {"spec": {"ingressClassName": "default"}}


def ingress(host: str = "a.example", **spec: str) -> kinds.Object:
    return naming.child(kinds.INGRESS, OWNER, OWNER.name, "edge", spec={"rules": [{"host": host}], **spec})


class Cluster:
    """A cluster in memory with a default class, and a writer."""

    def __init__(self) -> None:
        self.api = fake_apiserver.FakeCluster()
        self.seen = cache.Cache()
        self.applier = apply.Applier(self.api, self.seen)

    async def ensure(self, wanted: kinds.Object) -> kinds.Object:
        """Write `wanted`, and return what is there then."""
        await self.applier.ensure(wanted, OWNER)
        ref = kinds.ref(wanted)
        if not self.api.objects[ref]["spec"].get("ingressClassName"):
            await self.api.edit_by("admission", ref, DEFAULT)
        self.seen.put(copy.deepcopy(self.api.objects[ref]))
        return self.api.objects[ref]


@clock.virtual
async def test_an_ingress_that_names_no_class_any_more_is_made_anew() -> None:
    cluster = Cluster()
    before = await cluster.ensure(ingress(ingressClassName="nginx"))
    after = await cluster.ensure(ingress())
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    assert after["spec"]["ingressClassName"] == "default"


@clock.virtual
async def test_an_ingress_of_the_default_class_is_left_where_it_is() -> None:
    cluster = Cluster()
    before = await cluster.ensure(ingress())
    for host in ("a.example", "b.example"):
        after = await cluster.ensure(ingress(host))
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"] == {"rules": [{"host": host}], "ingressClassName": "default"}


@clock.virtual
async def test_another_class_is_an_update() -> None:
    cluster = Cluster()
    before = await cluster.ensure(ingress(ingressClassName="nginx"))
    after = await cluster.ensure(ingress(ingressClassName="contour"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert after["spec"]["ingressClassName"] == "contour"
