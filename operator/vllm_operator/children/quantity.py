"""Quantities as the API server writes them back: `0.5` is `500m`, `32768Mi` is `32Gi`.

Source: the canonical form of k8s.io/apimachinery/pkg/api/resource.
"""

import decimal
import re

BINARY = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}


def canonical(quantity: int | str) -> str:
    """Return `quantity` in canonical form, rounded up to a billionth."""
    found = re.fullmatch(r"([+-]?[0-9.]+)([a-zA-Z]*)([+-]?[0-9]*)", str(quantity))
    if not found:
        return str(quantity)
    number, suffix, exponent = decimal.Decimal(found[1]), found[2], found[3]
    if suffix in BINARY[1:]:
        return _binary(number * 1024 ** BINARY.index(suffix))
    power = int(exponent) if exponent and suffix in ("e", "E") else DECIMAL.get(suffix, 0)
    return _decimal(number.scaleb(power), ("e" if exponent else ""))


def _binary(value: decimal.Decimal) -> str:
    if value < 1024 or value != int(value):  # noqa: PLR2004 - below one Ki the decimal form is used
        return _decimal(value, "")
    whole, step = int(value), 0
    while whole % 1024 == 0 and step + 1 < len(BINARY):
        whole, step = whole // 1024, step + 1
    return f"{whole}{BINARY[step]}"


def _decimal(value: decimal.Decimal, scientific: str) -> str:
    nano = int((value * 10**9).to_integral_value(decimal.ROUND_UP))
    if nano == 0:
        return "0"
    power = -9
    while nano % 1000 == 0 and power < max(DECIMAL.values()):
        nano, power = nano // 1000, power + 3
    if scientific:
        return f"{nano}e{power}" if power else str(nano)
    return f"{nano}{next(suffix for suffix, exponent in DECIMAL.items() if exponent == power)}"
