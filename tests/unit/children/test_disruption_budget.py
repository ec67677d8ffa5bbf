"""A drain takes one of several servers at a time, and is held up neither by the last one nor by one that does not answer."""

import pytest

from tests.golden import render
from vllm_operator import api, children
from vllm_operator.children import disruption_budget, pod
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "uid")


def spec(replicas: int) -> api.Spec:
    return api.parse({"model": {"source": "file:///models/opt"}, "replicas": replicas})


def budget(replicas: int) -> kinds.Object:
    found = disruption_budget.disruption_budget(OWNER, spec(replicas))
    assert found is not None
    return dict(found["spec"])


@pytest.mark.parametrize("replicas", [2, 1000])
def test_of_several_servers_one_at_a_time_may_be_evicted(replicas: int) -> None:
    assert budget(replicas)["maxUnavailable"] == 1


@pytest.mark.parametrize("replicas", [0, 1])
def test_the_only_server_holds_up_no_drain(replicas: int) -> None:
    assert disruption_budget.disruption_budget(OWNER, spec(replicas)) is None


def test_a_server_that_does_not_answer_may_always_be_evicted() -> None:
    assert budget(2)["unhealthyPodEvictionPolicy"] == "AlwaysAllow"


def test_the_budget_is_that_of_the_servers_and_of_no_other_pod() -> None:
    """A pod whose controller does not scale, such as a Job's, would make the budget forbid every eviction."""
    selected = budget(2)["selector"]["matchLabels"].items()
    labels = pod.template(OWNER, spec(2), render.SETTINGS)["metadata"]["labels"]
    assert selected <= labels.items()
    assert not selected <= {**labels, **naming.labels("vllm11", "weights")}.items()
    assert not selected <= {**labels, **naming.labels("other", "server")}.items()


def test_a_model_that_is_scaled_down_loses_its_budget() -> None:
    plan = render.decided(OWNER, spec(1))
    stale = disruption_budget.disruption_budget(OWNER, spec(2))
    assert stale is not None
    assert children.unwanted(plan, [stale]) == (stale,)
