"""Which URLs of requests an engine may fetch: those of listed hosts, none where none is listed, and none behind a redirect."""

from typing import Any

import pytest

from vllm_operator import api, config
from vllm_operator.engine import environment, media, options

OPTION = "--allowed-media-domains"
LISTED = {"media": {"allowDomains": ["images.example.com", "cdn.example.com"]}}


def hosts(**engine: Any) -> list[str]:
    """Return the hosts that vLLM is told of."""
    spec = {"model": {"source": "file:///models/a/b", "servedNames": ["c"]}, "engine": engine}
    given = options.arguments(api.Spec.model_validate(spec))
    assert [one for one in given if one.startswith("--allowed-media")] == [OPTION]
    behind = given[given.index(OPTION) + 1 :]
    return behind[: next(at for at, one in enumerate(behind) if one.startswith("-"))]


def test_an_engine_fetches_no_url_unless_its_host_is_listed() -> None:
    """An empty list would be every host to vLLM, so one is named that no name server knows."""
    for engine in ({}, {"media": {}}, {"media": {"allowDomains": []}}):
        assert hosts(**engine) == [media.NONE]
        assert media.NONE.endswith(".invalid")
    assert hosts(**LISTED) == ["images.example.com", "cdn.example.com"]


@pytest.mark.parametrize("own", ["1", "0"])
def test_no_redirect_is_followed_whatever_is_asked(own: str) -> None:
    engine = api.Engine.model_validate({**LISTED, "env": [{"name": media.REDIRECTS, "value": own}]})
    settings = config.Config(engine_env={"cpu": {media.REDIRECTS: "1"}})
    found = environment.environment(engine, settings)
    assert [one["value"] for one in found if one["name"] == media.REDIRECTS] == ["0"]


@pytest.mark.parametrize(
    ("args", "wanted"),
    [
        (['--allowed-media-domains=["a.example","b.example"]'], ["a.example", "b.example"]),
        (['--allowed_media_domains=["a.example"]'], ["a.example"]),
        (["--allowed-media-domains=a.example"], ["a.example"]),
        (["--allowed-media-domains=a.example", "--allowed-media-domains=b.example"], ["b.example"]),
        (['--allowed-media-domains=["169.254.169.254","localhost","a.example"]'], ["a.example"]),
        (["--allowed-media-domains=169.254.169.254"], [media.NONE]),
        (["--allowed-media-domains"], [media.NONE]),
    ],
)
def test_hosts_that_an_earlier_release_took_as_an_argument_stay_listed(args: list[str], wanted: list[str]) -> None:
    assert hosts(args=args) == wanted
    assert hosts(args=args, **LISTED) == ["images.example.com", "cdn.example.com"]
