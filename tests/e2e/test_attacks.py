"""The quick part of `make attack`, on the demo of these tests: what docs/security.md says cannot be done is tried here too."""

from collections.abc import Iterator

import pytest

from tests import kubectl
from tests.attack import attack, site, table, tenants

QUICK = [one for one in table.ATTACKS if one.is_quick]


@pytest.fixture(scope="module")
def where(admin: kubectl.Admin) -> Iterator[site.Site]:
    found = site.Site(admin)
    yield found
    tenants.clean(found)


@pytest.mark.parametrize("one", QUICK, ids=[one.tried for one in QUICK])
def test_what_is_claimed_holds_when_it_is_tried(where: site.Site, one: attack.Attack) -> None:
    seen = one.run(where)
    assert seen.held, seen.figure
