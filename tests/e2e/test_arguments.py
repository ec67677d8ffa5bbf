"""vLLM's own parser reads the arguments of every golden model."""

import json

import yaml

from tests import models
from tests.golden import render

PARSE = """
import json, sys
from vllm.entrypoints.cli.serve import ServeSubcommand
from vllm.utils.argparse_utils import FlexibleArgumentParser
parser = FlexibleArgumentParser()
ServeSubcommand().subparser_init(parser.add_subparsers())
for arguments in json.load(sys.stdin):
    parser.parse_args(["serve", *arguments])
print("parsed")
"""
MISSPELT = "unknown-option"


def arguments(case: str) -> list[str]:
    """Return the arguments of the golden model's engine."""
    children = yaml.safe_load_all((render.HERE / case / "children.yaml").read_text())
    pod = next(child for child in children if child["kind"] == "Deployment")["spec"]["template"]["spec"]
    found: list[str] = pod["containers"][0]["args"]
    return found


def test_vllms_own_parser_takes_every_golden_argument(admin: models.Admin) -> None:
    given = [arguments(case.name) for case in render.RUNNING if case.name != MISSPELT]
    run = ("exec", "-i", "deployment/vllm11", "-c", "vllm", "--", "python", "-c", PARSE)
    assert "parsed" in admin.kubectl(*run, stdin=json.dumps(given))
    refused = admin.kubectl(*run, stdin=json.dumps([arguments(MISSPELT)]), check=False)
    assert "parsed" not in refused
