"""What an engine cannot be given is refused at apply: the refusal names the field and says what to write instead."""

import json
import pathlib
from typing import Any

import pytest
from kubernetes import client

from tests import entry_cases, kubectl

CLAIM = {"name": "gpus", "resourceClaimTemplateName": "two-gpus"}
WHOLE = "an accelerator is given whole"
REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"resources": {"limits": {"nvidia.com/gpu": "0.5"}}}, WHOLE),
    ({"resources": {"limits": {"amd.com/gpu": "500m"}}}, WHOLE),
    ({"resources": {"limits": {"example.com/any": "1Ki"}}}, WHOLE),
    ({"resources": {"limits": {"nvidia.com/mig-1g.10gb": "1.0"}}}, WHOLE),
    ({"resources": {"requests": {"nvidia.com/gpu": 1}}}, "write the same number in limits"),
    (
        {"resources": {"limits": {"nvidia.com/gpu": 2}, "requests": {"nvidia.com/gpu": 1}}},
        "write the same number in limits",
    ),
    ({"resources": {"limits": {"gpu": 1}}}, "an accelerator is named with its domain"),
    ({"resources": {"requests": {"gpus": 1}}}, "an accelerator is named with its domain"),
    ({"resources": {"claims": [{"name": "gpus"}]}}, "is not in spec.resourceClaims"),
    ({"resources": {"claims": [{"name": "a b"}]}, "resourceClaims": [CLAIM]}, "lower-case letters"),
    ({"resourceClaims": [CLAIM]}, "name it in spec.resources.claims"),
    ({"resources": {"claims": [{"name": "gpus"}]}, "resourceClaims": [{"name": "gpus"}]}, "resourceClaimTemplateName"),
    (
        {"resources": {"claims": [{"name": "gpus"}]}, "resourceClaims": [{**CLAIM, "resourceClaimName": "a"}]},
        "name either",
    ),
    ({"resources": {"claims": [{"name": "gpus"}]}, "resourceClaims": [CLAIM, CLAIM]}, "Duplicate value"),
    ({"scheduling": {"schedulerName": "a b"}}, "name of a Kubernetes object"),
    ({"securityContext": {"fsGroup": 0}}, "greater than or equal to 1"),
    ({"securityContext": {"fsGroup": 2**31}}, "less than or equal to"),
    ({"securityContext": {"supplementalGroups": [1, 1]}}, "Duplicate value"),
    ({"securityContext": {"runAsUser": 1}}, "unknown field"),
]
NAMED = {"source": "file:///models/a/b"}
REFUSED += [
    ({"engine": {"maxModelLen": "8k"}}, "or auto"),
    ({"engine": {"stallTimeout": "0"}}, "such as 90s, 30m or 1h30m"),
    ({"engine": {"stallTimeout": "119s"}}, "between 2m and 24h, or 0s for never"),
    ({"engine": {"stallTimeout": "25h"}}, "between 2m and 24h, or 0s for never"),
    ({"engine": {"maxModelLen": 10_000_001}}, "from 1 to 10000000"),
    ({"engine": {"maxModelLen": ""}}, "or auto"),
    ({"model": {**NAMED, "servedNames": ["a", "a"]}}, "Duplicate value"),
    ({"model": {**NAMED, "servedNames": ["--trust-remote-code"]}}, "letters, digits"),
    ({"model": {**NAMED, "servedNames": ["$(HOME)"]}}, "letters, digits"),
    ({"model": {**NAMED, "servedNames": []}}, "at least 1 item"),
    ({"model": {**NAMED, "servedName": "a", "servedNames": ["b", "a"]}}, "leave out the one of servedName"),
]
SQL = {"name": "sql", "source": "hf://org/sql"}


def adapters(*wanted: dict[str, str], **more: Any) -> dict[str, Any]:
    """Return a model with LoRA adapters."""
    return {**NAMED, "adapters": list(wanted), **more}


REFUSED += [
    ({"model": adapters()}, "at least 1 item"),
    ({"model": adapters(SQL, SQL)}, "Duplicate value"),
    ({"model": adapters(*({"name": f"n{at}", "source": "hf://org/sql"} for at in range(33)))}, "at most 32 items"),
    ({"model": adapters({"name": "--port", "source": "hf://org/sql"})}, "letters, digits"),
    ({"model": adapters({"name": "sql", "source": "file:///models/sql"})}, "adapters are fetched: write hf://"),
    ({"model": adapters({"name": "sql", "source": "s3://bucket/../x"})}, "a source holds no . or .. segments"),
    ({"model": adapters(SQL, servedName="sql")}, "an adapter has a name of its own"),
    ({"model": adapters(SQL, servedName="a", servedNames=["sql"])}, "an adapter has a name of its own"),
    ({"model": adapters({**SQL, "name": "a/b"})}, "an adapter has a name of its own"),
    (
        {"model": adapters({**SQL, "name": "a/b"}, source="oci://registry.example/a/b:1")},
        "an adapter has a name of its own",
    ),
    ({"model": adapters(SQL), "engine": {"args": ["--lora-modules=x=/y"]}}, "list every adapter in model.adapters"),
    ({"model": adapters(SQL), "engine": {"args": ["--lora_m=x=/y"]}}, "list every adapter in model.adapters"),
    ({"model": adapters(SQL), "engine": {"args": ["--no-enable-lora"]}}, "list every adapter in model.adapters"),
    ({"engine": {"args": ["--lora-modules=x=/y", "--lora-modules=z=/w"]}}, "an option is given twice"),
]
SECRET = {"secretKeyRef": {"name": "hub", "key": "token"}}
TEMPLATES = {"configMapKeyRef": {"name": "templates", "key": "a.jinja"}}


def secret(name: str, **more: Any) -> dict[str, Any]:
    """Return an engine with a variable that comes from a Secret."""
    return {"engine": {"env": [{"name": name, "valueFrom": SECRET, **more}]}}


REFUSED += [
    (secret("VLLM_LOGGING_PREFIX"), "only these variables may come from a Secret"),
    (secret("VLLM_API_KEY"), "who may call it"),
    ({"engine": {"env": [{"name": f"HF_{at}", "value": "c" * 4096} for at in range(17)]}}, "at most 65536 characters"),
    (secret("HF_TOKEN", value="x"), "leave out value, or valueFrom"),
    (secret("HF_TOKEN", valueFrom={}), "secretKeyRef: Required"),
    (secret("HF_TOKEN", valueFrom={"configMapKeyRef": {}}), "unknown field"),
    (secret("HF_TOKEN", valueFrom={"secretKeyRef": {"name": "hub"}}), "key: Required"),
    (
        secret("HF_TOKEN", valueFrom={"secretKeyRef": {"name": "other.key.default", "key": "a"}}),
        "name a Secret of your own",
    ),
    (secret("HF_TOKEN", valueFrom={"secretKeyRef": {"name": "other.guard", "key": "a"}}), "name a Secret of your own"),
    ({"engine": {"files": [{"name": "../x", **TEMPLATES}]}}, "such as chat.jinja"),
    ({"engine": {"files": [{"name": "a/b", **TEMPLATES}]}}, "such as chat.jinja"),
    ({"engine": {"files": [{"name": ".hidden", **TEMPLATES}]}}, "such as chat.jinja"),
    ({"engine": {"files": [{"name": "a", **TEMPLATES}, {"name": "a", **TEMPLATES}]}}, "Duplicate value"),
    ({"engine": {"files": [{"name": "a"}]}}, "configMapKeyRef: Required"),
    ({"engine": {"files": [{"name": "a", "configMapKeyRef": {"name": "A"}}]}}, "name of a Kubernetes object"),
]


def media(*hosts: str) -> dict[str, Any]:
    """Return an engine that fetches media from `hosts`."""
    return {"engine": {"media": {"allowDomains": list(hosts)}}}


NO_HOST = ("*.example.com", "a.example:80", "https://a.example", "a.example/x", "A.example", "localhost", "a.localhost",
           "169.254.169.254", "2130706433", "0x7f.1", "127.1", "[::1]", "a..example", "a.example.", "-a.example")  # fmt: skip
REFUSED += [(media(host), "write the name of a host in lower case") for host in NO_HOST]
REFUSED += [
    (media("a.example", "a.example"), "Duplicate value"),
    (media(*(f"{at}.example" for at in range(65))), "at most 64 items"),
    ({"engine": {"args": ['--allowed-media-domains=["a.example"]']}}, "use spec.engine.media.allowDomains"),
    ({"engine": {"args": ["--allowed_media=*"]}}, "use spec.engine.media.allowDomains"),
    (
        {"engine": {"env": [{"name": "VLLM_MEDIA_URL_ALLOW_REDIRECTS", "value": "1"}]}},
        "name the host that has the media",
    ),
]
TAKEN: list[dict[str, Any]] = [
    media("images.example.com", "x--1.a-b.internal", "minio.store.svc"),
    {"model": adapters(SQL, {"name": "team/x:1", "source": "s3://bucket/x"}, cache={"size": "1Gi"})},
    {"model": adapters(SQL, credentialsSecretRef={"name": "hub"}), "engine": {"args": ["--max-lora-rank=8"]}},
    {"engine": {"args": ["--enable-lora", '--lora-modules=["x=/y","z=/w"]']}},
    {"resources": {"limits": {"nvidia.com/gpu": "2", "cpu": "1500m"}, "requests": {"nvidia.com/gpu": 2, "cpu": "0.5"}}},
    {"resources": {"limits": {"hugepages-2Mi": "4Mi", "memory": "1Gi"}}},
    {"resources": {"limits": {"nvidia.com/mig-1g.10gb": 1, "rdma/hca": "1"}}},
    {"resources": {"claims": [{"name": "gpus", "request": "first"}]}, "resourceClaims": [CLAIM]},
    {"engine": {"stallTimeout": "0m0s"}},
    {"engine": {"maxModelLen": "auto"}, "model": {**NAMED, "servedName": "a", "servedNames": ["gpt-4", "x:y"]}},
    {
        "engine": {
            "files": [{"name": "chat.jinja", **TEMPLATES}],
            "env": [{"name": "HF_TOKEN", "valueFrom": SECRET, "value": ""}],
        }
    },
    {"scheduling": {"schedulerName": "kai-scheduler"}, "securityContext": {"fsGroup": 1, "supplementalGroups": [2, 3]}},
]


def model(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a model that is good but for what `spec` says of it."""
    whole = {"model": {"source": "file:///models/facebook/opt-125m"}, **spec}
    kind = {"apiVersion": "serving.byteshop.in/v1alpha1", "kind": "ModelDeployment"}
    return {**kind, "metadata": {"name": "good", "namespace": "default"}, "spec": whole}


@pytest.mark.parametrize(("spec", "words"), REFUSED)
def test_what_an_engine_cannot_be_given_is_refused_with_its_remedy(
    served: pathlib.Path, spec: dict[str, Any], words: str
) -> None:
    with pytest.raises(client.ApiException) as refused:
        kubectl.create(served, model(spec), dry_run=True)
    assert refused.value.status in (400, 422)
    assert words in json.loads(refused.value.body)["message"]


@pytest.mark.parametrize("spec", TAKEN)
def test_what_an_engine_can_be_given_is_taken_as_it_is(served: pathlib.Path, spec: dict[str, Any]) -> None:
    taken = kubectl.create(served, model(spec), dry_run=True)["spec"]
    for name, value in spec.items():
        assert taken[name] == (taken[name] | value if isinstance(value, dict) else value)


@pytest.mark.parametrize(("entry", "wanted"), entry_cases.LISTS.items())
def test_a_list_is_taken_where_vllm_takes_it(served: pathlib.Path, entry: str, wanted: list[str] | None) -> None:
    body = model({"engine": {"args": [entry]}})
    if wanted is None:
        with pytest.raises(client.ApiException, match=r"write (a list|--name)"):
            kubectl.create(served, body, dry_run=True)
    else:
        assert kubectl.create(served, body, dry_run=True)["spec"]["engine"]["args"] == [entry]


@pytest.mark.parametrize("args", entry_cases.TWICE)
def test_an_option_that_is_given_twice_is_refused(served: pathlib.Path, args: tuple[str, ...]) -> None:
    with pytest.raises(client.ApiException, match="given twice"):
        kubectl.create(served, model({"engine": {"args": list(args)}}), dry_run=True)


@pytest.mark.parametrize("args", [*entry_cases.ONCE, [f"--option-{at:02}={'x' * 900}" for at in range(64)]])
def test_an_option_that_is_given_once_is_taken(served: pathlib.Path, args: tuple[str, ...]) -> None:
    taken = kubectl.create(served, model({"engine": {"args": list(args)}}), dry_run=True)["spec"]["engine"]
    assert taken["args"] == list(args)
