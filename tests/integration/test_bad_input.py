"""Wrong fields and impossible values are refused at apply, and the refusal says what to write instead."""

import copy
import json
import pathlib
from typing import Any

import pytest
from kubernetes import client

from tests import kubectl

GOOD: dict[str, Any] = {
    "apiVersion": "serving.byteshop.in/v1alpha1",
    "kind": "ModelDeployment",
    "metadata": {"name": "good", "namespace": "default"},
    "spec": {"model": {"source": "file:///models/facebook/opt-125m"}},
}
HUB = {"source": "hf://facebook/opt-125m"}
HARD = "requiredDuringSchedulingIgnoredDuringExecution"
SPREAD = {"maxSkew": 1, "topologyKey": "a", "whenUnsatisfiable": "ScheduleAnyway"}


def _nodes(requirement: dict[str, str]) -> dict[str, Any]:
    return {"affinity": {"nodeAffinity": {HARD: {"nodeSelectorTerms": [{"matchExpressions": [requirement]}]}}}}


CASES = [
    ("spec.model.source", "ftp://x/y", "pvc://claim[/path] or file:///path/in/image"),
    ("spec.model.source", "facebook/opt-125m", "unknown source: write hf://"),
    ("spec.model.source", "file://models/x", "absolute directory of the engine's image"),
    ("spec.model.source", "file:///models/../etc", "no . or .. segments"),
    ("spec.model.source", "file:///--trust-remote-code", "absolute directory of the engine's image"),
    ("spec.model.source", "pvc://weights/--middleware", "a pvc source is a claim's name"),
    ("spec.model.source", "file:///models/" + "a" * 140, "needs servedName"),
    ("spec.model.source", "pvc://Weights", "a pvc source is a claim's name"),
    ("spec.model.servedName", "a b", "letters, digits"),
    ("spec.model.task", "Chat", 'supported values: "Generate", "Embed"'),
    ("spec.engine", {"args": ["--runner=pooling"]}, "use spec.model.task"),
    ("spec.model.source", "hf://opt-125m", "an hf source is a repository of the hub"),
    ("spec.model.source", "hf://facebook/opt-125m@", "an hf source is a repository of the hub"),
    ("spec.model.source", "hf://facebook/opt 125m", "an hf source is a repository of the hub"),
    ("spec.model.source", "s3://B/x", "an s3 or gs source is a bucket"),
    ("spec.model.source", "gs://bucket//x", "an s3 or gs source is a bucket"),
    ("spec.model.credentialsSecretRef", {"name": "hub"}, "credentials are for hf, s3 and gs sources"),
    ("spec.model.cache", {"size": "1Gi"}, "cache is for what is fetched, from hf, s3 and gs sources"),
    ("spec.model.files", ["*.json"], "digest and files are for hf, s3 and gs sources"),
    ("spec.model.files", ["../*.json"], "write the path of a file below the source"),
    ("spec.model.digest", "sha256:0", "write sha256: and 64 hexadecimal digits"),
    ("spec.model", {**HUB, "cache": {}}, "write either size, for a new claim, or existingClaim"),
    ("spec.model", {**HUB, "cache": {"size": "1Gi", "existingClaim": "a"}}, "write either size"),
    ("spec.model", {**HUB, "cache": {"existingClaim": "a", "retain": True}}, "write existingClaim alone"),
    ("spec.model", {**HUB, "cache": {"size": "much"}}, "such as 1, 500m or 16Gi"),
    (
        "spec.model",
        {**HUB, "cache": {"size": "1Gi", "accessMode": "ReadOnlyMany"}},
        'supported values: "ReadWriteOnce"',
    ),
    (
        "spec",
        {"model": {**HUB, "cache": {"size": "1Gi"}}, "replicas": 2},
        "a ReadWriteOnce claim is mounted on one node",
    ),
    ("spec.engine", {"args": ["--response-role=$(HF_TOKEN)"]}, "in place of $(NAME)"),
    ("spec.engine", {"env": [{"name": "A", "value": "x $(HF_TOKEN)"}]}, "in place of $(NAME)"),
    ("spec.expose", {"host": "a.example", "path": "/opt/v1"}, "models answer below such segments"),
    ("spec.model", {**HUB, "cache": {"existingClaim": "a.weights"}}, "the operator's own"),
    ("spec.model", {**HUB, "credentialsSecretRef": {"name": "x.key.a"}}, "keys of clients and guards"),
    ("spec", {"model": {"source": "hf://a/b@refs/pr/1"}, "engine": {"trustRemoteCode": True}}, "anybody can propose"),
    ("spec.replicas", -1, "greater than or equal to 0"),
    ("spec.replicas", "many", "integer"),
    ("spec.engine", {"args": ["--port=1"]}, "use spec.expose and spec.access"),
    ("spec.engine", {"args": ["--trust_remote_code"]}, "use spec.engine.trustRemoteCode"),
    ("spec.engine", {"args": ["--api-k=x"]}, "who may call it"),
    ("spec.engine", {"args": ["-tp=2"]}, "write --name or --name=value"),
    ("spec.engine", {"args": ["--max_model_len=1"]}, "use spec.engine.maxModelLen"),
    ("spec.engine", {"args": ["-O3"]}, "write --name or --name=value"),
    ("spec.engine", {"args": ["--compilation-config.mode"]}, "write --name or --name=value"),
    ("spec.engine", {"args": ["--hf_tok=x"]}, "use HF_TOKEN in spec.engine.env with valueFrom"),
    ("spec.engine", {"args": ["--no-trust-remote-code"]}, "use spec.engine.trustRemoteCode"),
    ("spec.engine", {"args": ['--enforce-eager=["/z"]']}, "this option takes no value"),
    ("spec.engine", {"args": ["--no-enforce-eager=1"]}, "this option takes no value"),
    ("spec.engine", {"args": ['--max_num_seqs=["4","/z"]']}, "this option takes one value, and no list"),
    ("spec.engine", {"args": ["--max-num-seqs"]}, "this option takes a value"),
    ("spec.engine", {"args": ['--enforce-eager.x=["/z"]']}, "this option has no parts"),
    ("spec.engine", {"env": [{"name": "NVIDIA_VISIBLE_DEVICES", "value": "all"}]}, "accelerators of other pods"),
    ("spec.engine", {"args": ["--ssl-certfile=/x"]}, "use spec.expose"),
    ("spec.engine", {"env": [{"name": "VLLM_API_KEY", "value": "x"}]}, "who may call it"),
    ("spec.engine", {"env": [{"name": "LD_PRELOAD", "value": "x"}]}, "foreign code"),
    ("spec.engine", {"env": [{"name": "VLLM_SERVER_DEV_MODE", "value": "1"}]}, "foreign code"),
    ("spec.engine", {"env": [{"name": "A-B"}]}, "letters, digits and _"),
    ("spec.engine", {"env": [{"name": "A"}, {"name": "A"}]}, "Duplicate value"),
    ("spec.engine", {"startupTimeout": "soon"}, "such as 90s, 30m or 1h30m"),
    ("spec.engine", {"startupTimeout": "25h"}, "between 1s and 24h"),
    ("spec.engine", {"drainTimeout": "0s"}, "between 1s and 1h"),
    ("spec.engine", {"maxModelLen": 0}, "write a number of tokens from 1 to 10000000, or auto"),
    ("spec.engine", {"image": "a b"}, "no white space"),
    ("spec.engine", {"image": "registry.example/team/../evil"}, "no empty segment"),
    ("spec.engine", {"image": "registry.example//x"}, "no empty segment"),
    ("spec.model", {"source": "oci://registry.example//x"}, "an oci source is an image reference"),
    ("spec.resources", {"limits": {"cpu": "lots"}}, "such as 1, 500m or 16Gi"),
    ("spec.resources", {"limits": {"cpu": -1}}, "not negative"),
    ("spec.resources", {"limits": {"cpu": "1e800000"}}, "such as 1, 500m or 16Gi"),
    ("spec.resources", {"requests": {"memory": "1e100"}}, "such as 1, 500m or 16Gi"),
    ("spec.resources", {"limits": {"memory": "999999999999E"}}, "such as 1, 500m or 16Gi"),
    ("spec.resources", {"limits": {"nvidia.com/gpu" * 30: 1}}, "write keys of letters"),
    ("spec.access", {"defaultRateLimit": {"requests": 0}}, "greater than or equal to 1"),
    ("spec.access", {"defaultRateLimit": {"unit": "Day"}}, 'supported values: "Second", "Minute", "Hour"'),
    (
        "spec",
        {"model": GOOD["spec"]["model"], "replicas": 4, "access": {"defaultRateLimit": {"requests": 3}}},
        "raise the limit",
    ),
    ("spec.access", {"maxQueuedRequests": 0}, "greater than or equal to 1"),
    ("spec.access", {"cors": {"allowOrigins": ["https://a.example/"]}}, "write an origin as browsers send it"),
    ("spec.access", {"cors": {"allowOrigins": ["https://*.example"]}}, "write an origin as browsers send it"),
    ("spec.access", {"cors": {"allowOrigins": ["app.example"]}}, "write an origin as browsers send it"),
    ("spec.access", {"cors": {"allowOrigins": ["*"] * 33}}, "at most 32 items"),
    ("spec.access", {"rotationOverlap": "721h"}, "between 0s and 720h"),
    ("spec.access", {"clients": [{"name": "a"}, {"name": "a"}]}, "Duplicate value"),
    ("spec.access", {"clients": [{"name": "Team_A"}]}, "a client's name: lower-case letters, digits and -"),
    ("spec.access", {"clients": [{"name": "a" * 64}]}, "may not be more than 63"),
    ("spec.access", {"clients": [{}]}, "name: Required"),
    ("spec.access", {"clients": [{"name": "a", "expiresAt": "2020-01-01T00:00:00Z"}]}, "lies in the past"),
    ("spec.access", {"clients": [{"name": "a", "expiresAt": "2200-01-01T00:00:00Z"}]}, "too far ahead"),
    (
        "spec.access",
        {"clients": [{"name": "a", "expiresAt": "tomorrow"}]},
        "write a moment such as 2027-01-31T12:00:00Z",
    ),
    ("spec.access", {"clients": [{"name": "a", "expiresAt": "2027-01-01T00:00:00+24:00"}]}, "write a moment such as"),
    ("spec.access", {"clients": [{"name": "a", "expiresAt": "2027-02-30T00:00:00Z"}]}, "write a moment such as"),
    ("spec.access", {"clients": [{"name": "a", "expiresAt": f"2027-01-01T00:00:00.{'0' * 99}Z"}]}, "Too long"),
    ("spec.access", {"clients": [{"name": "a", "keyVersion": 0}]}, "greater than or equal to 1"),
    (
        "spec.access",
        {"clients": [{"name": "a", "keyVersion": 2, "keySecretRef": {"name": "x"}}]},
        "leave out keyVersion, or keySecretRef",
    ),
    ("spec.access", {"clients": [{"name": "a", "keySecretRef": {"name": "X"}}]}, "the name of a Kubernetes object"),
    (
        "spec",
        {
            "model": GOOD["spec"]["model"],
            "replicas": 4,
            "access": {"clients": [{"name": "a", "rateLimit": {"requests": 3}}]},
        },
        "share a client's rateLimit",
    ),
    ("spec.imagePullSecrets", [{"name": "A"}], "name of a Kubernetes object"),
    ("spec.imagePullSecrets", [{"name": "a"}, {"name": "a"}], "Duplicate value"),
    ("spec.serviceAccountName", "a b", "name of a Kubernetes object"),
    ("spec.podMetadata", {"labels": {"serving.byteshop.in/model": "x"}}, "choose another key"),
    ("spec.podMetadata", {"labels": {"app.kubernetes.io/name": "x"}}, "choose another key"),
    ("spec.podMetadata", {"labels": {"team": "a b"}}, "a label's value is letters"),
    ("spec.podMetadata", {"labels": {"a b": "team"}}, "write keys of letters"),
    ("spec.podMetadata", {"annotations": {"x" * 400: "y"}}, "write keys of letters"),
    ("spec.podMetadata", {"annotations": {"kubectl.kubernetes.io/default-container": "x"}}, "choose another key"),
    ("spec.guard", {"resources": {"limits": {"nvidia.com/gpu": 1}}}, "a guard uses cpu, memory"),
    ("spec.guard", {"resources": {"requests": {"cpu": "-1"}}}, "not negative"),
    ("spec.guard", {"resources": {"limits": {"memory": "1e800000"}}}, "such as 1, 500m or 16Gi"),
    ("spec.scheduling", {"nodeSelector": {"zone": "a b"}}, "a label's value is letters"),
    ("spec.scheduling", {"nodeSelector": {"a b": "zone"}}, "write keys of letters"),
    ("spec.scheduling", {"nodeName": "a"}, "unknown field"),
    ("spec.scheduling", {"tolerations": [{"value": "x"}]}, "write operator: Exists, or name the key"),
    ("spec.scheduling", {"tolerations": [{"key": "a", "operator": "Exists", "value": "x"}]}, "Exists takes no value"),
    ("spec.scheduling", {"tolerations": [{"key": "a", "effect": "Never"}]}, 'supported values: "NoSchedule"'),
    ("spec.scheduling", {"tolerations": [{"key": "a", "tolerationSeconds": 1}]}, "goes with effect: NoExecute"),
    ("spec.scheduling", {"affinity": {"nodeAffinity": "near"}}, "must be of type object"),
    ("spec.scheduling", {"affinity": {"nodeAffinity": {"required": {}}}}, "unknown field"),
    ("spec.scheduling", {"affinity": {"podAffinity": {HARD: [{"labelSelector": {}}]}}}, "topologyKey: Required"),
    (
        "spec.scheduling",
        {"affinity": {"podAffinity": {HARD: [{"topologyKey": "a", "matchLabelKeys": ["b"]}]}}},
        "write one",
    ),
    ("spec.scheduling", _nodes({"key": "a", "operator": "Is"}), 'supported values: "In"'),
    ("spec.scheduling", _nodes({"key": "a", "operator": "In"}), "every other operator needs some"),
    ("spec.scheduling", _nodes({"key": "a b", "operator": "Exists"}), "write a label's key"),
    (
        "spec.scheduling",
        {"topologySpreadConstraints": [{"maxSkew": 1, "topologyKey": "a"}]},
        "whenUnsatisfiable: Required",
    ),
    ("spec.scheduling", {"topologySpreadConstraints": [{**SPREAD, "maxSkew": 0}]}, "greater than or equal to 1"),
    ("spec.scheduling", {"topologySpreadConstraints": [SPREAD, SPREAD]}, "Duplicate value"),
    ("spec.scheduling", {"topologySpreadConstraints": [{**SPREAD, "minDomains": 2}]}, "DoNotSchedule"),
    ("spec.scheduling", {"priorityClassName": "system-node-critical"}, "choose another PriorityClass"),
    ("spec.modle", {}, "unknown field"),
    ("metadata.name", "a" * 53, "at most 52"),
    ("metadata.name", "1a", "beginning with a letter"),
    ("metadata.name", "a.b", "lower-case letters, digits and -"),
    ("metadata.name", "a-peers", "choose another name"),
]


def _with(path: str, value: Any) -> dict[str, Any]:
    model = copy.deepcopy(GOOD)
    *outer, last = path.split(".")
    node = model
    for part in outer:
        node = node[part]
    node[last] = value
    return model


@pytest.mark.parametrize(("path", "value", "words"), CASES)
def test_a_bad_value_is_refused_with_its_remedy(served: pathlib.Path, path: str, value: Any, words: str) -> None:
    with pytest.raises(client.ApiException) as refused:
        kubectl.create(served, _with(path, value), dry_run=True)
    assert refused.value.status in (400, 422)
    assert words in json.loads(refused.value.body)["message"]


def test_a_good_model_is_taken_and_gets_its_defaults(served: pathlib.Path) -> None:
    spec = kubectl.create(served, GOOD, dry_run=True)["spec"]
    assert spec["replicas"] == 1
    assert spec["engine"]["startupTimeout"] == "30m"
    assert spec["access"] == {
        "defaultRateLimit": {"requests": 6000, "unit": "Minute"},
        "maxQueuedRequests": 64,
        "rotationOverlap": "1h",
        "cors": {"allowOrigins": []},
    }


def test_options_that_only_begin_like_refused_ones_are_taken(served: pathlib.Path) -> None:
    args = ["--reasoning-parser=qwen3", '--structured-outputs-config={"backend":"xgrammar"}', "--kv-cache-dtype=fp8"]
    assert kubectl.create(served, _with("spec.engine", {"args": args}), dry_run=True)["spec"]["engine"]["args"] == args


@pytest.mark.parametrize("quantity", [1, "1e3", "128974848", "129e6", "500m", "1.5Gi", "0.1", "+1", "7Ei", 2**63 - 1])
def test_a_quantity_that_people_write_is_taken(served: pathlib.Path, quantity: int | str) -> None:
    taken = kubectl.create(served, _with("spec.resources", {"limits": {"memory": quantity}}), dry_run=True)["spec"]
    assert taken["resources"]["limits"] == {"memory": quantity}


@pytest.mark.parametrize("moment", ["2027-01-31T12:00:00Z", "2027-01-31T12:00:00.5Z", "2027-01-31T12:00:00+05:30"])
def test_a_moment_is_taken(served: pathlib.Path, moment: str) -> None:
    taken = kubectl.create(
        served, _with("spec.access", {"clients": [{"name": "a", "expiresAt": moment}]}), dry_run=True
    )
    assert taken["spec"]["access"]["clients"][0]["expiresAt"] == moment


def test_a_version_is_never_lowered_and_a_client_may_go_over_to_a_brought_key(served: pathlib.Path) -> None:
    body = _with("spec.access", {"clients": [{"name": "a", "keyVersion": 2}, {"name": "b"}]})
    body["metadata"]["namespace"] = "kube-public"
    admin = kubectl.Admin(served, "kube-public")
    admin.apply(body)
    for client_a, words in (({"keyVersion": 1}, "may only be raised"), ({}, "may not be taken away")):
        body["spec"]["access"]["clients"][0] = {"name": "a", **client_a}
        command = ["replace", "--dry-run=server", "-f", "-"]
        assert words in admin.refusal(*command, stdin=json.dumps(body))
    body["spec"]["access"]["clients"] = [{"name": "b", "keyVersion": 7}, {"name": "a", "keySecretRef": {"name": "x"}}]
    admin.apply(body)
    admin.kubectl("delete", "vllm", "good")
