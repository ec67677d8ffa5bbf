"""The command line: `run` the operator, `render` models for review, print the `crd`, ask a running one whether it is `ready`."""

# ruff: noqa: PLC0415 - each command imports what it needs: the operator that runs pays for no other
import argparse
import sys

from vllm_operator.render import arguments


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="vllm_operator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the operator in a cluster, or with KUBECONFIG beside one")
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    asked = commands.add_parser("ready", help="ask an operator's /readyz until it says yes: `helm test` does")
    asked.add_argument("url")
    asked.add_argument("--seconds", type=float, default=30.0, help="how long to go on asking")
    arguments.add(commands)
    return COMMANDS[(chosen := parser.parse_args(argv)).command](chosen)


def _run(_: argparse.Namespace) -> int:
    from vllm_operator.controller import manager

    return manager.main()


def _crd(_: argparse.Namespace) -> int:
    import yaml

    from vllm_operator import crd
    from vllm_operator.render import text

    yaml.dump(crd.crd(), sys.stdout, text.Dumper, sort_keys=False, width=120)
    return 0


def _ready(chosen: argparse.Namespace) -> int:
    from vllm_operator.controller import ready

    why = ready.ready(chosen.url, chosen.seconds)
    sys.stdout.write(f"{why or 'The operator is ready.'}\n")
    return 1 if why else 0


def _render(chosen: argparse.Namespace) -> int:
    from vllm_operator.render import command

    return command.main(chosen)


COMMANDS = {"run": _run, "crd": _crd, "ready": _ready, "render": _render}


if __name__ == "__main__":
    sys.exit(main())
