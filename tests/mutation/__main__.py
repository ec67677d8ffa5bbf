"""How many small changes of the code the unit tests notice: a seeded sample of mutants, the score and the survivors.

`python -m tests.mutation [--sample 300] [--seed 1] [MODULE…]`, where a module is such as `keys/decision.py` or `status/*.py`.
mutmut makes and tries the mutants, each with the unit tests that reach the changed function, the quickest first, until one fails.
It works on a copy of the tree, so nothing here is ever changed.
"""

import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

from dev import paths
from tests import tools

TREE = paths.ROOT / ".artifacts" / "mutation"
PACKAGES = ("keys/*.py", "status/*.py", "kube/*.py", "controller/*.py", "guard/*.py")
NOTICED = {"killed", "timeout", "caught by type check"}


def main() -> int:
    """Try the mutants and report."""
    options = _options()
    began, env = time.monotonic(), _environment()
    _lay()
    every = json.loads(_inside(env, "names", *(f"vllm_operator/{module}" for module in options.modules)))
    chosen = sorted(random.Random(options.seed).sample(every, min(options.sample, len(every))))  # noqa: S311 - a choice, no secret
    sys.stdout.write(f"{len(chosen)} of {len(every)} mutants, seed {options.seed}; what mutmut says: {TREE}/log\n")
    with (TREE / "log").open("wb") as log:
        command = [sys.executable, "-m", "mutmut", "run", f"--max-children={os.cpu_count()}", *chosen]
        ended = subprocess.run(command, cwd=TREE, env=env, stdout=log, stderr=log, check=False).returncode
    if ended:
        sys.stderr.write(f"mutmut ended with {ended}; its last words:\n{(TREE / 'log').read_text()[-3000:]}\n")
        return ended
    _report(json.loads(_inside(env, "results")), time.monotonic() - began)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests.mutation", description=__doc__)
    parser.add_argument("--sample", type=int, default=300, help="how many mutants, 300 where nothing is said")
    parser.add_argument("--seed", type=int, default=1, help="which ones")
    parser.add_argument("modules", nargs="*", default=PACKAGES, help="modules of the operator's package")
    return parser.parse_args()


def _environment() -> dict[str, str]:
    own = tools.overlay(paths.ROOT / "requirements" / "mutmut.txt")
    return {**os.environ, "PYTHONPATH": str(own), "HYPOTHESIS_PROFILE": "mutation"}


def _lay() -> None:
    """Copy the tree, with the operator's package at the top: mutmut names modules by where their files lie."""
    shutil.rmtree(TREE, ignore_errors=True)
    listed = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    for name in filter(None, names):
        source, target = paths.ROOT / name, TREE / name.removeprefix("operator/")
        if source.is_file():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)


def _inside(env: dict[str, str], *arguments: str) -> bytes:
    command = [sys.executable, str(pathlib.Path(__file__).with_name("inside.py")), *arguments]
    return subprocess.run(command, cwd=TREE, env=env, stdout=subprocess.PIPE, check=True).stdout


def _report(results: dict[str, tuple[str, str]], seconds: float) -> None:
    counted = Counter(status for status, _ in results.values())
    noticed = sum(counted[status] for status in NOTICED)
    for name, (status, difference) in sorted(results.items()):
        if status not in NOTICED:
            sys.stdout.write(f"\n{status}: {name}\n{difference}\n")
    counts = ", ".join(f"{status} {count}" for status, count in counted.most_common())
    score = 100 * noticed / max(len(results), 1)
    sys.stdout.write(f"\n{score:.1f} % of {len(results)} mutants noticed ({counts}) in {seconds / 60:.0f} minutes\n")


if __name__ == "__main__":
    sys.exit(main())
