"""An upgrade of the operator fetches nothing again: what an operator of the commit 886dfd4 left is whole for the one of today.

KEPT holds what that operator rendered of each spec, as it was rendered. None of it may be changed here.
"""

import json
from typing import Any, NamedTuple

import pytest

from tests.golden import render
from tests.unit.children.test_fetch import BEGAN, CACHE, COMPLETE, HUB, LATER, OWNER, of
from vllm_operator import api, children, config
from vllm_operator.children import pod, security
from vllm_operator.fetch import settings as told
from vllm_operator.kube import kinds, naming

SETTINGS = render.SETTINGS.model_copy(update={"allow": config.Allow(remote_code={"models": ("hf://meta",)})})
SQL = [{"name": "sql", "source": "hf://acme/sql"}]
TRUSTED = {"engine": {"trustRemoteCode": True}}
UID = "0b8b5d39-9d0c-4f5e-8f0d-3c9d1f0a5b11"
HELD = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "40Gi"}}}


class Kept(NamedTuple):
    """What is there of one model. `weights`: what its Job notes; `inputs`, `mounts`: of its ControllerRevision."""

    spec: dict[str, Any]
    claim: str
    weights: str
    inputs: str
    mounts: dict[str, str]


KEPT = {
    "hub": Kept(
        {"model": {**HUB, "cache": CACHE}},
        "llama.weights",
        f"8f04c44a72619673/llama.weights/{UID}",
        "ce4d8da52357c21a",
        {"/models/meta/llama": "weights/8f04c44a72619673", "/home/vllm/cache": "compiled/c91c5b4b9465b71e"},
    ),
    "adapters": Kept(
        {"model": {**HUB, "cache": CACHE, "adapters": SQL}},
        "llama.weights",
        f"fdecca09adf964e1/llama.weights/{UID}",
        "97ed69834bf9fd78",
        {
            "/models/meta/llama": "weights/8f04c44a72619673",
            "/adapters/sql": "weights/d90b16ab34798509",
            "/home/vllm/cache": "compiled/5ec5fdd9554a6db8",
        },
    ),
    "trusted code": Kept(
        {"model": {**HUB, "cache": CACHE}, **TRUSTED},
        "llama.weights",
        f"0a7087dfe2bbaae0/llama.weights/{UID}",
        "5e6fea76908eff7f",
        {"/models/meta/llama": "weights/0a7087dfe2bbaae0", "/home/vllm/cache": "compiled/c91c5b4b9465b71e"},
    ),
    "brought": Kept(
        {"model": {**HUB, "cache": {"existingClaim": "shared"}}},
        "shared",
        "8f04c44a72619673/shared/",
        "4287d172821c3801",
        {"/models/meta/llama": "weights/8f04c44a72619673", "/home/vllm/cache": "compiled/c91c5b4b9465b71e"},
    ),
}
CODE_FILES = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "*.tiktoken", "tokenizer*", "*.py"]
"""What that operator told its fetcher to fetch with trusted code, which the fetcher noted in the directory."""
OLDER = "weights/ccc0000000000000"
"""A directory that only an earlier release would choose."""


def spec(kept: Kept, **more: Any) -> api.Spec:
    return api.Spec.model_validate({**kept.spec, "resources": {"limits": {"nvidia.com/gpu": 1}}, **more})


def job(kept: Kept, at: str = BEGAN, **status: Any) -> kinds.Object:
    annotations = {naming.WEIGHTS_ANNOTATION: kept.weights, naming.FETCH_ANNOTATION: "1c7b352252829bab"}
    metadata = {"name": "llama-fetch", "namespace": "models", "annotations": annotations, "creationTimestamp": at}
    pods = {"template": {"spec": {"containers": []}}}
    return {"kind": "Job", "metadata": {**metadata, "uid": "j"}, "spec": pods, "status": status}


def claim(kept: Kept, at: str = BEGAN, uid: str = UID) -> kinds.Object:
    metadata = {"name": kept.claim, "namespace": "models", "creationTimestamp": at, "uid": uid}
    return {"kind": "PersistentVolumeClaim", "metadata": metadata, "spec": HELD}


def revision(kept: Kept) -> kinds.Object:
    """Return the ControllerRevision with those parts of its template that are read or judged."""
    mounts = [{"name": "weights", "mountPath": path, "subPath": inside} for path, inside in kept.mounts.items()]
    bounds = {"securityContext": security.container()}
    engine = {"name": "vllm", "image": "vllm/vllm-openai:v0.29.0", "command": ["vllm", "serve"], **bounds}
    containers = [{**engine, "volumeMounts": mounts}]
    guards = [{"name": pod.GUARD, "image": "guard:1", **bounds}]
    metadata = {"annotations": {naming.INPUTS_ANNOTATION: kept.inputs}}
    hardened = {"automountServiceAccountToken": False, "securityContext": security.pod(SETTINGS)}
    template = {"metadata": metadata, "spec": {**hardened, "containers": containers, "initContainers": guards}}
    own = {"name": "llama.template", "namespace": "models", "creationTimestamp": BEGAN, "uid": "r"}
    return {"kind": "ControllerRevision", "metadata": own, "data": {"inputs": kept.inputs, "template": template}}


def decided(
    wanted: api.Spec,
    job: kinds.Object | None,
    claim: kinds.Object,
    revision: kinds.Object | None,
    *,
    renews: bool = False,
) -> children.Plan:
    inputs = children.Inputs(
        OWNER, wanted, SETTINGS, children.serving(OWNER, wanted, SETTINGS), (revision,) if revision else (),
        at_work=str(revision["data"]["inputs"]) if revision else "", job=job, claim=claim, renews=renews,
    )  # fmt: skip
    return children.plan(inputs)


def is_whole(found: children.Plan) -> bool:
    assert found.fetching is not None
    return found.fetching.is_whole and of(found, "Job") is None


def fetched(found: children.Plan) -> dict[str, Any]:
    """Return what the Job that is to be written fetches of the model."""
    written = of(found, "Job")
    assert written is not None
    env = written["spec"]["template"]["spec"]["containers"][0]["env"]
    sources = next(one["value"] for one in env if one["name"] == "FETCH_SOURCES")
    return dict(json.loads(sources)[0])


each = pytest.mark.parametrize("kept", KEPT.values(), ids=KEPT)


@each
def test_weights_that_servers_have_are_whole_and_the_servers_stay(kept: Kept) -> None:
    found = decided(spec(kept), job(kept, **COMPLETE), claim(kept), revision(kept))
    assert is_whole(found)
    assert found.rollout.target["data"] == revision(kept)["data"]


@each
def test_a_claim_that_came_later_than_the_servers_revision_and_was_filled_is_whole(kept: Kept) -> None:
    assert is_whole(decided(spec(kept), job(kept, LATER, **COMPLETE), claim(kept, LATER), revision(kept)))
    assert is_whole(decided(spec(kept), job(kept, **COMPLETE), claim(kept), revision(kept)))


def test_a_brought_claim_that_nobody_looked_at_is_taken_as_it_is() -> None:
    kept = KEPT["brought"]
    for of_the_spec in (revision(kept), None):
        assert is_whole(decided(spec(kept), job(kept, **COMPLETE), claim(kept, LATER), of_the_spec))
    assert is_whole(decided(spec(kept), None, claim(kept, LATER), revision(kept)))


@each
def test_a_job_for_other_weights_tells_that_the_claim_was_made_anew(kept: Kept) -> None:
    others = job(kept._replace(weights=f"0000000000000000/{kept.claim}/{UID}"), **COMPLETE)
    assert is_whole(decided(spec(kept), others, claim(kept), revision(kept)))
    found = decided(spec(kept), others, claim(kept, uid="another"), revision(kept))
    assert fetched(found)["into"] == f"/cache/{kept.mounts['/models/meta/llama']}"


@each
def test_weights_of_a_version_that_gave_way_are_whole(kept: Kept) -> None:
    earlier = revision(kept._replace(inputs="0000000000000000", mounts={"/models/meta/llama": "weights/e"}))
    assert is_whole(decided(spec(kept), job(kept, **COMPLETE), claim(kept), earlier))


@each
def test_the_next_change_of_the_spec_fetches_nothing_and_mounts_what_is_there(kept: Kept) -> None:
    engine = {**kept.spec.get("engine", {}), "args": ["--seed=1"]}
    found = decided(spec(kept, engine=engine), job(kept, **COMPLETE), claim(kept), revision(kept))
    assert is_whole(found)
    mounts = found.revision["data"]["template"]["spec"]["containers"][0]["volumeMounts"]
    there = {one["mountPath"]: one["subPath"] for one in mounts if one.get("subPath", "").startswith("weights/")}
    assert there == {path: inside for path, inside in kept.mounts.items() if inside.startswith("weights/")}


@each
def test_a_job_that_is_at_work_goes_on_in_its_directory(kept: Kept) -> None:
    found = fetched(decided(spec(kept), job(kept), claim(kept), None))
    assert found["into"] == f"/cache/{kept.mounts['/models/meta/llama']}"
    source = told.read({"FETCH_SOURCES": json.dumps([found])}).sources[0]
    assert source.patterns == (tuple(CODE_FILES) if "engine" in kept.spec else ())


@each
def test_a_claim_that_was_made_anew_is_filled_where_its_servers_look(kept: Kept) -> None:
    there = revision(kept._replace(mounts={**kept.mounts, "/models/meta/llama": OLDER}))
    noted = job(kept._replace(weights=f"{OLDER.removeprefix('weights/')}/{kept.claim}/{UID}"), **COMPLETE)
    found = decided(spec(kept), noted, claim(kept, LATER, "another"), there)
    assert fetched(found)["into"] == f"/cache/{OLDER}"
    again = {**(of(found, "Job") or {}), "status": COMPLETE}
    again["metadata"] = {**again["metadata"], "creationTimestamp": LATER, "uid": "j2"}
    assert is_whole(decided(spec(kept), again, claim(kept, LATER, "another"), there))


def test_servers_that_are_renewed_wait_for_weights_that_they_find_elsewhere() -> None:
    kept = KEPT["hub"]
    there = revision(kept._replace(mounts={"/models/meta/llama": OLDER}))
    noted = job(kept._replace(weights=f"{OLDER.removeprefix('weights/')}/llama.weights/{UID}"), **COMPLETE)
    assert is_whole(decided(spec(kept), noted, claim(kept), there))
    found = decided(spec(kept), noted, claim(kept), there, renews=True)
    assert fetched(found)["into"] == "/cache/weights/8f04c44a72619673"


def test_a_brought_claim_of_one_node_is_filled_beside_the_servers() -> None:
    kept = KEPT["brought"]
    noted = job(kept._replace(weights=f"{kept.weights}{UID}"), **COMPLETE)
    found = of(decided(spec(kept), noted, claim(kept, LATER, "another"), revision(kept)), "Job")
    assert found is not None
    [wish] = found["spec"]["template"]["spec"]["affinity"]["podAffinity"][
        "preferredDuringSchedulingIgnoredDuringExecution"
    ]
    assert wish["podAffinityTerm"]["labelSelector"] == {"matchLabels": naming.selector(OWNER.name)}
    alone = decided(spec(kept), job(kept), {**claim(kept), "spec": {"accessModes": ["ReadWriteMany"]}}, None)
    assert "affinity" not in (of(alone, "Job") or {})["spec"]["template"]["spec"]
