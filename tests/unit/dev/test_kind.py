"""What kind, its engine and kubectl are told, by programs that note it."""

import json
import pathlib

import pytest

from dev import binaries, contour, image_builders, kind, layout, node_image, progress

NOTE = """#!/bin/sh
here=$(dirname "$0")
echo "$(basename "$0") $*" >> "$here/told"
"""
KIND = f"""{NOTE}
case "$1 $2" in
"get clusters") cat "$here/clusters" ;;
"create cluster")
    cat > "$here/configuration"
    test ! -e "$here/broken" || {{ cat "$here/broken" >&2; exit 1; }}
    echo {kind.NAME} > "$here/clusters" ;;
"delete cluster") : > "$here/clusters" ;;
esac
"""
SILENT = NOTE + "exit 1\n"


class Machine:
    """A machine with podman and kind, whose commands are noted."""

    def __init__(self, directory: pathlib.Path) -> None:
        self.directory = directory
        for name, script in {"kind": KIND, "podman": NOTE, "kubectl": NOTE}.items():
            self.has(name, script)
        (directory / "clusters").touch()

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
    assert machine.told("kind") == ["get clusters"]


def test_a_cluster_that_was_made_by_half_is_replaced(machine: Machine) -> None:
    """Its API server does not answer."""
    kind.up()
    machine.told("kind")
    machine.has("kubectl", f'{NOTE}case "$*" in *readyz*) exit 1 ;; esac\n')
    kind.up()
    done = [words.split()[0] for words in machine.told("kind")]
    assert [word for word in done if word != "get"] == ["delete", "create"]


def test_the_engine_that_carries_a_cluster_takes_it_down(machine: Machine) -> None:
    """Not one that was started since, which knows of no cluster."""
    kind.up()
    machine.has("wanted-engine", NOTE)
    kind.down()
    assert not machine.told("wanted-engine")
    assert kind.status() == "down"


def test_a_cluster_whose_engine_does_not_answer_is_not_forgotten(machine: Machine) -> None:
    kind.up()
    machine.has("podman", SILENT)
    with pytest.raises(progress.Failure, match="podman does not answer: start podman"):
        kind.down()
    machine.has("podman", NOTE)
    machine.told("kind")
    kind.down()
    assert any(words.startswith("delete cluster") for words in machine.told("kind"))


def test_a_taken_port_is_named(machine: Machine) -> None:
    (machine.directory / "broken").write_text("rootlessport listen tcp 127.0.0.1:80: bind: address already in use")
    with pytest.raises(progress.Failure, match=r"port 80 or 443 of 127\.0\.0\.1 is taken: stop what listens there"):
        kind.up()
