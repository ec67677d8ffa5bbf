"""vLLM's own media connector, with the arguments and the variables of our engines: it reaches listed hosts and no other."""

from typing import Any

import pytest

from tests import kubectl
from tests.e2e import media


@pytest.fixture(scope="module")
def reached(admin: kubectl.Admin) -> dict[str, Any]:
    by_itself = {kind: {"arguments": ["a/b"], "redirects": "1", "kinds": [kind]} for kind in media.KINDS}
    return media.reached(admin, {"none": media.case(), "listed": media.case(media.HOST), **by_itself})


def test_without_a_list_nobody_is_reached(reached: dict[str, Any]) -> None:
    assert reached["none"] == {url: [] for url in media.ALL}


def test_a_listed_host_is_reached_and_no_other_in_any_spelling(reached: dict[str, Any]) -> None:
    assert reached["listed"] == {
        url: [media.HOST, media.LISTENER] if url in (*media.FROM_HOST, *media.REDIRECTS) else [] for url in media.ALL
    }


@pytest.mark.parametrize("kind", media.KINDS)
def test_vllm_by_itself_reaches_all_of_them(reached: dict[str, Any], kind: str) -> None:
    """So the two tests above would see it, whatever kind of media a request names."""
    found = reached[kind]
    assert [url for url in (*media.FROM_HOST, *media.ELSEWHERE) if not found[url]] == []
    beyond = ("169.254.169.254", "127.0.0.1", media.OTHER)
    assert [url for url, target in zip(media.REDIRECTS, beyond, strict=True) if target not in found[url]] == []
