"""Whatever spec is stored costs the operator little, and ends in children and a status, or in words for the status."""

import json
import time
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as some

from tests import canonical, samples, valid_specs
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
BUDGET_SECONDS = 0.05
"""How long one model may hold up all others."""
PATIENCE = 5
"""How many times slower the machine that tests may be."""
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
def test_what_the_schema_takes_is_understood(spec: Any) -> None:
    made, status = everything(model(valid_specs.stored(spec)))
    assert made
    assert status["observedGeneration"] == 1


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


def test_the_spec_of_the_most_values_holds_up_nobody() -> None:
    body = model({**valid_specs.largest(long=False), "access": {}})
    assert _cheapest(body) < BUDGET_SECONDS * PATIENCE


def test_the_spec_of_the_longest_values_holds_up_nobody() -> None:
    spec = valid_specs.largest(long=True)
    del spec["scheduling"]["affinity"]  # with it, etcd would not take the model
    body = model({**spec, "access": {}})
    assert STORABLE / 2 < len(json.dumps(body)) < STORABLE
    assert _cheapest(body) < BUDGET_SECONDS * PATIENCE


def test_the_most_clients_hold_up_nobody() -> None:
    access = valid_specs.largest(long=True)["access"]
    clients = [{"name": client["name"], "expiresAt": client["expiresAt"]} for client in access["clients"]]
    assert len(clients) == 128
    body = model({"model": {"source": "file:///a/b"}, "access": {**access, "clients": clients}})
    assert _cheapest(body) < BUDGET_SECONDS * PATIENCE


def _cheapest(body: kinds.Object) -> float:
    """Return the least CPU seconds that three looks at a model took."""
    spent = []
    for _ in range(3):
        begun = time.process_time()
        everything(body)
        spent.append(time.process_time() - begun)
    return min(spent)


def test_the_schema_bounds_how_many_values_a_spec_has() -> None:
    assert sum(1 for _ in _places(valid_specs.largest(long=False))) < 40_000


@pytest.mark.parametrize("quantity", ["1e800000", "1e-800000", "1E+999999999", "9" * 32, 10**4000])
def test_no_quantity_is_computed_that_is_larger_than_any_machine(quantity: int | str) -> None:
    spec = {"model": {"source": "file:///a/b"}, "resources": {"limits": {"cpu": quantity}}}
    begun = time.process_time()
    words = refusal(model(spec))
    assert time.process_time() - begun < BUDGET_SECONDS * PATIENCE
    assert not words or words.startswith("spec.resources.limits.cpu: ")
