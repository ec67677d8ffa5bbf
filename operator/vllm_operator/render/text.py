"""Objects -> YAML. Knows no object."""

from collections.abc import Iterable
from typing import Any, TextIO

import yaml

LONGEST_NAME = 60


class Dumper(yaml.SafeDumper):
    """YAML without anchors: each place is written out."""

    def ignore_aliases(self, _: object) -> bool:
        """Write every repeated value again."""
        return True


def write(stream: TextIO, *documents: Any) -> None:
    """Write the documents to `stream`, each after its mark."""
    yaml.dump_all(documents, stream, Dumper, sort_keys=False, width=120, explicit_start=True)


def comment(stream: TextIO, lines: Iterable[str]) -> None:
    """Write lines as comments."""
    stream.writelines(f"# {line}\n" for line in lines)


def printable(message: str) -> str:
    """Return a message on one line that moves no cursor, whatever it quotes."""
    return "".join(one if one.isprintable() else "\N{REPLACEMENT CHARACTER}" for one in message)


def shown(name: object) -> str:
    """Return a name that somebody wrote as a message may hold it: short."""
    plain = printable(str(name)[:LONGEST_NAME])
    return f"{plain}…" if len(str(name)) > LONGEST_NAME else plain
