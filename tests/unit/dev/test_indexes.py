"""Behind a proxy, what is on this machine is asked without it; behind a mirror, images are made from that mirror."""

import pathlib
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


def apt(etc: pathlib.Path, codename: str, mirror: str) -> pathlib.Path:
    """Return a Debian's /etc: one line for the release, one file for a mirror."""
    (etc / "apt/sources.list.d").mkdir(parents=True)
    (etc / "os-release").write_text(f"ID=debian\nVERSION_CODENAME={codename}\n")
    source = f"Types: deb\nURIs: {mirror}\nSuites: {codename} {codename}-updates\nComponents: main\n"
    keys = "Signed-By: /usr/share/keyrings/debian-archive-keyring.pgp\n"
    (etc / "apt/sources.list.d/debian.sources").write_text(source + keys)
    return etc


@pytest.mark.parametrize("codename", ["bookworm", "trixie"])
def test_a_mirrors_debian_12_is_what_images_are_made_from(tmp_path: pathlib.Path, codename: str) -> None:
    etc = apt(tmp_path / "etc", codename, "http://mirror.example/debian")
    [found] = indexes.debian_sources(etc, tmp_path / "copies")
    assert "URIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\n" in found.read_text()
    assert ("Signed-By" in found.read_text()) is (codename == "bookworm")


@pytest.mark.parametrize(
    ("codename", "mirror"), [("trixie", "http://deb.debian.org/debian"), ("noble", "http://mirror.example/ubuntu")]
)
def test_without_a_mirror_of_debian_the_public_one_stays(tmp_path: pathlib.Path, codename: str, mirror: str) -> None:
    assert indexes.debian_sources(apt(tmp_path / "etc", codename, mirror), tmp_path / "copies") == []
