"""A row of the table of causes."""

from typing import NamedTuple


class Row(NamedTuple):
    """A pattern, and the cause that it stands for."""

    pattern: str
    reason: str
    message: str
