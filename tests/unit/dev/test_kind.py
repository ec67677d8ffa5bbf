"""What kind, its engine and kubectl are told, by programs that note it."""

import json
import pathlib
import shutil

import pytest

from dev import binaries, contour, image_builders, kind, layout, node_image, progress

NOTE = """#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >> "$here/told"
"""
KIND = f"""{NOTE}
case "$1 $2" in
"create cluster")
    cat > "$here/configuration"
    test ! -e "$here/broken" || {{ cat "$here/broken" >&2; exit 1; }}
    echo {kind.CONTROL_PLANE} > "$here/nodes.podman" ;;
esac
"""
ENGINE = f"""{NOTE}
nodes="$here/nodes.$(basename "$0")"
case "$1 $2 $3" in
"ps --all --filter=label={kind.LABEL}") test ! -e "$nodes" || cat "$nodes" ;;
"volume ls --quiet") echo a-volume ;;
"rm --force --volumes") rm "$nodes" ;;
esac
"""
SILENT = NOTE + "exit 1\n"
PREPARE = kind.prepare


class Machine:
    """A machine with podman and kind, whose commands are noted."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        for name, script in {"kind": KIND, "podman": ENGINE, "kubectl": NOTE}.items():
            self.has(name, script)

    def has(self, name: str, script: str) -> None:
        program = self.directory / name
        program.write_text(script)
        program.chmod(0o755)

    def told(self, program: str) -> list[str]:
        """Return what a program was told since the last question."""
        log = self.directory / "told"
        lines = log.read_text().splitlines() if log.exists() else []
        log.unlink(missing_ok=True)
        return [line.removeprefix(f"{program} ") for line in lines if line.startswith(f"{program} ")]


@pytest.fixture
def machine(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    programs = tmp_path / "programs"
    programs.mkdir()
    made, run = Machine(programs), tmp_path / "run"
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    for name, path in {"RUN": run, "KUBECONFIG": run / "kubeconfig"}.items():
        monkeypatch.setattr(layout, name, path)
    monkeypatch.setattr(kind, "ENGINE", run / "engine")
    monkeypatch.setattr(kind, "IMPORTED", run / "imported.json")
    monkeypatch.setattr(kind, "ENGINES", {"wanted-engine": {}, "podman": kind.ENGINES["podman"]})
    monkeypatch.setattr(kind, "prepare", lambda: None)
    monkeypatch.setattr(binaries, "directory", lambda _: programs)
    monkeypatch.setattr(binaries, "find", lambda name: str(programs / name))
    monkeypatch.setattr(contour, "in_pods", lambda _: [])
    monkeypatch.setattr(image_builders, "registry_answers", lambda: True)
    return made


def test_the_edge_listens_on_loopback_alone(machine: Machine) -> None:
    kind.up()
    [node] = json.loads((machine.directory / "configuration").read_text())["nodes"]
    assert {(entry["hostPort"], entry["listenAddress"]) for entry in node["extraPortMappings"]} == {
        (80, kind.address()),
        (443, "127.0.0.1"),
    }


@pytest.mark.parametrize("registry", [True, False])
def test_a_node_image_is_made_only_where_no_registry_answers(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, registry: bool
) -> None:
    monkeypatch.setattr(image_builders, "registry_answers", lambda: registry)
    monkeypatch.setattr(node_image, "build", lambda: (pathlib.Path("node.tar"), "localhost/node:1"))
    kind.up()
    [created] = [words for words in machine.told("kind") if words.startswith("create")]
    assert ("--image=localhost/node:1" in created) is not registry


def test_an_image_is_loaded_once_into_a_cluster(machine: Machine) -> None:
    load = "load image-archive image.tar --name=vllm-operator"
    kind.up()
    kind.load_image(pathlib.Path("image.tar"), "image:1")
    kind.load_image(pathlib.Path("image.tar"), "image:1")
    assert machine.told("kind").count(load) == 1
    kind.down()
    kind.up()
    kind.load_image(pathlib.Path("image.tar"), "image:1")
    assert machine.told("kind").count(load) == 1


def test_a_second_run_finds_the_cluster(machine: Machine) -> None:
    kind.up()
    machine.told("kind")
    kind.up()
    assert machine.told("kind") == []


def test_a_cluster_that_was_made_by_half_is_replaced(machine: Machine) -> None:
    """Its API server does not answer."""
    kind.up()
    machine.told("kind")
    machine.has("kubectl", f'{NOTE}case "$*" in *readyz*) exit 1 ;; esac\n')
    kind.up()
    done = (machine.directory / "told").read_text().splitlines()
    replaced = [line for line in done if line.startswith(("podman rm", "kind create"))]
    assert [line.split()[1] for line in replaced] == ["rm", "create"]


@pytest.mark.parametrize("engine", ["podman", "wanted-engine"])
def test_each_engine_gives_up_a_cluster_of_this_name_whoever_made_it(machine: Machine, engine: str) -> None:
    """Another user's cache directory has it, or the one that had it is gone."""
    machine.has("wanted-engine", ENGINE)
    assert not kind.is_there()
    (machine.directory / f"nodes.{engine}").write_text(kind.CONTROL_PLANE)
    assert kind.is_there()
    kind.down()
    done = [words for words in machine.told(engine) if not words.startswith(("info", "ps", "volume ls"))]
    assert done == [f"rm --force --volumes {kind.CONTROL_PLANE}", "volume rm --force a-volume"]
    assert not kind.is_there()


def test_a_cluster_of_another_cache_directory_is_left_alone_until_somebody_takes_it_down(machine: Machine) -> None:
    kind.up()
    shutil.rmtree(layout.RUN)
    with pytest.raises(progress.Failure, match="make demo-down"):
        kind.up()
    kind.down()
    kind.up()
    assert [words.split()[0] for words in machine.told("kind")] == ["create", "create"]


def test_a_cluster_whose_engine_does_not_answer_is_not_forgotten(machine: Machine) -> None:
    kind.up()
    machine.has("podman", SILENT)
    assert kind.is_there()
    with pytest.raises(progress.Failure, match="podman does not answer: start podman"):
        kind.down()
    machine.has("podman", ENGINE)
    machine.told("podman")
    kind.down()
    assert any(words.startswith("rm --force") for words in machine.told("podman"))


def test_who_may_not_ask_the_engine_is_told_so_before_anything_is_built(machine: Machine) -> None:
    machine.has("podman", f"{NOTE}echo 'dial unix /var/run/podman.sock: connect: permission denied' >&2; exit 1\n")
    with pytest.raises(
        progress.Failure, match=r"podman does not let this user in: run it with sudo, or .*usermod -aG podman"
    ):
        PREPARE()


def test_a_taken_port_is_named(machine: Machine) -> None:
    (machine.directory / "broken").write_text("rootlessport listen tcp 127.0.0.1:80: bind: address already in use")
    with pytest.raises(progress.Failure, match=r"port 80 or 443 of 127\.0\.0\.1 is taken: stop what listens there"):
        kind.up()
