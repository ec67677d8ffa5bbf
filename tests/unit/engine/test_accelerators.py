"""What asks for an accelerator gets one: its image, all of its devices, and never the image for CPUs."""

from typing import Any

import pytest

from vllm_operator import api, config
from vllm_operator.engine import accelerators, options

IMAGES = {"nvidia.com/gpu": "cuda:1", "amd.com/gpu": "rocm:1", "gpu.intel.com/xe": "xpu:1", "cpu": "cpu:1"}
SETTINGS = config.Config(engine_images=IMAGES)
SOURCE = {"source": "file:///models/a/b"}


def spec(resources: dict[str, Any], *args: str, **more: Any) -> api.Spec:
    return api.parse({"model": SOURCE, "resources": resources, "engine": {"args": args}, **more})


def limited(resource: str, amount: int | str = 1, *args: str) -> api.Spec:
    return spec({"limits": {resource: amount, "memory": "8Gi", "hugepages-2Mi": "4Mi"}}, *args)


@pytest.mark.parametrize(
    ("resource", "image"),
    [
        ("nvidia.com/gpu", "cuda:1"),
        ("nvidia.com/mig-1g.10gb", "cuda:1"),
        ("nvidia.com/gpu.shared", "cuda:1"),
        ("amd.com/gpu", "rocm:1"),
        ("gpu.intel.com/i915", "xpu:1"),
        ("aws.amazon.com/neuron", ""),
        ("volcano.sh/vgpu-number", ""),
        ("google.com/tpu", ""),
        ("example.com/anything", ""),
    ],
)
def test_an_accelerator_has_its_own_image_or_one_of_its_vendor_and_never_that_for_cpus(
    resource: str, image: str
) -> None:
    assert accelerators.image(limited(resource), SETTINGS) == image
    assert accelerators.asked_for(limited(resource).resources) == [resource]


@pytest.mark.parametrize("resource", ["cpu", "memory", "ephemeral-storage", "hugepages-1Gi", "kubernetes.io/x"])
def test_what_is_kubernetes_own_is_no_accelerator(resource: str) -> None:
    assert accelerators.image(limited(resource), SETTINGS) == "cpu:1"


@pytest.mark.parametrize("none", [0, "0", "+0", "0.0", "0Gi", "0e5"])
def test_none_of_an_accelerator_is_none(none: int | str) -> None:
    assert accelerators.image(limited("nvidia.com/gpu", none), SETTINGS) == "cpu:1"


def test_devices_by_claims_never_get_the_image_for_cpus_and_may_have_one_of_their_own() -> None:
    claimed = spec({"claims": [{"name": "gpus"}]}, resourceClaims=[{"name": "gpus", "resourceClaimName": "shared"}])
    assert accelerators.image(claimed, SETTINGS) == ""
    images = {**IMAGES, "resourceClaims": "dra:1"}
    assert accelerators.image(claimed, config.Config(engine_images=images)) == "dra:1"


def split(wanted: api.Spec) -> list[str]:
    return [one for one in options.arguments(wanted) if one.startswith("--tensor")]


@pytest.mark.parametrize("resource", ["nvidia.com/gpu", "amd.com/gpu", "google.com/tpu", "habana.ai/gaudi"])
def test_a_model_is_split_among_all_accelerators_of_its_server(resource: str) -> None:
    assert split(limited(resource, 2)) == split(limited(resource, "2")) == ["--tensor-parallel-size=2"]
    assert split(limited(resource, 1)) == []


def test_a_network_card_beside_the_accelerators_is_not_counted() -> None:
    assert split(spec({"limits": {"nvidia.com/gpu": 8, "rdma/hca": 4}})) == ["--tensor-parallel-size=8"]


@pytest.mark.parametrize("resource", ["nvidia.com/mig-1g.10gb", "nvidia.com/gpu.shared", "volcano.sh/vgpu-number"])
def test_parts_of_an_accelerator_are_not_joined(resource: str) -> None:
    assert split(limited(resource, 2)) == []


@pytest.mark.parametrize("amount", ["1k", "2.5", "1e3", "9" * 18])
def test_a_stored_amount_that_is_no_number_of_devices_is_not_split(amount: str) -> None:
    assert split(limited("nvidia.com/gpu", amount)) == []


def test_two_kinds_of_accelerators_are_not_joined() -> None:
    assert split(spec({"limits": {"nvidia.com/gpu": 2, "amd.com/gpu": 2}})) == []


@pytest.mark.parametrize(
    "given", ["--tensor-parallel-size=4", "--tensor_parallel_size=1", "--tensor-par=2", "--pipeline-parallel-size=2",
              "--data-parallel-size=2", "--data_parallel_size_local=2", "--nnodes=2"]
)  # fmt: skip
def test_who_says_how_a_model_is_split_is_not_contradicted(given: str) -> None:
    found = options.arguments(limited("nvidia.com/gpu", 4, given))
    assert [one for one in found if "parallel" in one or "nnodes" in one or "tensor" in one] == [given]
