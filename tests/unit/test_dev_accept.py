"""What `make accept` makes of what it is told: the image as the chart's values, pytest's words as rows of its report."""

import pytest

from dev import accept

DIGEST = f"sha256:{'0' * 64}"


@pytest.mark.parametrize(
    ("reference", "values"),
    [
        ("registry.example.com/vllm-operator:0.1.0", ("registry.example.com/vllm-operator", "0.1.0", "")),
        ("registry.example.com:5000/team/operator", ("registry.example.com:5000/team/operator", "", "")),
        (f"registry.example.com/operator:1@{DIGEST}", ("registry.example.com/operator", "1", DIGEST)),
        ("operator:1", ("operator", "1", "")),
    ],
)
def test_an_image_is_taken_apart_as_the_chart_wants_it(reference: str, values: tuple[str, str, str]) -> None:
    assert tuple(accept.image(reference).values()) == values


def test_the_report_names_each_test_whole() -> None:
    told = """\
PASSED tests/e2e/test_contract.py::test_a_call[1. Health Check]
PASSED tests/e2e/test_contract.py::test_wrong[{'max_tokens': -1}]
FAILED tests/e2e/test_contract.py::test_other[n] - AssertionError: {"error": 1}
"""
    assert accept.outcomes(told) == [
        ("PASSED", "test_a_call[1. Health Check]"),
        ("PASSED", "test_wrong[{'max_tokens': -1}]"),
        ("FAILED", "test_other[n]"),
    ]
