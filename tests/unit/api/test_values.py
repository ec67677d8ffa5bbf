"""Texts that stand for values: what they mean, and that what is none of them is said."""

import datetime as dt
import re

import hypothesis
import pytest
from hypothesis import strategies as some

from vllm_operator import api
from vllm_operator.api import values


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("30m", 1800), ("1h30m", 5400), ("0s", 0), ("1m1m", 120), ("0000000000001s", 1)]
)
def test_a_duration_is_a_sum_of_its_parts(text: str, seconds: int) -> None:
    assert api.seconds(text) == seconds


@pytest.mark.parametrize("text", ["", "soon", "1", "s", "1.5h", "-1s", "1d", "1s ", "1s\n", "٣s"])
def test_what_is_no_duration_is_said(text: str) -> None:
    with pytest.raises(ValueError, match="write a duration such as 90s"):
        api.seconds(text)


@pytest.mark.parametrize(
    ("text", "same"),
    [("2027-01-31T12:00:00.999999999Z", "2027-01-31T12:00:00Z"), ("2027-01-31T12:00:00+05:30", "2027-01-31T06:30:00Z"),
     ("2027-01-31T12:00:00-08:00", "2027-01-31T20:00:00Z"), ("2027-01-31t12:00:00z", "2027-01-31T12:00:00Z")],
)  # fmt: skip
def test_a_moment_is_the_same_at_every_offset(text: str, same: str) -> None:
    assert api.moment(api.unix(text)) == same


@pytest.mark.parametrize(
    ("text", "same"),
    [("2027-01-31T12:00:00+24:00", "2027-01-30T12:00:00Z"), ("2027-01-31T12:00:00+23:60", "2027-01-30T12:00:00Z"),
     ("2027-01-31T12:00:00,5Z", "2027-01-31T12:00:00Z")],
)  # fmt: skip
def test_a_moment_that_an_older_schema_took_is_read_as_the_api_server_reads_it(text: str, same: str) -> None:
    assert not re.fullmatch(values.MOMENT, text)
    assert api.moment(api.unix(text)) == same


@pytest.mark.parametrize(
    "text",
    ["", "soon", "2027-01-31", "2027-01-31T12:00:00", "2027-02-30T12:00:00Z", "2027-01-31T12:00:60Z",
        "at 2027-01-31T12:00:00Z",
     "2027-01-31T12:00:00+25:00", "٢027-01-31T12:00:00Z"],
)  # fmt: skip
def test_what_is_no_moment_is_said(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        api.unix(text)


@hypothesis.given(some.datetimes(dt.datetime(2025, 1, 1), dt.datetime(2199, 12, 31)))  # noqa: DTZ001 - read as UTC below
def test_every_moment_comes_back(at: dt.datetime) -> None:
    text = f"{at:%Y-%m-%dT%H:%M:%S}Z"
    assert re.fullmatch(values.MOMENT, text)
    assert api.moment(api.unix(text)) == text


@pytest.mark.parametrize(
    "text", ["1", "1e3", "128974848", "129e6", "500m", "1.5Gi", "0.1", "+1", ".5", "1.", "1E", "100n"]
)
def test_what_people_write_is_a_quantity(text: str) -> None:
    assert api.is_quantity(text)


@pytest.mark.parametrize(
    "text", ["1e100", "1e800000", "1e-100", "-1", "", ".", "1k3", "1 ", "1\n", "9" * 19, "٣", "0x1", "1KI"]
)
def test_what_is_no_quantity_of_bounded_size_is_none(text: str) -> None:
    assert not api.is_quantity(text)
