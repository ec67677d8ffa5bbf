"""What we want and what is there are compared by what we own, and by nothing else."""

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import api_objects, samples
from vllm_operator.kube import diff, errors, kinds, naming, projection

OWNER = naming.Owner("models", "vllm11", "uid-1")
JSON = st.recursive(
    st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=10,
)


def deployment(**container: Any) -> kinds.Object:
    made = samples.deployment(OWNER)
    made["spec"]["template"]["spec"]["containers"][0] |= container
    return made


def differs(wanted: kinds.Object, live: kinds.Object) -> str | None:
    """Return where the first change of a patch is; None where nothing has to be written."""
    return next((one["path"] for one in diff.patch(wanted, live) if one["op"] != "test"), None)


class TestDiffers:
    def test_what_was_sent_does_not_differ_from_itself(self) -> None:
        assert differs(deployment(), deployment()) is None

    def test_a_listener_that_a_route_no_longer_names_is_taken_out(self) -> None:
        parent = {"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "edge"}
        wanted, live = (
            naming.child(kinds.HTTP_ROUTE, OWNER, "a", "edge", spec={"parentRefs": [one]})
            for one in (parent, {**parent, "sectionName": "https"})
        )
        assert differs(wanted, live) == "/spec/parentRefs"
        assert differs(live, live) is None

    def test_the_servers_defaults_and_what_others_add_are_not_compared(self) -> None:
        live = deployment(terminationMessagePath="/dev/termination-log")
        live["spec"]["progressDeadlineSeconds"] = 600
        live["metadata"]["annotations"] = {"deployment.kubernetes.io/revision": "1"}
        live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "injected"})
        assert differs(deployment(), live) is None

    @pytest.mark.parametrize(
        ("path", "value"),
        [
            ("/spec/template/spec/containers/0/image", "evil"),
            ("/metadata/labels/serving.byteshop.in~1owner", "nobody"),
            ("/metadata/ownerReferences/0/controller", False),
            ("/spec/replicas", 2),
        ],
    )
    def test_a_changed_or_missing_field_is_named(self, path: str, value: Any) -> None:
        for change in ({"op": "replace", "path": path, "value": value}, {"op": "remove", "path": path}):
            live = api_objects.patched(deployment(), [change])
            assert differs(deployment(), live) == path

    def test_a_selector_is_one_value(self) -> None:
        live = samples.service(OWNER)
        live["spec"]["selector"]["app"] = "other"
        assert differs(samples.service(OWNER), live) == "/spec/selector"

    def test_a_missing_item_of_a_keyed_list_is_named(self) -> None:
        wanted = deployment(env=[{"name": "A", "value": "1"}, {"name": "B", "value": "2"}])
        live = deployment(env=[{"name": "B", "value": "2"}])
        assert differs(wanted, live) == "/spec/template/spec/containers/0/env/-"

    @pytest.mark.parametrize(
        ("field", "ours", "theirs"),
        [
            ("env", {"name": "A", "value": "1"}, {"name": "X", "value": "9"}),
            ("ports", {"containerPort": 80, "protocol": "TCP"}, {"containerPort": 80, "protocol": "UDP"}),
            ("volumeMounts", {"name": "v", "mountPath": "/a"}, {"name": "v", "mountPath": "/b"}),
        ],
    )
    def test_a_strangers_item_and_another_order_are_left_alone(self, field: str, ours: Any, theirs: Any) -> None:
        assert differs(deployment(**{field: [ours]}), deployment(**{field: [theirs, ours]})) is None

    @pytest.mark.parametrize(("wanted", "live"), [(["a"], ["a", "b"]), (["a", "b"], ["b", "a"]), (["a"], [])])
    def test_other_lists_are_one_value(self, wanted: list[str], live: list[str]) -> None:
        path = "/spec/template/spec/containers/0/args"
        found = differs(deployment(args=wanted), deployment(args=live))
        assert found is not None
        assert found.startswith(path)

    def test_ports_of_a_service_have_a_key_and_those_of_a_network_policy_have_none(self) -> None:
        ours, theirs = {"port": 80, "protocol": "TCP"}, {"port": 81, "protocol": "TCP"}
        service, policy = {"spec": {"ports": [ours]}}, {"spec": {"ingress": [{"ports": [ours]}]}}
        assert differs(service, {"spec": {"ports": [theirs, ours]}}) is None
        assert differs(policy, {"spec": {"ingress": [{"ports": [ours, theirs]}]}}) == "/spec/ingress"

    def test_a_port_without_a_protocol_is_one_of_tcp(self) -> None:
        live = {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}
        assert differs({"spec": {"ports": [{"port": 80}]}}, live) is None

    def test_true_is_not_one(self) -> None:
        assert differs({"a": True}, {"a": 1}) == "/a"

    @given(JSON)
    def test_everything_equals_itself(self, value: Any) -> None:
        assert differs({"data": value}, {"data": copy.deepcopy(value), "more": 1}) is None


class TestPatch:
    """A patch brings what is wanted into a live object, and takes away what was ours before."""

    @given(JSON, JSON)
    def test_what_is_patched_differs_no_more(self, wanted: Any, live: Any) -> None:
        before = {"data": live, "more": 1}
        after = api_objects.patched(before, diff.patch({"data": wanted}, before))
        assert diff.patch({"data": wanted}, after) == []
        assert after["more"] == 1

    def test_an_item_that_moved_meanwhile_makes_a_conflict(self) -> None:
        live = deployment()
        operations = diff.patch(deployment(image="new"), live)
        live["spec"]["template"]["spec"]["containers"].insert(0, {"name": "injected"})
        with pytest.raises(errors.Conflict):
            api_objects.patched(live, operations)

    def test_lists_are_written_whole_where_that_is_asked_for(self) -> None:
        live = samples.service(OWNER)
        live["spec"]["ports"] = [{"name": "http", "port": 81, "protocol": "TCP"}]
        operations = diff.patch(samples.service(OWNER), live, whole=True)
        assert api_objects.patched(live, operations)["spec"]["ports"] == samples.service(OWNER)["spec"]["ports"]

    def test_a_digest_stands_for_the_value_that_it_was_made_of(self) -> None:
        wanted = samples.secret(OWNER, a="QUFB" * 1000)
        live = {**wanted, "data": {"a": projection.entry("QUFB" * 1000)}}
        assert diff.patch(wanted, live) == []
        other = {**wanted, "data": {"a": "QUFC" * 1000}}
        assert diff.patch(other, live) == [{"op": "replace", "path": "/data/a", "value": "QUFC" * 1000}]


class TestDigest:
    @given(st.dictionaries(st.text(max_size=5), JSON, min_size=2, max_size=5))
    def test_order_does_not_matter(self, obj: dict[str, Any]) -> None:
        assert diff.digest(obj) == diff.digest(dict(reversed(obj.items())))

    def test_a_removed_field_shows(self) -> None:
        more = deployment(env=[{"name": "A", "value": "1"}])
        assert differs(deployment(), more) is None
        assert diff.digest(deployment()) != diff.digest(more)


class TestImmutable:
    @pytest.mark.parametrize(
        ("wanted", "live", "path"),
        [
            (samples.revision(OWNER, a=1), samples.revision(OWNER, a=2), "data"),
            (samples.service(OWNER), samples.service(OWNER, clusterIP="None"), "spec.clusterIP"),
            (samples.service(OWNER, clusterIP="None"), samples.service(OWNER, clusterIP="10.0.0.1"), "spec.clusterIP"),
            (samples.service(OWNER), samples.service(OWNER, clusterIP="10.0.0.1"), None),
            (samples.secret(OWNER), {**samples.secret(OWNER), "type": "other"}, "type"),
            (samples.secret(OWNER), {**samples.secret(OWNER, a="Qg=="), "immutable": True}, "immutable"),
            (samples.secret(OWNER), samples.secret(OWNER, a="Qg=="), None),
            (samples.deployment(OWNER), samples.deployment(OWNER, image="other"), None),
        ],
    )
    def test_what_no_update_can_change_is_told(
        self, wanted: kinds.Object, live: kinds.Object, path: str | None
    ) -> None:
        assert diff.immutable(wanted, live) == path

    def test_a_deployments_selector_cannot_change(self) -> None:
        live = deployment()
        live["spec"]["selector"] = {"matchLabels": {"app": "other"}}
        assert diff.immutable(deployment(), live) == "spec.selector"
