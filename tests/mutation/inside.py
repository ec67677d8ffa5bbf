"""What only mutmut knows: which mutants a module has, and what became of those that were tried.

Runs in the laid tree, with mutmut's packages on the Python path: `names PATTERN…` and `results`, as JSON on standard output.
"""

import json
import pathlib
import sys

from mutmut.mutation import data, diff_apply, file_mutation
from mutmut.stats import status_by_exit_code
from mutmut.utils import format_utils


def names(patterns: list[str]) -> list[str]:
    """Return the names of all mutants of the modules that match."""
    files = sorted({file for pattern in patterns for file in pathlib.Path().glob(pattern)})
    return [format_utils.get_mutant_name(file, name) for file in files for name in _of(file)]


def _of(file: pathlib.Path) -> list[str]:
    return list(file_mutation.mutate_file_contents(str(file), file.read_text()).mutant_names)


def results() -> dict[str, tuple[str, str]]:
    """Return what became of each mutant that was tried, and where it was not killed its difference."""
    found = {}
    for meta in sorted(pathlib.Path("mutants").rglob("*.py.meta")):
        file = meta.relative_to("mutants").with_suffix("")
        tried = data.SourceFileMutationData(path=file)
        tried.load()
        for name, code in tried.exit_code_by_key.items():
            status = status_by_exit_code[code]
            if status != "not checked":
                found[name] = (status, "" if status == "killed" else diff_apply.get_diff_for_mutant(name, path=file))
    return found


if __name__ == "__main__":
    command, *arguments = sys.argv[1:]
    json.dump(names(arguments) if command == "names" else results(), sys.stdout)
