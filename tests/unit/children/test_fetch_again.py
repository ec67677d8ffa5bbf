"""When weights are fetched again, and what of a claim, a Job or a server stays as it is."""

import pytest

from tests.golden import render
from tests.unit.children.test_fetch import (
    BEGAN,
    COMPLETE,
    LATER,
    OWNER,
    decided,
    job,
    made,
    of,
    spec,
    written,
)
from vllm_operator import children
from vllm_operator.children import fetch, fetching, quantity
from vllm_operator.kube import diff, kinds, naming

CLAIM = written(decided(spec()), "PersistentVolumeClaim")
TOKEN = {"credentialsSecretRef": {"name": "hub"}}


def test_a_job_for_other_weights_is_made_anew() -> None:
    old, new = job(spec()), job(spec({"source": "hf://meta/llama@v2"}))
    assert diff.immutable(new, old) == "spec.template"


def test_a_job_that_fails_is_made_anew_with_the_token_that_it_lacked() -> None:
    found = of(decided(spec(TOKEN), job(spec()), made(CLAIM)), "Job")
    assert found is not None
    assert diff.immutable(found, job(spec())) == "spec.template"


def test_a_job_that_has_fetched_is_left_whatever_a_newer_operator_would_make_of_it() -> None:
    changed = render.SETTINGS.model_copy(update={"fetch_image": "newer"})
    for live, is_left in ((job(spec(), **COMPLETE), True), (job(spec()), False)):
        found = fetching.fetching(OWNER, spec(), changed, "", fetch.Known(job=live))
        assert found is not None
        assert (found.job is None) is is_left


def test_weights_whose_claim_was_made_anew_are_fetched_again_by_another_job() -> None:
    done = job(spec(), **COMPLETE)
    assert of(decided(spec(), done, made(CLAIM)), "Job") is None
    again = of(decided(spec(), done, made(CLAIM, LATER)), "Job")
    assert again is not None
    assert diff.immutable(again, done) == "spec.template"
    assert of(decided(spec(), made(again, LATER, **COMPLETE), made(CLAIM, LATER)), "Job") is None


def test_weights_of_servers_whose_claim_was_made_anew_are_fetched_again_and_the_servers_stay() -> None:
    revision = made(written(decided(spec(), job(spec(), **COMPLETE)), "ControllerRevision"))
    assert of(decided(spec(), revision, made(CLAIM)), "Job") is None
    found = decided(spec(), revision, made(CLAIM, LATER))
    assert of(found, "Job") is not None
    assert written(found, "Deployment")["spec"]["template"] == revision["data"]["template"]


def test_another_claim_is_filled_before_servers_use_it() -> None:
    before, after = ({"cache": {"existingClaim": name}} for name in ("x", "y"))
    found = decided(spec(after), job(spec(before), **COMPLETE))
    assert of(found, "Job") is not None
    assert of(found, "Deployment") is None


BROUGHT = {"cache": {"existingClaim": "shared"}}


def brought(at: str) -> kinds.Object:
    """Return somebody's claim as the API server keeps it."""
    kind = kinds.PERSISTENT_VOLUME_CLAIM
    metadata = {"name": "shared", "namespace": OWNER.namespace}
    return made({"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}, at)


def test_a_claim_of_somebodys_that_was_made_anew_is_filled_again_by_another_job() -> None:
    filled = made(written(decided(spec(BROUGHT), brought(BEGAN)), "Job"), LATER, **COMPLETE)
    assert of(decided(spec(BROUGHT), filled, brought(BEGAN)), "Job") is None
    assert of(decided(spec(BROUGHT), filled, brought(BEGAN)), "Deployment") is not None
    found = decided(spec(BROUGHT), filled, brought(LATER))
    assert diff.immutable(written(found, "Job"), filled) == "spec.template"
    assert of(found, "Deployment") is None


def test_a_claim_of_somebodys_that_is_not_there_or_cannot_be_read_costs_no_job() -> None:
    filled = made(written(decided(spec(BROUGHT), brought(BEGAN)), "Job"), **COMPLETE)
    assert of(decided(spec(BROUGHT), filled), "Job") is None
    working = made(written(decided(spec(BROUGHT), brought(BEGAN)), "Job"))
    assert of(decided(spec(BROUGHT), working), "Job") is None


def test_servers_of_a_claim_of_somebodys_that_was_made_anew_stay_while_it_is_filled_and_it_is_named() -> None:
    filled = made(written(decided(spec(BROUGHT), brought(BEGAN)), "Job"), **COMPLETE)
    revision = made(written(decided(spec(BROUGHT), filled, brought(BEGAN)), "ControllerRevision"))
    assert of(decided(spec(BROUGHT), revision, brought(BEGAN)), "Job") is None
    found = decided(spec(BROUGHT), filled, revision, brought(LATER))
    assert of(found, "Job") is not None
    assert found.fetching is not None
    assert found.fetching.emptied == "shared"
    assert written(found, "Deployment")["spec"]["template"] == revision["data"]["template"]


def test_a_claim_of_somebodys_that_was_made_anew_in_the_same_minute_is_known_by_its_uid_until_it_is_filled() -> None:
    soon = "2026-01-01T00:00:05Z"
    filled = made(written(decided(spec(BROUGHT), brought(BEGAN)), "Job"), **COMPLETE)
    revision = made(written(decided(spec(BROUGHT), filled, brought(BEGAN)), "ControllerRevision"))
    again = written(decided(spec(BROUGHT), filled, revision, brought(soon)), "Job")
    for status, is_whole in (({}, False), (COMPLETE, True)):
        found = decided(spec(BROUGHT), made(again, soon, **status), revision, brought(soon))
        assert found.fetching is not None
        assert found.fetching.is_whole is is_whole
        assert of(found, "Job") is None


@pytest.mark.parametrize(
    ("cache", "remedy"),
    [({"size": "40Gi"}, "spec.model.cache.size"), ({"existingClaim": "shared"}, "shared"), (None, "spec.model.cache")],
)
def test_a_volume_that_is_full_is_enlarged_where_it_was_asked_for(cache: object, remedy: str) -> None:
    container = fetch.container(spec({"cache": cache}), render.SETTINGS, ())
    [said] = [one["value"] for one in container["env"] if one["name"] == "FETCH_ENLARGE"]
    assert remedy in said
    assert ("cache.size" in said) is (remedy == "spec.model.cache.size")


def test_a_deployment_whose_revision_is_gone_is_not_taken_away_while_weights_are_fetched() -> None:
    server = made(written(decided(spec(), job(spec(), **COMPLETE)), "Deployment"))
    waiting = decided(spec({"source": "hf://meta/llama@v2"}), job(spec(), **COMPLETE))
    assert of(waiting, "Deployment") is None
    assert children.unwanted(waiting, [server]) == ()


@pytest.mark.parametrize(
    ("live", "wanted", "kept"), [("20Gi", "10Gi", "20Gi"), ("10Gi", "20Gi", "20Gi"), ("?", "1Gi", "1Gi")]
)
def test_a_claim_that_somebody_enlarged_is_not_shrunk(live: str, wanted: str, kept: str) -> None:
    there = made(CLAIM)
    there = {
        **there,
        "spec": {
            "resources": {"requests": {"storage": live}},
            "accessModes": ["ReadWriteMany"],
            "storageClassName": "s",
        },
    }
    asked = {"cache": {"size": wanted, "storageClassName": "other"}}
    found = written(decided(spec(asked), there), "PersistentVolumeClaim")["spec"]
    assert found["resources"]["requests"]["storage"] == kept
    assert (found["accessModes"], found["storageClassName"]) == (["ReadWriteMany"], "s")


def test_quantities_are_compared_by_what_they_stand_for() -> None:
    assert quantity.larger("1500M", "1Gi") == "1500M"
    assert quantity.larger("1Gi", "2G") == "2G"


def test_the_label_of_a_retained_claim_means_nothing_on_other_kinds() -> None:
    stray = naming.child(kinds.INGRESS, OWNER, "stray", "server", spec={})
    stray["metadata"]["labels"][naming.RETAINED_LABEL] = OWNER.name
    assert children.unwanted(decided(spec({"cache": None})), [made(stray, BEGAN)]) == (made(stray, BEGAN),)
