"""Weights that lie elsewhere: a Job without accelerators fills a claim before a server is made, or a server fetches its own."""

import json
from typing import Any

import pytest

from tests.golden import render
from vllm_operator import api, children
from vllm_operator.children import fetch, rollout, rollout_record, wanted
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "llama", "u")
HUB = {"source": "hf://meta/llama@v1"}
CACHE = {"size": "40Gi"}
GPU = {"limits": {"nvidia.com/gpu": 1}}
BEGAN, LATER = "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z"
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}


def spec(model: dict[str, Any] | None = None, **other: Any) -> api.Spec:
    return api.Spec.model_validate({"model": {**HUB, "cache": CACHE, **(model or {})}, "resources": GPU, **other})


def decided(wanted: api.Spec, *live: kinds.Object, asked: str = "", verified: str = "") -> children.Plan:
    """Return what is decided of a model of which `live` is there; `verified`: the inputs of its last verified template."""
    by_kind = {
        kind: [one for one in live if one["kind"] == kind]
        for kind in ("ControllerRevision", "Job", "PersistentVolumeClaim")
    }
    revisions = tuple(by_kind["ControllerRevision"])
    inputs = children.Inputs(
        OWNER, wanted, render.SETTINGS, children.serving(OWNER, wanted, render.SETTINGS), revisions,
        at_work=str(revisions[0]["data"]["inputs"]) if revisions else "", asked=asked,
        job=next(iter(by_kind["Job"]), None), claim=next(iter(by_kind["PersistentVolumeClaim"]), None),
        live=rollout.Live(remembering(rollout_record.Record(verified=verified)) if verified else None),
    )  # fmt: skip
    return children.plan(inputs)


def remembering(record: rollout_record.Record) -> kinds.Object:
    """Return a Deployment that remembers this of its rollout."""
    return {"metadata": {"annotations": {naming.ROLLOUT_ANNOTATION: rollout_record.written(record)}}}


def made(one: kinds.Object, at: str = BEGAN, **status: Any) -> kinds.Object:
    """Return the object as the API server keeps it."""
    metadata = {**one["metadata"], "creationTimestamp": at, "uid": f"{one['kind']} of {at}"}
    return {**one, "metadata": metadata, **({"status": status} if status else {})}


def of(found: children.Plan, kind: str) -> kinds.Object | None:
    return next((one for one in (*found.first, *found.server) if one["kind"] == kind), None)


def written(found: children.Plan, kind: str) -> kinds.Object:
    one = of(found, kind)
    assert one is not None
    return one


def job(wanted: api.Spec, **status: Any) -> kinds.Object:
    return made(written(decided(wanted), "Job"), **status)


def template(found: children.Plan) -> kinds.Object:
    body: kinds.Object = written(found, "Deployment")["spec"]["template"]["spec"]
    return body


def test_no_server_is_made_before_its_weights_are_there() -> None:
    begun = decided(spec())
    assert of(begun, "Deployment") is of(begun, "ControllerRevision") is None
    assert written(begun, "PersistentVolumeClaim")["spec"]["resources"] == {"requests": {"storage": "40Gi"}}
    running = decided(spec(), job(spec()))
    assert of(running, "Deployment") is of(running, "Job") is None
    whole = decided(spec(), job(spec(), **COMPLETE))
    assert written(whole, "Deployment")["spec"]["replicas"] == 1


def test_the_job_holds_no_accelerator_and_is_no_server() -> None:
    pod = written(decided(spec()), "Job")["spec"]["template"]
    text = json.dumps(pod)
    assert "nvidia.com/gpu" not in text
    assert naming.MODEL_LABEL not in pod["metadata"]["labels"]
    assert pod["spec"]["automountServiceAccountToken"] is False


def test_the_engine_finds_what_the_job_fetched() -> None:
    whole = decided(spec(), job(spec(), **COMPLETE))
    into = json.loads(variables(job(spec())["spec"]["template"]["spec"])["FETCH_SOURCES"])[0]["into"]
    engine = template(whole)["containers"][0]
    mounts = {mount["mountPath"]: mount for mount in engine["volumeMounts"]}
    weights = mounts["/models/meta/llama"]
    assert into == f"{fetch.MOUNT}/{weights['subPath']}"
    assert weights["readOnly"] is True
    assert (engine["workingDir"], engine["args"][0]) == ("/models", "meta/llama")


def test_compiled_code_lies_on_the_claim_apart_for_each_image_and_option() -> None:
    places = set()
    engines = ({"args": ["--dtype=half"]}, {"image": "vllm/vllm-openai:other"})
    for changed in ({}, *({"engine": engine} for engine in engines), {"resources": {}}):
        found = template(decided(spec(**changed), job(spec(**changed), **COMPLETE)))["containers"][0]
        [mount] = [one for one in found["volumeMounts"] if one.get("subPath", "").startswith("compiled/")]
        assert "readOnly" not in mount
        places.add(mount["subPath"])
    assert len(places) == 4


def variables(pod: kinds.Object) -> dict[str, str]:
    return {one["name"]: one.get("value", "") for one in pod["containers"][0]["env"]}


def test_the_token_is_seen_by_what_fetches_alone() -> None:
    wanted = spec({"credentialsSecretRef": {"name": "hub"}})
    engine = template(decided(wanted, job(wanted, **COMPLETE)))
    assert "hub" not in json.dumps(engine["containers"])
    token = next(
        one for one in job(wanted)["spec"]["template"]["spec"]["containers"][0]["env"] if one["name"] == "HF_TOKEN"
    )
    assert token["valueFrom"] == {"secretKeyRef": {"key": "HF_TOKEN", "name": "hub", "optional": True}}


@pytest.mark.parametrize(
    ("source", "names"), [("s3://bucket/a", fetch.CREDENTIALS["s3"]), ("gs://bucket/a", fetch.CREDENTIALS["gs"])]
)
def test_a_source_gets_the_entries_of_its_scheme(source: str, names: tuple[str, ...]) -> None:
    wanted = spec({"source": source, "credentialsSecretRef": {"name": "keys"}})
    found = job(wanted)["spec"]["template"]["spec"]["containers"][0]["env"]
    assert tuple(one["name"] for one in found if "valueFrom" in one) == names


def test_without_a_cache_each_server_fetches_its_weights_before_its_engine() -> None:
    found = decided(spec({"cache": None}))
    assert of(found, "Job") is of(found, "PersistentVolumeClaim") is None
    pod = template(found)
    assert [one["name"] for one in pod["initContainers"]] == ["guard", "fetch"]
    assert {"name": "weights", "emptyDir": {"sizeLimit": "2Ti"}} in pod["volumes"]


def test_old_servers_stay_while_a_new_revision_is_fetched() -> None:
    old, new = spec(), spec({"source": "hf://meta/llama@v2"}, replicas=3)
    revision = made(written(decided(old, job(old, **COMPLETE)), "ControllerRevision"))
    waiting = decided(new, revision, job(old, **COMPLETE))
    deployment = written(waiting, "Deployment")
    assert deployment["spec"]["template"] == revision["data"]["template"]
    assert deployment["spec"]["replicas"] == 3
    assert written(waiting, "Job")["metadata"]["annotations"] != job(old)["metadata"]["annotations"]
    rolled = decided(new, revision, job(new, **COMPLETE))
    assert written(rolled, "Deployment")["spec"]["template"] != revision["data"]["template"]


def test_a_job_that_somebody_deleted_is_not_missed_by_servers_that_run() -> None:
    revision = made(written(decided(spec(), job(spec(), **COMPLETE)), "ControllerRevision"))
    found = decided(spec(), revision)
    assert of(found, "Job") is None
    assert written(found, "Deployment")["spec"]["template"] == revision["data"]["template"]


def test_what_may_bring_other_bytes_is_fetched_anew_and_nothing_else_is() -> None:
    same = ({}, {"servedName": "x"}, {"cache": {"size": "80Gi"}}, {"credentialsSecretRef": {"name": "hub"}})
    assert {wanted.key(spec(model), "") for model in same} == {wanted.key(spec(), "")}
    others = ({"files": ["*.bin"]}, {"digest": f"sha256:{'0' * 64}"}, {"source": "hf://meta/llama"})
    keys = {wanted.key(spec(model), "") for model in others} | {wanted.key(spec(), ""), wanted.key(spec(), "2026-02")}
    assert len(keys) == 5


def test_size_and_class_of_the_claim_roll_nothing_out() -> None:
    plain, larger = spec(), spec({"cache": {"size": "80Gi", "storageClassName": "fast", "retain": True}})
    revision = made(written(decided(plain, job(plain, **COMPLETE)), "ControllerRevision"))
    assert decided(larger, revision, job(plain, **COMPLETE)).revision["data"] == revision["data"]


def test_what_is_refused_fetches_nothing() -> None:
    refused = decided(spec(serviceAccountName="admin"))
    assert {one["kind"] for one in refused.first} & {"Job", "PersistentVolumeClaim"} == set()


def test_a_claim_is_pruned_once_a_version_without_it_is_verified_and_a_retained_one_never() -> None:
    """Until then earlier servers go on with it, and a version that gives way brings them back."""
    before, bare = spec(), spec({"cache": None})
    claim = made(written(decided(before), "PersistentVolumeClaim"))
    old = made(written(decided(before, job(before, **COMPLETE)), "ControllerRevision"))
    assert claim not in children.unwanted(decided(bare, old), [claim])
    new = made(written(decided(bare), "ControllerRevision"), LATER)
    assert claim not in children.unwanted(decided(bare, new), [claim])
    verified = str(new["data"]["inputs"])
    assert claim in children.unwanted(decided(bare, new, verified=verified), [claim])
    retained = made(written(decided(spec({"cache": {**CACHE, "retain": True}})), "PersistentVolumeClaim"))
    assert "ownerReferences" not in retained["metadata"]
    assert retained not in children.unwanted(decided(bare, new, verified=verified), [retained])


def test_the_next_model_of_the_name_takes_a_retained_claim_up() -> None:
    retained = written(decided(spec({"cache": {**CACHE, "retain": True}})), "PersistentVolumeClaim")
    assert naming.is_ours(retained, OWNER._replace(uid="another"))
    assert not naming.is_ours(retained, OWNER._replace(uid="another", name="other"))


def test_an_existing_claim_is_used_and_not_written() -> None:
    found = decided(spec({"cache": {"existingClaim": "shared"}}))
    assert of(found, "PersistentVolumeClaim") is None
    [volume] = [one for one in written(found, "Job")["spec"]["template"]["spec"]["volumes"] if one["name"] == "weights"]
    assert volume["persistentVolumeClaim"] == {"claimName": "shared"}


def test_an_image_whose_source_names_no_directory_is_searched_before_the_engine_starts() -> None:
    pod = template(decided(spec({"source": "oci://registry.example/models/a/b:1", "cache": None})))
    [locate] = [one for one in pod["initContainers"] if one["name"] == "locate"]
    assert locate["command"][-2:] == ["/model-image", "/models/a/b"]
    named = template(decided(spec({"source": "oci://registry.example/models/a/b:1/weights/x", "cache": None})))
    assert [one["name"] for one in named["initContainers"]] == ["guard"]
    engine = named["containers"][0]
    assert (engine["workingDir"], engine["args"][0]) == ("/models", "weights/x")


def test_a_claim_of_the_models_own_keeps_what_its_revisions_mount_and_no_more() -> None:
    old, new = spec(), spec({"source": "hf://meta/llama@v2"})
    revision = made(written(decided(old, job(old, **COMPLETE)), "ControllerRevision"))
    found = variables(written(decided(new, revision, job(old, **COMPLETE)), "Job")["spec"]["template"]["spec"])
    keep = json.loads(found["FETCH_KEEP"])["keep"]
    assert {one.directory for each in (old, new) for one in wanted.wanted(each, "")} <= set(keep)
    assert len([place for place in keep if place.startswith("compiled/")]) == 1
    shared = variables(job(spec({"cache": {"existingClaim": "shared"}}))["spec"]["template"]["spec"])
    assert "FETCH_KEEP" not in shared
