"""LoRA adapters are fetched as weights are: by the Job that fills the claim, or by each server; the engine finds each by name."""

import json
from typing import Any

from tests.unit.children import test_fetch as fetched
from vllm_operator import api, children, guide
from vllm_operator.children import template, wanted
from vllm_operator.kube import kinds

SQL, TEAM = {"name": "sql", "source": "hf://org/sql@v1"}, {"name": "team/x", "source": "s3://bucket/x"}
CLAIM = {"source": "pvc://weights/meta/llama"}


def spec(*adapters: dict[str, str], **model: Any) -> api.Spec:
    return fetched.spec({"adapters": list(adapters), **model} if adapters else model)


def sources(job: kinds.Object) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(fetched.variables(job["spec"]["template"]["spec"])["FETCH_SOURCES"])
    return found


def test_the_job_fetches_the_model_first_and_then_each_adapter_into_a_directory_of_its_own() -> None:
    found = sources(fetched.job(spec(SQL, TEAM, files=["*.safetensors"])))
    assert [one["source"] for one in found] == ["hf://meta/llama@v1", "hf://org/sql@v1", "s3://bucket/x"]
    assert len({one["into"] for one in found}) == 3
    assert [(one.get("adapter"), one.get("maxRank"), one["files"]) for one in found[1:]] == [
        ("sql", 64, []), ("team/x", 64, []),
    ]  # fmt: skip


def test_a_server_is_made_when_all_adapters_are_whole_and_finds_each_read_only() -> None:
    asked = spec(SQL, TEAM)
    assert fetched.of(fetched.decided(asked, fetched.job(asked)), "Deployment") is None
    engine = fetched.template(fetched.decided(asked, fetched.job(asked, **fetched.COMPLETE)))["containers"][0]
    mounts = {one["mountPath"]: one for one in engine["volumeMounts"]}
    for path, source in (("/adapters/sql", 1), ("/adapters/team%2Fx", 2)):
        assert mounts[path]["readOnly"] is True
        assert sources(fetched.job(asked))[source]["into"] == f"/cache/{mounts[path]['subPath']}"
    assert {"sql=/adapters/sql", "team/x=/adapters/team%2Fx"} < set(engine["args"])


def test_another_adapter_is_fetched_and_rolled_out_and_the_model_is_not_fetched_again() -> None:
    before, after = spec(SQL), spec(SQL, TEAM)
    assert template.digest(before) != template.digest(after)
    waiting = fetched.decided(after, fetched.job(before, **fetched.COMPLETE))
    assert sources(fetched.written(waiting, "Job"))[:2] == sources(fetched.job(before))
    assert wanted.key(spec(), "") == fetched.wanted.key(fetched.spec(), "")


def test_room_for_a_larger_rank_lets_the_job_look_again() -> None:
    args = {"engine": {"args": ["--max-lora-rank=128"]}}
    assert wanted.key(spec(SQL), "") != wanted.key(api.Spec.model_validate({**spec(SQL).model_dump(), **args}), "")


def test_adapters_of_weights_that_are_there_are_fetched_alone() -> None:
    kept = spec(SQL, **CLAIM)
    assert [one["source"] for one in sources(fetched.job(kept))] == [SQL["source"]]
    pod = fetched.template(fetched.decided(kept, fetched.job(kept, **fetched.COMPLETE)))
    assert {"name": "weights", "persistentVolumeClaim": {"claimName": "weights", "readOnly": True}} in pod["volumes"]
    assert {"name": "adapters", "persistentVolumeClaim": {"claimName": "llama.weights"}} in pod["volumes"]
    scratch = fetched.template(fetched.decided(spec(SQL, **CLAIM, cache=None)))
    assert {"name": "adapters", "emptyDir": {"sizeLimit": "2Ti"}} in scratch["volumes"]
    assert [one["name"] for one in scratch["initContainers"]] == ["guard", "fetch"]
    assert scratch["initContainers"][1]["volumeMounts"][0]["name"] == "adapters"


def test_the_fetcher_gets_the_entries_of_every_scheme_and_the_engine_none() -> None:
    asked = spec(SQL, TEAM, credentialsSecretRef={"name": "keys"})
    pod = fetched.job(asked)["spec"]["template"]["spec"]
    names = {one["name"] for one in pod["containers"][0]["env"] if "valueFrom" in one}
    assert {"HF_TOKEN", "AWS_ACCESS_KEY_ID"} < names
    engine = fetched.template(fetched.decided(asked, fetched.job(asked, **fetched.COMPLETE)))["containers"][0]
    assert "HF_TOKEN" not in json.dumps(engine)


def test_clients_are_told_the_adapters_that_servers_have() -> None:
    serving = children.serving(fetched.OWNER, spec(SQL, TEAM), fetched.render.SETTINGS)
    assert serving.adapters == ("sql", "team/x")
    facts = guide.Facts("https://a.b", "llama", None, [("GET", "/v1/models")], adapters=serving.adapters)
    assert "<code>sql</code>, <code>team/x</code>" in guide.document(facts)
