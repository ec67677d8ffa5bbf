"""The arguments of `render FILE...`. Must not import what renders: the operator reads its command line too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

HELP = "print what the operator would write for the ModelDeployments of some files"
DESCRIPTION = """Print what the operator would write for the ModelDeployments of some files, for review: no cluster is asked.
Keys are placeholders. Unknown fields, wrong types and values out of their limits are refused as at apply, and so is what the
allow-lists of --values have not. Rules that compare fields or look into a text are CEL, which only an API server evaluates:
`kubectl apply --dry-run=server` tells what they refuse. Exit status: 0, or 1 where a model is refused or not written as a whole,
or 2 where a file cannot be read."""


def add(commands: Any) -> None:
    """Add the command to those of the command line."""
    parser: argparse.ArgumentParser = commands.add_parser("render", help=HELP, description=DESCRIPTION)
    parser.add_argument("files", nargs="+", metavar="FILE", help="manifests in YAML or JSON; - is standard input")
    parser.add_argument(
        "--values", metavar="FILE", help="the chart's values; default: the settings of this environment"
    )
    parser.add_argument("--namespace", default="default", help="namespace of models that name none (default: default)")
