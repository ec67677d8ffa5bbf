"""A container's quantities as the API server writes them back: `0.5` is `500m`, `32768Mi` is `32Gi`.

Source: the canonical form of k8s.io/apimachinery/pkg/api/resource, and the API server's rounding of a container's resources. Must
not compute a number of unbounded size: what the schema does not admit is returned as it is, and the API server refuses it.
"""

import functools
import math
import re
from fractions import Fraction

from vllm_operator import api

FORM = re.compile(
    r"[+]?(?P<whole>[0-9]*)[.]?(?P<fraction>[0-9]*)(?P<suffix>[numkMGTPE]|[KMGTPE]i)?(?:[eE](?P<exponent>[+-]?[0-9]+))?"
)
BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
SUFFIX = {power: suffix for suffix, power in DECIMAL.items()}
KNOWN = 1024
"""Quantities whose value is kept: most models ask for the same few. Only such that the schema admits, so they are short."""


def canonical(quantity: int | str) -> str:
    """Return `quantity` in canonical form, rounded up to a thousandth; what the schema does not admit, as it is."""
    text = str(quantity)
    return _canonical(text) if api.is_quantity(text) else text


def number(quantity: int | str) -> Fraction:
    """Return the value of `quantity`; 0 where the schema does not admit it."""
    text = str(quantity)
    return _number(text) if api.is_quantity(text) else Fraction(0)


def larger(quantity: str, other: str) -> str:
    """Return the larger of two canonical quantities; `quantity` where the other is none."""
    return other if number(other) > number(quantity) else quantity


def total(*quantities: str) -> str:
    """Return the sum of canonical quantities."""
    return _binary(sum(map(number, quantities), Fraction(0)))


@functools.lru_cache(maxsize=KNOWN)
def _canonical(text: str) -> str:
    value, found = _number(text), FORM.fullmatch(text)
    if found is None or value > api.LARGEST_QUANTITY:
        return text
    suffix, exponent = found["suffix"] or "", found["exponent"]
    if suffix in BINARY[1:]:
        return _binary(value)
    return _exponential(value) if exponent else _decimal(value)


@functools.lru_cache(maxsize=KNOWN)
def _number(text: str) -> Fraction:
    found = FORM.fullmatch(text)
    if found is None:
        return Fraction(0)
    digits = Fraction(int(found["whole"] + found["fraction"]), 10 ** len(found["fraction"]))
    return digits * _factor(found["suffix"] or "", found["exponent"])


def _factor(suffix: str, exponent: str | None) -> Fraction:
    if suffix in BINARY:
        return Fraction(1024) ** BINARY.index(suffix) * Fraction(10) ** int(exponent or 0)
    return Fraction(10) ** DECIMAL[suffix]


def _binary(value: Fraction) -> str:
    """Return `value` with a binary suffix; below one Ki, and where a fraction is left, with a decimal one."""
    if value < 1024 or value.denominator != 1:  # noqa: PLR2004 - one Ki
        return _decimal(value)
    whole, step = int(value), 0
    while whole % 1024 == 0:
        whole, step = whole // 1024, step + 1
    return f"{whole}{BINARY[step]}"


def _decimal(value: Fraction) -> str:
    number, power = _thousands(value)
    return f"{number}{SUFFIX[power]}"


def _exponential(value: Fraction) -> str:
    number, power = _thousands(value)
    return f"{number}e{power}" if power else str(number)


def _thousands(value: Fraction) -> tuple[int, int]:
    """Return `value`, rounded up to a thousandth, as a whole number and the power of ten that it is to be multiplied by."""
    number, power = math.ceil(value * 1000), -3
    if number == 0:
        return 0, 0
    while number % 1000 == 0:
        number, power = number // 1000, power + 3
    return number, power
