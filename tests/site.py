"""Builds the site of the documentation: `python -m tests.site` writes .artifacts/site/, and a warning is a failure."""

import os
import pathlib
import shutil
import subprocess
import sys

from dev import paths
from tests import tools

REQUIREMENTS = paths.ROOT / "requirements/docs.txt"
SITE = paths.ROOT / ".artifacts/site"


def build(target: pathlib.Path) -> None:
    """Build the site into `target`, from nothing."""
    python = tools.environment(REQUIREMENTS) / "bin/python"
    shutil.rmtree(target, ignore_errors=True)
    command = [python, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html", paths.ROOT / "docs", target]
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run(command, check=True, env=environment)


if __name__ == "__main__":
    build(SITE)
    sys.stdout.write(f"the site: file://{SITE}/index.html\n")
