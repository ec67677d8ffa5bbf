"""Quantities are sent as the API server writes them back, so that comparing them settles."""

import pytest

from vllm_operator.children import quantity

CASES = {
    "8000m": "8", "0.5": "500m", "1.5Gi": "1536Mi", "32768Mi": "32Gi", "1Gi": "1Gi", "1": "1", "0": "0", "500m": "500m",
    "1000": "1k", "1024": "1024", "1024Ki": "1Mi", "0.5Ki": "512", "1e3": "1e3", "2500M": "2500M", "1E": "1E",
    "+1": "1", ".5": "500m", "1.": "1", "1E3": "1e3", "12e4": "120e3", "129e6": "129e6", "128974848": "128974848",
    "1500m": "1500m", "7Ei": "7Ei", "0.1Gi": "107374182400m", "100n": "1m", "1e-9": "1e-3", "0e5": "0", "1000000000000000": "1P",
    "0.9999": "1", "1.5E": "1500P",
}  # fmt: skip


@pytest.mark.parametrize("given", CASES)
def test_quantities_are_canonical(given: str) -> None:
    assert quantity.canonical(given) == CASES[given]
    assert quantity.canonical(CASES[given]) == CASES[given]


def test_whole_numbers_are_quantities_too() -> None:
    assert quantity.canonical(4) == "4"


@pytest.mark.parametrize(
    "given",
    ["1e800000", "1e-800000", "1e98", "1e100", "9" * 19, "1000E", "9" * 18 + "E", "8Ei", "9000Pi", "lots", "", ".", "-1", "1 ",
     "1\n", "٣", "1.0000000000", 2**70],
)  # fmt: skip
def test_what_the_schema_does_not_admit_is_left_as_it_is(given: int | str) -> None:
    assert quantity.canonical(given) == str(given)
