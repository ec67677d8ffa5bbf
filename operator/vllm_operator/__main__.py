"""The command line: `run` the operator, `render` models for review, print the `crd`, ask a running one whether it is `ready`."""

import argparse
import sys

import yaml

from vllm_operator import crd
from vllm_operator.controller import ready
from vllm_operator.render import command, text


def main(argv: list[str] | None = None) -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="vllm_operator", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("run", help="run the operator in a cluster, or with KUBECONFIG beside one")
    commands.add_parser("crd", help="print the CustomResourceDefinition")
    asked = commands.add_parser("ready", help="ask an operator's /readyz until it says yes: `helm test` does")
    asked.add_argument("url")
    asked.add_argument("--seconds", type=float, default=30.0, help="how long to go on asking")
    command.add(commands)
    chosen = parser.parse_args(argv)
    if chosen.command == "crd":
        yaml.dump(crd.crd(), sys.stdout, text.Dumper, sort_keys=False, width=120)
        return 0
    if chosen.command == "ready":
        why = ready.ready(chosen.url, chosen.seconds)
        sys.stdout.write(f"{why or 'The operator is ready.'}\n")
        return 1 if why else 0
    if chosen.command == "render":
        return command.main(chosen)
    from vllm_operator.controller import manager  # noqa: PLC0415 - the I/O is imported by the command that needs it

    return manager.main()


if __name__ == "__main__":
    sys.exit(main())
