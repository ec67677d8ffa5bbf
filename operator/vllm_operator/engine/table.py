"""The options and variables of vLLM, each sorted once: options.csv and variables.csv, read.

A row of options.csv is an option, or a part of one that is sorted apart: `option.part`, `option=value`; an ending `*` stands for
all that begins so. Its columns:

value          flag (none), scalar (one), optional (one or none), list (several), json (one, whose parts may be named with dots);
               two with | between where releases differ; empty where it is not known
since, until   the first and the last release of vLLM that has it; no last one: the newest that was read; neither: a library's
class          owned (the operator sets it), safe, data (safe, but not beside code of the weights), admin (one must allow it),
               never (nobody may)
secret         whether a variable's value may come from a Secret: safe, admin (a log may show it), or not
why            what to use instead, or the reason

`python -m dev.vllm_table VERSION` adds what a newer vLLM has, unsorted, and a test names it until somebody has sorted it.
"""

import csv
import functools
import importlib.resources
from collections.abc import Mapping
from typing import NamedTuple

OWNED, SAFE, DATA, ADMIN, NEVER = "owned", "safe", "data", "admin", "never"
CLASSES = (OWNED, SAFE, DATA, ADMIN, NEVER)
FLAG, SCALAR, OPTIONAL, LIST, JSON = "flag", "scalar", "optional", "list", "json"
OPTIONS, VARIABLES = "options.csv", "variables.csv"
READ = "0.29 to 0.33"
"""The releases of vLLM whose names the table has."""


class Row(NamedTuple):
    """One name, sorted."""

    name: str
    values: frozenset[str]
    since: str
    until: str
    sort: str
    secret: str
    why: str


Rows = Mapping[str, Row]


def options() -> Rows:
    """Return the options by name, without dashes, and the parts of options that are sorted apart."""
    return rows(OPTIONS)


def variables() -> Rows:
    """Return the variables by name."""
    return rows(VARIABLES)


@functools.cache
def rows(file: str) -> Rows:
    """Return the rows of OPTIONS or VARIABLES by name."""
    text = importlib.resources.files(__package__).joinpath(file).read_text()
    found = map(_row, csv.DictReader(text.splitlines()))
    return {row.name: row for row in found}


@functools.cache
def taking(*kinds: str) -> frozenset[str]:
    """Return the options whose values are, in each release, of one of `kinds`."""
    own = {name: row.values for name, row in options().items() if row.values}
    return frozenset(name for name, values in own.items() if values <= {*kinds})


def sorted_as(own: Rows, *sorts: str) -> tuple[str, ...]:
    """Return the names of rows that are sorted so, in order."""
    return tuple(sorted(name for name, row in own.items() if row.sort in sorts))


def _row(cells: dict[str, str]) -> Row:
    values = frozenset(filter(None, cells.get("value", "").split("|")))
    return Row(
        cells["name"], values, cells["since"], cells["until"], cells["class"], cells.get("secret", ""), cells["why"]
    )
