"""`make bench`: every module and every folder's module `main` here that has a `main`, which returns its figures.

Or those named: `make bench ONLY="startup"`.

Prints each figure with machine and versions, and keeps it all in .artifacts/bench/. Ends with 1 where a promise is not kept.
"""

import importlib
import pathlib
import sys
import time
import types

from dev import progress
from tests.bench import figures

HERE = pathlib.Path(__file__).parent


def main(chosen: list[str]) -> int:
    """Measure, print and keep."""
    about = figures.machine()
    lines = [f"{name}: {value}" for name, value in about.items()]
    progress.say("\n".join(lines))
    kept = True
    for name in chosen or names():
        found = measure(name)
        figures.write(name, found, about)
        lines += ["", f"{name}:", *(figure.line() for figure in found)]
        progress.say("\n".join(lines[-len(found) - 1 :]))
        kept = kept and all(figure.kept for figure in found)
    (figures.FOLDER / "figures.txt").write_text("\n".join(lines) + "\n")
    return 0 if kept else 1


def names() -> list[str]:
    """Return the modules that measure something, in the order of their names."""
    found = sorted(path.stem for path in HERE.glob("[a-z]*"))
    return [name for name in found if hasattr(_module(name), "main")]


def measure(name: str) -> list[figures.Figure]:
    """Return a module's figures; a time-stamp before it says how long one waits."""
    progress.say(f"\n==> {name} ({time.strftime('%H:%M:%S')})")
    return list(_module(name).main())


def _module(name: str) -> types.ModuleType:
    return importlib.import_module(f"tests.bench.{name}{'.main' if (HERE / name).is_dir() else ''}")


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
