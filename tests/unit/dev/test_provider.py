"""What brought a cluster up takes it down, whatever the environment says by then."""

import pathlib

import pytest

from dev import progress, provider


class Recorded:
    """A provider that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.broken = False

    def prepare(self) -> None:
        self.told.append("prepare")

    def up(self, audit: tuple[str, ...] = ()) -> None:
        self.told.append(" ".join(["up", *audit]))
        if self.broken:
            raise progress.Failure("no disk", "buy one")

    def down(self) -> None:
        self.told.append("down")

    def healthy(self) -> bool:
        return self.told[-1:] == ["up"]

    def status(self) -> str:
        return "".join(self.told[-1:])

    def address(self) -> str:
        return "127.0.0.1"

    def logs(self) -> str:
        return "see nothing"

    def load_image(self, archive: pathlib.Path, name: str) -> None:
        self.told.append(f"{archive} {name}")


@pytest.fixture
def providers(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Recorded]:
    """Both providers, on a machine without an engine."""
    made = {"kind": Recorded(), "embedded": Recorded()}
    monkeypatch.setattr(provider, "PROVIDERS", made)
    monkeypatch.setattr(provider, "RECORD", tmp_path / "run" / "provider")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CLUSTER", raising=False)
    return made


@pytest.mark.parametrize("name", ["kind", "embedded"])
@pytest.mark.parametrize("then", ["", "kind", "embedded"])
def test_a_cluster_is_taken_down_by_what_brought_it_up(
    providers: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch, name: str, then: str
) -> None:
    monkeypatch.setenv("CLUSTER", name)
    provider.up()
    monkeypatch.setenv("CLUSTER", then)
    assert provider.current() is providers[name]
    provider.down()
    assert {other: found.told for other, found in providers.items() if found.told} == {name: ["up", "down"]}


def test_a_second_way_is_refused_while_a_cluster_is_up(
    providers: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    provider.up()
    monkeypatch.setenv("CLUSTER", "kind")
    with pytest.raises(progress.Failure, match=r"a cluster by embedded is up, .*: .*make demo-down"):
        provider.up()
    provider.down()
    provider.up()
    assert providers["kind"].told == ["up"]


def test_a_cluster_that_did_not_come_up_is_taken_down_too(
    providers: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was made before the failure has to go."""
    monkeypatch.setenv("CLUSTER", "kind")
    providers["kind"].broken = True
    with pytest.raises(progress.Failure, match="no disk"):
        provider.up()
    monkeypatch.delenv("CLUSTER")
    provider.down()
    assert providers["kind"].told == ["up", "down"]


def test_no_engine_is_no_kind(providers: dict[str, Recorded], tmp_path: pathlib.Path) -> None:
    """A command alone is none: an engine has to answer."""
    assert provider.current() is providers["embedded"]
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\nexit 125\n")
    podman.chmod(0o755)
    assert provider.current() is providers["embedded"]
    podman.write_text("#!/bin/sh\nexit 0\n")
    assert provider.current() is providers["kind"]
