"""Whether the room of an earlier server is enough for a new one, from what the scheduler and the pinned templates say."""

from fractions import Fraction
from typing import Any

import pytest

from tests import samples
from tests.golden import render
from vllm_operator import api
from vllm_operator.children import room, taints, template
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
GPU = "nvidia.com/gpu"
SINCE = "2026-01-01T00:00:00Z"
LACKING = f"0/3 nodes are available: 1 Insufficient {GPU}, 2 node(s) didn't match Pod's node affinity/selector."
OLD: dict[str, Any] = {"resources": {"limits": {GPU: 2, "memory": "16Gi"}}, "scheduling": {"nodeSelector": {"a": "b"}}}


def pinned(**said: Any) -> kinds.Object:
    spec = api.parse({"model": {"source": "file:///models/opt"}, **OLD, **said})
    return template.revision(OWNER, spec, render.SETTINGS, ())


def pod(of: kinds.Object, made_from: str, **status: Any) -> kinds.Object:
    metadata = samples.made_by_deployment("vllm11", made_from)
    annotations = of["data"]["template"]["metadata"]["annotations"]
    return {"kind": "Pod", "metadata": {"name": made_from, "annotations": annotations, **metadata}, "status": status}


def waiting(of: kinds.Object, words: str = LACKING, reason: str = "Unschedulable") -> kinds.Object:
    said = {"type": "PodScheduled", "status": "False", "reason": reason, "message": words, "lastTransitionTime": SINCE}
    return pod(of, "new", conditions=[said])


def lack(words: str = LACKING, **said: Any) -> room.Lack | None:
    """Return what is lacking where a version that differs by `said` is rolled out."""
    before, new = pinned(), pinned(**{"engine": {"args": ["--seed=1"]}, **said})
    return room.lack(new, (before, new), (waiting(new, words), pod(before, "old")), {})


def test_a_revision_that_pins_no_server_is_passed_over() -> None:
    before, new = pinned(), pinned(engine={"args": ["--seed=1"]})
    found = room.lack(new, ({**before, "data": {}}, new), (waiting(new), pod(before, "old")), {})
    assert found is not None
    assert not found.fits


def fits(words: str = LACKING, **said: Any) -> bool:
    found = lack(words, **said)
    assert found is not None
    return found.fits


def test_what_an_earlier_server_holds_is_enough_for_one_that_asks_for_no_more() -> None:
    assert lack() == room.Lack("new", LACKING, api.unix(SINCE), (GPU,), fits=True)
    assert fits(resources={"limits": {GPU: 1, "memory": "16384Mi"}})


@pytest.mark.parametrize(
    "said",
    [
        {"resources": {"limits": {GPU: 3, "memory": "16Gi"}}},
        {"resources": {"limits": {GPU: 2, "memory": "16.1Gi"}}},
        {"resources": {"limits": {GPU: 2, "memory": "16Gi"}, "requests": {"cpu": "1"}}},
        {"scheduling": {"nodeSelector": {"a": "c"}}},
        {"scheduling": {"nodeSelector": {"a": "b"}, "runtimeClassName": "nvidia"}},
        {"model": {"source": "pvc://elsewhere"}},
    ],
)
def test_it_is_not_for_one_that_asks_for_more_or_for_another_place(said: dict[str, Any]) -> None:
    assert not fits(**said)


def test_a_volume_that_the_earlier_server_had_is_reached_from_its_node() -> None:
    """Another node has a free accelerator and not the volume: that one is no place for the new server."""
    words = f"0/2 nodes are available: 1 Insufficient {GPU}, 1 node(s) didn't match PersistentVolume's node affinity."
    before, new = (pinned(model={"source": "pvc://here"}, engine={"args": [one]}) for one in ("--seed=1", "--seed=2"))
    found = room.lack(new, (before, new), (waiting(new, words), pod(before, "old")), {})
    assert found is not None
    assert found.fits


def test_a_node_that_was_never_for_servers_says_nothing_of_the_earlier_ones() -> None:
    tainted = "1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }"
    assert fits(f"0/2 nodes are available: 1 Insufficient {GPU}, {tainted}. preemption: 0/2 nodes are available")
    assert not fits(
        f"0/3 nodes are available: 1 Insufficient {GPU}, {tainted}, 1 node(s) had untolerated taint {{a: b}}."
    )


TAINT = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}
TAINTS: list[tuple[dict[str, list[dict[str, str]]], bool]] = [
    ({"there": [], "elsewhere": [TAINT]}, True),
    ({"there": [{**TAINT, "effect": "PreferNoSchedule"}]}, True),
    ({"there": [TAINT]}, False),
    ({"elsewhere": []}, False),
]


@pytest.mark.parametrize(("tainted", "enough"), TAINTS)
def test_a_taint_is_no_hindrance_where_the_earlier_servers_node_is_known_to_have_none(
    tainted: dict[str, list[dict[str, str]]], enough: bool
) -> None:
    """Newer schedulers do not say which taint it is, so each node of a control plane might be the one."""
    words = f"0/2 nodes are available: 1 Insufficient {GPU}, 1 node(s) had untolerated taint(s)."
    before, new = pinned(), pinned(engine={"args": ["--seed=1"]})
    old = {**pod(before, "old"), "spec": {"nodeName": "there"}}
    found = room.lack(new, (before, new), (waiting(new, words), old), {}, tainted)
    assert found is not None
    assert found.fits is enough


TOLERATIONS: list[tuple[dict[str, str], bool]] = [
    ({"operator": "Exists"}, True),
    ({"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}, True),
    ({"key": "dedicated", "value": "x"}, True),
    ({"key": "dedicated", "value": "x", "effect": "NoExecute"}, False),
    ({"key": "dedicated", "value": "y"}, False),
    ({"key": "other", "operator": "Exists"}, False),
    ({"key": "dedicated", "operator": "Gt", "value": "x"}, False),
]


@pytest.mark.parametrize(("toleration", "tolerated"), TOLERATIONS)
def test_a_taint_that_is_tolerated_keeps_no_server_away(toleration: dict[str, str], tolerated: bool) -> None:
    assert taints.tolerates([toleration], [TAINT]) is tolerated


def test_a_preference_of_nodes_excludes_none() -> None:
    preferred = {"maxSkew": 2, "topologyKey": "zone", "whenUnsatisfiable": "ScheduleAnyway"}
    required = {**preferred, "whenUnsatisfiable": "DoNotSchedule"}
    assert fits(scheduling={**OLD["scheduling"], "topologySpreadConstraints": [preferred]})
    assert not fits(scheduling={**OLD["scheduling"], "topologySpreadConstraints": [required]})


@pytest.mark.parametrize(
    "words",
    [
        "0/1 nodes are available: 1 Insufficient cpu.",
        f"0/1 nodes are available: 1 Insufficient {GPU}-shared.",
        f"0/1 nodes are available: 1 Insufficient {GPU}.shared.",
        f"0/2 nodes are available: 1 Insufficient {GPU}, 1 node(s) were unschedulable.",
        f"0/4 nodes are available: 3 Insufficient {GPU}, 1 node(s) had untolerated taint(s) {{karpenter.sh/disrupted: }}.",
        f"0/4 nodes are available: 3 Insufficient {GPU}, 1 node(s) had untolerated taint {{node.kubernetes.io/disk-pressure: }}.",
        f"0/4 nodes are available: 1 node(s) had untolerated taint {{ToBeDeletedByClusterAutoscaler: 1}}, 3 Insufficient {GPU}.",
        f"0/4 nodes are available: 3 Insufficient {GPU}, 1 node(s) had untolerated taint(s).",
        f"0/4 nodes are available: 3 Insufficient {GPU}, 1 node(s) had volume node affinity conflict.",
        f"0/4 nodes are available: 3 Insufficient {GPU}, 1 node(s) exceed max volume count.",
        "",
    ],
)
def test_nor_where_something_else_is_lacking_or_may_be(words: str) -> None:
    assert not fits(words)


def test_a_gated_pod_waits_for_no_room() -> None:
    before, new = pinned(), pinned(engine={"args": ["--seed=1"]})
    pods = (waiting(new, LACKING, "SchedulingGated"), pod(before, "old"))
    assert room.lack(new, (before, new), pods, {}) is None


def test_without_an_earlier_server_there_is_nobody_to_make_room() -> None:
    new = pinned()
    assert room.lack(new, (new,), (waiting(new),), {}) is None


def test_of_an_earlier_server_whose_template_is_not_known_nothing_is_known() -> None:
    before, new = pinned(), pinned(engine={"args": ["--seed=1"]})
    found = room.lack(new, (new,), (waiting(new), pod(before, "old")), {})
    assert found is not None
    assert not found.fits


def test_a_restart_by_kubectl_waits_for_its_own_predecessor() -> None:
    """It is of the same pinned template, and made of another pod template."""
    both = pinned()
    found = room.lack(both, (both,), (waiting(both), pod(both, "old")), {})
    assert found is not None
    assert found.fits


def refused(words: str, new: kinds.Object) -> room.Lack:
    """Return what is lacking where a quota refuses a server of the version `new`."""
    before = pinned()
    said = {"type": "ReplicaFailure", "status": "True", "message": f"exceeded quota: small, {words}"}
    deployment = {"status": {"conditions": [{**said, "lastTransitionTime": SINCE}]}}
    found = room.lack(new, (before, new), (pod(before, "old"),), deployment)
    assert found is not None
    assert found.pod == ""
    return found


@pytest.mark.parametrize(("words", "enough"), [(f"limited: requests.{GPU}=2", True), ("limited: pods=1", False)])
def test_a_quota_of_accelerators_is_room_too(words: str, enough: bool) -> None:
    assert refused(words, pinned(engine={"args": ["--seed=1"]})).fits is enough


def test_a_quota_may_count_limits_that_no_scheduler_reserves() -> None:
    """Else a server is stopped for one that the quota then refuses for its limit of memory."""
    resources = {"limits": {GPU: 2, "memory": "20Gi"}, "requests": {"memory": "16Gi"}}
    assert not refused(f"limited: requests.{GPU}=2", pinned(resources=resources)).fits
    assert fits(resources=resources)


@pytest.mark.parametrize(("also", "enough"), [("", True), (", 1 Insufficient ephemeral-storage", False)])
def test_a_server_that_reserved_no_disk_yet_has_room_where_disk_is_not_lacking(also: str, enough: bool) -> None:
    """An upgrade of the operator is no reason to wait beside a server of an earlier release, which reserved none."""
    before, new = pinned(), pinned(engine={"args": ["--seed=1"]})
    for container in (
        one for kind in ("initContainers", "containers") for one in before["data"]["template"]["spec"][kind]
    ):
        for amounts in container["resources"].values():
            del amounts["ephemeral-storage"]
    words = f"0/1 nodes are available: 1 Insufficient {GPU}{also}."
    found = room.lack(new, (before, new), (waiting(new, words), pod(before, "old")), {})
    assert found is not None
    assert found.fits is enough


def test_a_refusal_of_an_earlier_spec_is_no_reason_for_haste() -> None:
    """A Deployment keeps the time of its first refusal, whatever it refuses later."""
    new = pinned(engine={"args": ["--seed=1"]})
    new["metadata"]["creationTimestamp"] = "2026-01-01T01:00:00Z"
    assert refused(f"limited: requests.{GPU}=2", new).since == api.unix("2026-01-01T01:00:00Z")


def test_containers_that_run_one_after_the_other_share_what_they_reserve() -> None:
    """Those that prepare a server reserve nothing beside it; a sidecar does."""
    revision = pinned(guard={"resources": {"requests": {"cpu": "250m"}}})
    spec = revision["data"]["template"]["spec"]
    fetch = {"name": "fetch", "resources": {"limits": {"cpu": "100m", "ephemeral-storage": "1Gi"}}}
    spec["initContainers"].append(fetch)
    amounts = room.requests(revision)
    assert (amounts["cpu"], amounts[GPU], amounts["memory"]) == (Fraction(1, 4), 2, 16 * 2**30 + 96 * 2**20)
