"""Behind a proxy, what is on this machine is asked without it."""

import urllib.request

import pytest

from dev import indexes, layout

PROXY = {"https_proxy": "http://proxy.example:3128"}


def test_where_there_is_no_proxy_nothing_is_set() -> None:
    assert indexes.direct(layout.LOCAL, {"no_proxy": "example.com"}) == {}


@pytest.mark.parametrize("before", [{"no_proxy": "example.com"}, {"NO_PROXY": "example.com,localhost"}, {}])
def test_the_local_cluster_is_no_business_of_the_proxy(before: dict[str, str]) -> None:
    found = indexes.direct(layout.LOCAL, PROXY | before)
    assert found["no_proxy"] == found["NO_PROXY"]
    listed = found["no_proxy"].split(",")
    assert {layout.HOST, layout.NETWORK, "127.0.0.1", *filter(None, before.get("no_proxy", "").split(","))} <= set(
        listed
    )
    assert len(listed) == len(set(listed))


def test_programs_understand_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (PROXY | indexes.direct(layout.LOCAL, PROXY)).items():
        monkeypatch.setenv(name, value)
    assert urllib.request.proxy_bypass_environment(layout.HOST)
    assert not urllib.request.proxy_bypass_environment("pypi.org")
