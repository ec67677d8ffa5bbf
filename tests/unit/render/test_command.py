"""`render`: what it prints is what the operator writes."""

import base64
import json
import pathlib

import pytest
import yaml

from dev import paths
from tests import canonical, rendering
from tests.golden import render as golden
from tests.rendering import Run, model
from vllm_operator import api
from vllm_operator.kube import kinds
from vllm_operator.render import objects

EXAMPLES = sorted((paths.ROOT / "examples").glob("*.yaml"))
HUB = {"model": {"source": "hf://facebook/opt-125m", "cache": {"size": "10Gi"}}}


def with_placeholders(one: kinds.Object) -> list[kinds.Object]:
    """Return the children that a golden model has under placeholders for keys and moments."""
    spec = api.parse(one["spec"])
    whole = golden.decided(golden.naming.owner(one), spec)
    issued = {client.name: objects._issued(client) for client in golden.keys.clients(spec.access)}
    return [*golden.children.client_secrets(whole, issued), *whole.first, *whole.server]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_is_rendered_canonical(run: Run, path: pathlib.Path) -> None:
    done = run.files(str(path), "--values", run.file("values.yaml", rendering.GENEROUS))
    assert (done.status, done.err) == (0, "")
    assert [(one["kind"], canonical.lossy(one)) for one in done.objects if canonical.lossy(one)] == []
    assert "Deployment" in done.kinds()


@pytest.mark.parametrize("folder", golden.RUNNING, ids=lambda folder: folder.name)
def test_what_is_printed_is_what_the_operator_writes(
    run: Run, folder: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ingress_class", "engine_images", "allow", "guide", "fetch_image"):
        value = golden.SETTINGS.model_dump(mode="json", by_alias=True)[name]
        written = json.dumps(value) if isinstance(value, dict | bool) else value
        monkeypatch.setenv(f"VLLM_OPERATOR_{name.upper()}", written)
    monkeypatch.setattr(objects, "NOW", golden.NOW)
    done = run.text(yaml.safe_dump(golden.model(folder)).encode())
    assert done.status == 0
    printed = {kinds.ref(one): one for one in done.objects}
    assert [
        kinds.ref(one) for one in with_placeholders(golden.model(folder)) if printed.get(kinds.ref(one)) != one
    ] == []


def test_the_keys_are_placeholders(run: Run) -> None:
    clients = [{"name": "a"}, {"name": "b", "keySecretRef": {"name": "vault"}}]
    done = run(model(access={"clients": clients}))
    secrets = [one for one in done.objects if one["kind"] == "Secret"]
    held = [
        base64.b64decode(one["data"]["OPENAI_API_KEY"]).decode() for one in secrets if "OPENAI_API_KEY" in one["data"]
    ]
    assert held == [objects.placeholder("a"), objects.placeholder("b")]
    assert "placeholders" in done.out.splitlines()[1]


def test_two_runs_print_the_same(run: Run) -> None:
    assert run(model()).out == run(model()).out


def test_weights_that_are_fetched_show_their_job_and_the_server_after_it(run: Run) -> None:
    done = run(model(**HUB))
    assert {"Job", "PersistentVolumeClaim", "Deployment", "ControllerRevision"} <= set(done.kinds())
    assert "# Job vllm11-fetch fetches the weights; ControllerRevision and Deployment are written once" in done.out


def test_a_paused_model_has_its_keys_alone(run: Run) -> None:
    done = run(model(paused=True))
    assert set(done.kinds()) == {"Secret"}
    assert "# spec.paused is true" in done.out


def test_several_files_and_documents_are_printed_one_after_the_other(run: Run) -> None:
    other = {**model(), "metadata": {"name": "other", "namespace": "b"}}
    listed = {"apiVersion": "v1", "kind": "List", "items": [other]}
    values = run.file("values.yaml", rendering.GENEROUS)
    done = run.files(run.file("a.yaml", model()), run.file("b.yaml", listed), "--values", values)
    names = {
        (one["metadata"]["namespace"], one["metadata"]["name"]) for one in done.objects if one["kind"] == "Deployment"
    }
    assert names == {("models", "vllm11"), ("b", "other")}


def test_a_model_without_a_namespace_has_the_one_that_is_given(run: Run) -> None:
    bare = {**model(), "metadata": {"name": "a"}}
    assert {one["metadata"]["namespace"] for one in run(bare).objects} == {"default"}
    values = run.file("values.yaml", rendering.GENEROUS)
    done = run.files(run.file("a.yaml", bare), "--namespace=team", "--values", values)
    assert {one["metadata"]["namespace"] for one in done.objects} == {"team"}


def test_other_objects_of_a_file_are_left_out_and_named(run: Run) -> None:
    done = run({"apiVersion": "v1", "kind": "ConfigMap"}, model())
    assert (done.status, done.err) == (0, "-: left out: ConfigMap\n")


def test_what_the_allow_lists_refuse_is_an_error_and_not_written(run: Run) -> None:
    done = run(model(serviceAccountName="reader"), values={"engine": {"images": {"cpu": rendering.CPU}}})
    assert (done.status, "spec.serviceAccountName reader is not in allow.serviceAccounts: none" in done.err) == (
        1,
        True,
    )
    assert "Deployment" not in done.kinds()
    assert "# Not written, as the errors say: ControllerRevision, Deployment, Service, Ingress" in done.out


def test_an_accelerator_without_an_image_is_an_error(run: Run) -> None:
    done = run(model(), values={})
    assert (done.status, "no image of the engine is known for cpu: set spec.engine.image" in done.err) == (1, True)
