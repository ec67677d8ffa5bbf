"""Whatever spec is stored costs the operator little, and ends in children and a status, or in words for the status."""

import json
import sys
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as some

from tests import canonical, cpu, samples, valid_specs
from vllm_operator import api, children, config, keys
from vllm_operator.kube import diff, kinds, naming
from vllm_operator.kube.conditions import ConditionValue
from vllm_operator.render import manifest, objects
from vllm_operator.status import observed, summary

ALL = ("*",)
ALLOW = config.Allow(
    service_accounts=ALL, pod_labels=ALL, pod_annotations=ALL, ingress_annotations=ALL, service_annotations=ALL,
    cluster_issuers=ALL,
)  # fmt: skip
SETTINGS = config.Config(domain="models.example", engine_images={"cpu": "registry.example/vllm-cpu:1"}, allow=ALLOW)
NOW = "2027-01-01T00:00:00Z"
USUAL = {
    "model": {"source": "hf://a/bbbb"}, "resources": {"limits": {"cpu": "1", "memory": "8Gi"}},
    "access": {"clients": [{"name": "a"}, {"name": "b"}]},
}  # fmt: skip
"""A look at it takes 1.3 to 2.5 ms of CPU, and 5,100 calls of Python's functions."""
MOST_CALLS, MOST_CPU = 25, 80
"""How many times as much as a look at USUAL one at any other spec may cost. The largest cost 20 times the calls and,
in about 50 ms, 17 to 40 times the CPU."""
STORABLE = 1.5 * 2**20
"""The most bytes that etcd takes in one object."""
HOSTILE = (
    "1e800000", "1e-800000", "1e+999999999", "9" * 31, ".", "-0", "٣", "1\n", "", "\x00", "a" * 5000, "[" * 5000, "9" * 5000,
    "2027-01-31T12:00:00+24:00", "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2027-01-31T12:00:60Z",
    "2027-01-31T12:00:00." + "0" * 5000 + "Z", "hf://a/bbbb", "file://", "oci://@", "s3://" + "a" * 20,
    "--max-num-seqs=" + "9" * 999, 2**63, -(2**70), 1e308, -0.5, True, None, [], {}, [None], {"": ""},
    {"a" * 5000: "1e800000"},
)  # fmt: skip
FEW = 50
"""How many examples `make check` tries."""
MOST = min(300, hypothesis.settings().max_examples)
SPECS = hypothesis.settings(max_examples=MOST, suppress_health_check=list(hypothesis.HealthCheck))
"""Specs are large, and slow to make up."""
THOUSAND = hypothesis.settings(SPECS, max_examples=1000 if hypothesis.settings().max_examples > FEW else FEW)


def model(spec: Any) -> kinds.Object:
    made = samples.model()
    return {**made, "metadata": {**made["metadata"], "uid": "u", "generation": 1}, "spec": spec}


def everything(body: kinds.Object) -> tuple[list[kinds.Object], kinds.Object]:
    """Return the children and the status of a model: all that the operator makes of it without asking anybody."""
    spec, owner = api.parse(body["spec"]), naming.owner(body)
    missing = ConditionValue("False", "ClientKeyNotFound", "")
    brought = {client.name: missing for client in keys.clients(spec.access) if client.key_secret_ref}
    letters = iter(range(1000))
    seen = keys.Observed(stored={}, applied={}, brought=brought)
    decided = keys.decide(spec.access, seen, api.unix(NOW), lambda: f"sk-{next(letters):043d}")
    plan = children.plan(children.Inputs(owner, spec, SETTINGS, children.serving(owner, spec, SETTINGS)))
    secrets = (*children.client_secrets(plan, decided.issued), children.guard_secret(plan, decided.issued, 0))
    made = [*secrets, *plan.first, *plan.server]
    for child in made:
        diff.digest(child)
        assert diff.patch(child, child) == []
    world = observed.ObservedState(body, {kinds.ref(child): child for child in made})
    return made, summary.status(world, plan, NOW)


def refusal(body: kinds.Object) -> str:
    """Return in words why a model's spec is not understood; nothing where it is."""
    try:
        everything(body)
    except api.SpecNotUnderstood as error:
        return str(error)
    return ""


@SPECS
@hypothesis.given(valid_specs.specs())
def test_what_the_schema_takes_is_understood_at_a_cost_that_is_bounded(spec: Any) -> None:
    body = model(valid_specs.stored(spec))
    calls, (made, status) = _calls(body)
    assert made
    assert status["observedGeneration"] == 1
    assert calls < MOST_CALLS * _calls(model(USUAL))[0]


@SPECS
@hypothesis.given(valid_specs.specs(), some.data())
def test_what_an_older_schema_took_is_understood_or_said_in_words(spec: Any, data: some.DataObject) -> None:
    spec = valid_specs.stored(spec)
    around, name = data.draw(some.sampled_from(list(_places(spec))))
    around[name] = hostile = data.draw(some.sampled_from(HOSTILE))
    words = refusal(model(spec))
    assert not words or words.startswith("spec")
    assert len(words) < 500
    assert not isinstance(hostile, str) or len(hostile) < 5 or hostile not in words


@THOUSAND
@hypothesis.given(valid_specs.specs(), some.integers(0, 1000))
def test_what_becomes_of_a_spec_is_canonical_and_replicas_change_nothing_else(spec: Any, replicas: int) -> None:
    spec = {**valid_specs.stored(spec), "paused": False}
    before, after = _children(spec), _children({**spec, "replicas": replicas})
    assert {ref: canonical.lossy(child) for ref, child in before.items() if canonical.lossy(child)} == {}
    changed = {ref.kind for ref in before.keys() ^ after.keys()}
    assert changed <= {kinds.POD_DISRUPTION_BUDGET.kind}
    assert [ref for ref in before.keys() & after.keys() if _unscaled(before[ref]) != _unscaled(after[ref])] == []


def _children(spec: Any) -> dict[kinds.Ref, kinds.Object]:
    """Return what is written of a spec, by reference."""
    read = manifest.Model(naming.Owner("models", "vllm11", "u"), api.parse(spec), "")
    return {kinds.ref(one): one for one in objects.rendered(read, SETTINGS).objects}


def _unscaled(child: kinds.Object) -> kinds.Object:
    """Return a child without its number of replicas."""
    if child["kind"] != kinds.DEPLOYMENT.kind:
        return child
    return {**child, "spec": {name: value for name, value in child["spec"].items() if name != "replicas"}}


def _places(spec: Any) -> Any:
    """Yield each place of a spec that can hold another value: what is around it and its name or number there."""
    for name, value in spec.items() if isinstance(spec, dict) else enumerate(spec):
        yield spec, name
        if isinstance(value, dict | list):
            yield from _places(value)


def _storable(*, long: bool) -> Any:
    spec = valid_specs.largest(long=long)
    if long:
        del spec["scheduling"]["affinity"]  # with it, etcd would not take the model
    return spec


LARGEST = {"the most values": _storable(long=False), "the longest values": _storable(long=True)}


@pytest.mark.parametrize("spec", LARGEST.values(), ids=LARGEST)
def test_the_largest_spec_costs_no_more_than_some_usual_ones(spec: Any) -> None:
    body, usual = model(spec), model(USUAL)
    assert len(spec["access"]["clients"]) == 128
    assert len(json.dumps(body)) < STORABLE
    assert cpu.least(refusal, body) < MOST_CPU * cpu.least(
        refusal, usual
    )  # first, for the first look at a spec compiles patterns
    assert _calls(body)[0] < MOST_CALLS * _calls(usual)[0]


def test_the_longest_spec_is_about_as_long_as_may_be_stored() -> None:
    assert len(json.dumps(model(LARGEST["the longest values"]))) > STORABLE / 2


def _calls(body: kinds.Object) -> tuple[int, tuple[list[kinds.Object], kinds.Object]]:
    """Return how many functions were called by a look at a model, of Python's own too, and what came of it."""
    calls = 0

    def count(_frame: object, event: str, _about: object) -> None:
        nonlocal calls
        calls += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        found = everything(body)
    finally:
        sys.setprofile(before)
    return calls, found


def test_the_schema_bounds_how_many_values_a_spec_has() -> None:
    assert sum(1 for _ in _places(valid_specs.largest(long=False))) < 40_000


@pytest.mark.parametrize("quantity", ["1e800000", "1e-800000", "1E+999999999", "9" * 32, 10**4000])
def test_no_quantity_is_computed_that_is_larger_than_any_machine(quantity: int | str) -> None:
    spec = {"model": {"source": "file:///a/b"}, "resources": {"limits": {"cpu": quantity}}}
    words = refusal(model(spec))
    assert cpu.least(refusal, model(spec)) < MOST_CPU * cpu.least(refusal, model(USUAL))
    assert not words or words.startswith("spec.resources.limits.cpu: ")
