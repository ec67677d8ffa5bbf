"""What a server is made of is kept while there is such a server, however often the spec changes meanwhile."""

from typing import Any

from tests import observations, samples
from tests.golden import render
from tests.unit.children.test_template import OLD, OWNER, SPEC
from vllm_operator import api, children
from vllm_operator.children import template
from vllm_operator.kube import kinds, naming

ROLLING = observations.rolled_out(2, updatedReplicas=1)


def version(number: int) -> api.Spec:
    return SPEC.model_copy(update={"engine": api.Engine(args=(f"--max-num-seqs={number}",))})


def pinned(number: int) -> kinds.Object:
    """Return the ControllerRevision of that version, as the API server keeps it."""
    made = template.revision(OWNER, version(number), OLD, ())
    named = {"name": f"vllm11.template.{number}", "creationTimestamp": f"2026-01-01T00:00:{number:02}Z"}
    return {**made, "metadata": {**made["metadata"], **named}}


def server(number: int) -> kinds.Object:
    """Return a pod of that version."""
    found = samples.pod(OWNER, 1)
    marks = {naming.INPUTS_ANNOTATION: template.mark(pinned(number)["data"]["template"])}
    return {**found, "metadata": {**found["metadata"], "name": f"of-{number}", "annotations": marks}}


def deployment(number: int, **status: Any) -> kinds.Object:
    """Return the Deployment at that version."""
    found = next(one for one in render.decided(OWNER, version(number), OLD, pinned(number)).server)
    return {**found, "status": status}


def pruned(newest: int, *others: kinds.Object, asked: int) -> list[str]:
    """Return the revisions that go, of versions 1 to `newest`, where the spec asks for version `asked`."""
    revisions = [pinned(number) for number in range(1, newest + 1)]
    plan = render.decided(OWNER, version(asked), OLD, *revisions)
    unwanted = children.unwanted(plan, [*revisions, *others])
    return [one["metadata"]["name"].rpartition(".")[2] for one in unwanted if one["kind"] == "ControllerRevision"]


def test_after_two_quick_changes_the_version_that_still_serves_is_kept() -> None:
    assert "1" not in pruned(3, server(1), deployment(2, **ROLLING), asked=3)


def test_a_server_that_is_being_stopped_counts_until_it_is_gone() -> None:
    ending = server(1)
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T01:00:00Z"
    over = deployment(5, **observations.rolled_out())
    assert pruned(5, ending, over, asked=5) == ["2", "3", "4"]
    assert pruned(5, over, asked=5) == ["1", "2", "3"]


def test_while_a_rollout_goes_on_versions_without_a_pod_of_the_moment_are_kept_and_not_without_end() -> None:
    """The pod of an earlier ReplicaSet may have been deleted this second, and be made again."""
    assert pruned(3, deployment(3, **ROLLING), asked=3) == []
    assert len(pruned(9, deployment(9, **ROLLING), asked=9)) == 8 - template.HISTORY


def test_pods_of_an_earlier_release_without_a_mark_keep_what_has_none() -> None:
    unmarked = pinned(1)
    del unmarked["data"]["template"]["metadata"]["annotations"]
    pod = server(1)
    del pod["metadata"]["annotations"]
    inputs = template.inputs_of(pinned(9))
    found = template.spared([unmarked, pinned(2)], inputs, pods=[pod])
    assert found == {kinds.ref(unmarked)}
