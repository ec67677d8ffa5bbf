"""What brought a cluster up takes it down, whatever the environment says by then."""

import pathlib

import pytest

from dev import __main__ as command
from dev import layout, progress, provider
from dev.embedded import cleanup


class Recorded:
    """A provider that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []
        self.broken = self.is_up = False

    def prepare(self) -> None:
        self.told.append("prepare")

    def up(self, audit: tuple[str, ...] = ()) -> None:
        self.told.append(" ".join(["up", *audit]))
        if self.broken:
            raise progress.Failure("no disk", "buy one")
        self.is_up = True

    def down(self) -> None:
        self.told.append("down")
        self.is_up = False

    def is_there(self) -> bool:
        return self.is_up

    def healthy(self) -> bool:
        return self.is_up

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


def test_a_way_that_failed_stands_in_no_other_ones_way(
    providers: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was made before the failure goes first."""
    monkeypatch.setenv("CLUSTER", "kind")
    providers["kind"].broken = True
    with pytest.raises(progress.Failure, match="no disk"):
        provider.up()
    monkeypatch.setenv("CLUSTER", "embedded")
    provider.up()
    assert (providers["kind"].told, providers["embedded"].told) == (["up", "down"], ["up"])


def test_what_did_not_come_up_is_taken_down_too(
    providers: dict[str, Recorded], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLUSTER", "kind")
    providers["kind"].broken = True
    with pytest.raises(progress.Failure, match="no disk"):
        provider.up()
    monkeypatch.delenv("CLUSTER")
    assert provider.down()
    assert providers["kind"].told == ["up", "down"]


@pytest.mark.parametrize("name", ["kind", "embedded"])
def test_what_another_cache_directory_brought_up_is_taken_down_and_nothing_is_told(
    providers: dict[str, Recorded], name: str
) -> None:
    assert not provider.down()
    providers[name].up()
    assert provider.down()
    assert {other: found.told for other, found in providers.items() if found.told} == {name: ["up", "down"]}


def test_who_takes_down_nothing_is_told_so(
    providers: dict[str, Recorded],
    tmp_path: pathlib.Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(layout, "PID_FILE", tmp_path / "pid")
    monkeypatch.setattr(cleanup, "LINKS", tmp_path)
    command.COMMANDS["demo-down"][1]([])
    assert "nothing is up" in capsys.readouterr().out
    providers["kind"].up()
    command.COMMANDS["demo-down"][1]([])
    assert "nothing is up" not in capsys.readouterr().out
    (tmp_path / layout.INTERFACE).touch()
    with pytest.raises(progress.Failure, match=r"another user, or with another cache directory, .*VLLM_OPERATOR_CACHE"):
        command.COMMANDS["demo-down"][1]([])


def test_no_engine_is_no_kind(providers: dict[str, Recorded], tmp_path: pathlib.Path) -> None:
    """A command alone is none: an engine has to answer."""
    assert provider.current() is providers["embedded"]
    podman = tmp_path / "podman"
    podman.write_text("#!/bin/sh\nexit 125\n")
    podman.chmod(0o755)
    assert provider.current() is providers["embedded"]
    podman.write_text("#!/bin/sh\nexit 0\n")
    assert provider.current() is providers["kind"]
