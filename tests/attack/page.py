"""The claims of docs/security.md, by the mark of their table in the page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.attack import claims, claims_guard

if TYPE_CHECKING:
    from collections.abc import Mapping

CLAIMS: Mapping[str, Mapping[str, claims.Claim]] = {
    "tenants": claims.TENANTS,
    "account": claims.ACCOUNT,
    "keys": claims.KEYS,
    "guard": claims_guard.GUARD,
    "supply": claims_guard.SUPPLY,
    "logs": claims_guard.LOGS,
}


def every() -> dict[str, claims.Claim]:
    """Return all claims by name."""
    return {name: claim for found in CLAIMS.values() for name, claim in found.items()}
