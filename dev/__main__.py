"""`python -m dev …`: the local cluster and the demo, one subcommand each."""

import argparse
import os
import pathlib
import sys
from collections.abc import Callable

from dev import accept, binaries, demo, demo_calls, hub, images, layout, progress, provider
from dev.embedded import cleanup, cluster
from dev.release import make


def main() -> int:
    """Run one subcommand; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m dev", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    for name, (what, _) in COMMANDS.items():
        command = commands.add_parser(name, help=what)
        if name in ("load-image", "images", "build", "run"):
            command.add_argument("arguments", nargs="*" if name != "run" else argparse.REMAINDER)
    chosen = parser.parse_args()
    if chosen.command in ROOTED and provider.current() is cluster and os.geteuid() != 0:
        raise progress.Failure(
            "namespaces and mounts need root", f"run it as root: sudo make {chosen.command}, or start docker or podman"
        )
    os.environ.update(binaries.environment())  # of all that is started from here
    return int(COMMANDS[chosen.command][1](getattr(chosen, "arguments", [])) or 0)


def _status(_: list[str]) -> None:
    progress.say(provider.current().status())


def _down(_: list[str]) -> None:
    was_up = provider.down()
    if cleanup.is_elsewhere():
        raise progress.Failure(
            "a cluster is up that another user, or with another cache directory, brought up",
            "take it down as that user (sudo make demo-down for root's) with that VLLM_OPERATOR_CACHE; where the directory is "
            "gone: sudo pkill -KILL -f dev.embedded.node",
        )
    if not was_up:
        progress.say(
            "nothing is up" + ("" if os.geteuid() == 0 else " of this user's; for root's: sudo make demo-down")
        )


def _kubeconfig(_: list[str]) -> None:
    progress.say(str(layout.KUBECONFIG))


def _load(arguments: list[str]) -> None:
    if len(arguments) != 2:  # noqa: PLR2004 - an archive and a name
        raise progress.Failure("load-image wants an archive and a name", "python -m dev load-image ARCHIVE NAME")
    provider.current().load_image(pathlib.Path(arguments[0]), arguments[1])


def _build(groups: list[str]) -> None:
    for group in groups or binaries.EMBEDDED:
        binaries.directory(group)


def _demo(_: list[str]) -> None:
    second = os.environ.get("MODEL", "")
    if second not in ("", "hub"):
        raise progress.Failure(
            f"MODEL={second} is none of the demo's models", "make demo MODEL=hub, or leave MODEL out"
        )
    demo.up()
    if second:
        hub.show()


def _prepare(_: list[str]) -> None:
    cluster.prepare()
    demo.prepare()
    _build(list(binaries.TESTING))


ROOTED = ("up", "load-image", "demo", "run", "shell", "prepare")
"""What needs root for a cluster without a container engine."""

COMMANDS: dict[str, tuple[str, Callable[[list[str]], int | None]]] = {
    "up": ("bring the cluster up", lambda _: provider.up()),
    "down": ("take the cluster down without a trace", _down),
    "status": ("say how the cluster is", _status),
    "kubeconfig": ("print the path of the admin's kubeconfig", _kubeconfig),
    "load-image": ("make an image archive known to the node", _load),
    "build": ("build the cluster's binaries", _build),
    "images": ("build the project's images", images.main),
    "prepare": ("build binaries and images, for the tests", _prepare),
    "demo": ("a cluster, the operator, one model and its documented calls; MODEL=hub: one of a hub too", _demo),
    "run": (
        "run a command where the demo's name and certificate hold",
        lambda command: demo_calls.run(command).returncode,
    ),
    "shell": ("a shell in which the demo's name, certificate, key and kubectl are at hand", lambda _: demo.shell()),
    "accept": ("install, serve and test on a cluster of yours, and clean up", lambda _: accept.accept()),
    "release": ("make what a release consists of, and publish nothing", lambda _: make.main()),
    "demo-down": ("remove all traces of the demo", _down),
}

if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(main))
