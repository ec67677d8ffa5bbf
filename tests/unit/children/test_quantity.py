"""Quantities are sent as the API server writes them back, so that comparing them settles."""

import pytest

from vllm_operator.children import quantity

CASES = {
    "8000m": "8", "0.5": "500m", "1.5Gi": "1536Mi", "32768Mi": "32Gi", "1Gi": "1Gi", "1": "1", "0": "0", "500m": "500m",
    "1000": "1k", "1024": "1024", "1024Ki": "1Mi", "0.5Ki": "512", "1e3": "1e3", "2500M": "2500M", "100n": "100n", "1E": "1E",
}  # fmt: skip


@pytest.mark.parametrize("given", CASES)
def test_quantities_are_canonical(given: str) -> None:
    assert quantity.canonical(given) == CASES[given]
    assert quantity.canonical(CASES[given]) == CASES[given]


def test_whole_numbers_are_quantities_too() -> None:
    assert quantity.canonical(4) == "4"
