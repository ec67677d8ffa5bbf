"""What a model may write on its node's disk is bounded, container by container, and real models have the room that they need."""

from typing import Any

import pytest

from vllm_operator import api, config
from vllm_operator.children import disk, fetch, pod, quantity
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "llama", "u")
SETTINGS = config.Config(engine_images={"cpu": "registry.example/vllm-cpu:1"})
FETCHED = {"source": "hf://meta/llama"}
MODELS: dict[str, dict[str, Any]] = {
    "directory": {"source": "file:///models/a"}, "claim": {"source": "pvc://weights/a"},
    "image": {"source": "oci://registry.example/a/b:1"}, "fetched": FETCHED,
    "kept": {**FETCHED, "cache": {"size": "200Gi"}},
    "adapters": {"source": "pvc://weights/a", "adapters": [{"name": "sql", "source": "hf://org/sql"}]},
}  # fmt: skip


def spec(model: dict[str, Any], **said: Any) -> api.Spec:
    return api.parse({"model": model, **said})


def rendered(model: dict[str, Any], settings: config.Config = SETTINGS, **said: Any) -> kinds.Object:
    found: kinds.Object = pod.template(OWNER, spec(model, **said), settings)["spec"]
    return found


def job(settings: config.Config = SETTINGS) -> kinds.Object:
    made: kinds.Object = fetch.job(OWNER, spec(MODELS["kept"]), settings, "")["spec"]["template"]["spec"]
    return made


def containers(of: kinds.Object) -> dict[str, kinds.Object]:
    return {one["name"]: one["resources"] for one in (*of.get("initContainers", []), *of["containers"])}


def volumes(of: kinds.Object) -> dict[str, str]:
    """Return the sizes of the volumes on the node's disk, by name."""
    found = {one["name"]: one["emptyDir"] for one in of["volumes"] if "emptyDir" in one}
    return {name: volume["sizeLimit"] for name, volume in found.items() if volume.get("medium") != "Memory"}


PODS = {**{name: rendered(model) for name, model in MODELS.items()}, "job": job()}


@pytest.mark.parametrize("name", PODS)
def test_every_container_reserves_little_and_is_bounded(name: str) -> None:
    """The kubelet adds up the limits, so one container without a limit would be paid for by the others."""
    for resources in containers(PODS[name]).values():
        reserved, most = resources["requests"][disk.NAME], resources["limits"][disk.NAME]
        assert 0 < quantity.number(reserved) <= 2**30
        assert quantity.number(reserved) < quantity.number(most)


@pytest.mark.parametrize("name", MODELS)
def test_a_server_has_room_for_all_its_scratch_volumes_and_its_logs(name: str) -> None:
    found = containers(PODS[name])
    most = sum(quantity.number(found[each]["limits"][disk.NAME]) for each in ("vllm", "guard"))
    sizes = volumes(PODS[name])
    assert {"home", "tmp", "run"} <= set(sizes)
    assert most >= sum(map(quantity.number, sizes.values())) + 2**30


@pytest.mark.parametrize("name", ["fetched", "adapters"])
def test_weights_that_a_server_fetches_have_room_for_the_largest_that_are_published(name: str) -> None:
    volume = "weights" if name == "fetched" else "adapters"
    assert volumes(PODS[name])[volume] == "2Ti"
    assert containers(PODS[name])["vllm"]["limits"][disk.NAME] == "2113Gi"


def test_weights_on_a_claim_or_in_an_image_take_none_of_it() -> None:
    for name in ("claim", "image", "kept"):
        assert "weights" not in volumes(PODS[name])
        assert containers(PODS[name])["vllm"]["limits"][disk.NAME] == "65Gi"


def test_the_limit_of_a_spec_is_the_size_of_every_scratch_volume() -> None:
    found = rendered(FETCHED, resources={"limits": {disk.NAME: "4096Gi"}})
    assert volumes(found) == {"home": "4Ti", "tmp": "4Ti", "weights": "4Ti", "run": "16Mi"}
    assert containers(found)["vllm"] == {"limits": {disk.NAME: "4Ti"}}, "the API server reserves what is the limit"


def test_what_a_spec_reserves_is_reserved_and_may_be_used() -> None:
    found = containers(rendered(FETCHED, resources={"requests": {disk.NAME: "3Ti"}}))["vllm"]
    assert found == {"limits": {disk.NAME: "3Ti"}, "requests": {disk.NAME: "3Ti"}}
    both = {"requests": {disk.NAME: "1Gi"}, "limits": {disk.NAME: 8 * 2**30}}
    asked = {"requests": {disk.NAME: "1Gi"}, "limits": {disk.NAME: str(8 * 2**30)}}
    assert containers(rendered(FETCHED, resources=both))["vllm"] == asked


def test_a_guard_has_what_its_resources_say() -> None:
    found = containers(rendered(FETCHED, guard={"resources": {"requests": {disk.NAME: "2Gi"}}}))["guard"]
    assert (found["requests"][disk.NAME], found["limits"][disk.NAME]) == ("2Gi", "2Gi")
    found = containers(rendered(FETCHED, guard={"resources": {"limits": {disk.NAME: "32Mi"}}}))["guard"]
    assert found["limits"][disk.NAME] == "32Mi"
    assert disk.NAME not in found["requests"]


def test_the_chart_sets_the_sizes_of_models_that_say_nothing() -> None:
    settings = SETTINGS.model_copy(
        update={"scratch_size": "1Gi", "scratch_weights": "10Gi", "scratch_reserved": "20Gi"}
    )
    found = rendered(FETCHED, settings)
    assert volumes(found) == {"home": "1Gi", "tmp": "1Gi", "weights": "10Gi", "run": "16Mi"}
    engine = containers(found)["vllm"]
    assert (engine["requests"][disk.NAME], engine["limits"][disk.NAME]) == ("20Gi", "20Gi")


@pytest.mark.parametrize("name", PODS)
def test_nothing_is_reserved_where_the_chart_reserves_nothing(name: str) -> None:
    """Nodes that report no ephemeral storage have no place for a pod that asks for some."""
    settings = config.Config(**{**SETTINGS.model_dump(), "scratch_reserved": "0"})
    found = job(settings) if name == "job" else rendered(MODELS[name], settings)
    assert {quantity.number(one["requests"][disk.NAME]) for one in containers(found).values()} == {0}


def test_no_other_container_reserves_more_than_the_engine() -> None:
    settings = SETTINGS.model_copy(update={"scratch_reserved": "8Mi"})
    assert {one["requests"][disk.NAME] for one in containers(rendered(FETCHED, settings)).values()} == {"8Mi"}
