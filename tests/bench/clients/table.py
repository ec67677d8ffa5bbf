"""The measured clients as a Markdown table: the median of each figure, and how many times ours it is."""

import statistics

Round = dict[str, dict[str, dict[str, float]]]
"""By client and act: wall, cpu, import, resident, peak, disk."""

HEAD = """
| client | list | watch | create | CPU of the import | memory after it, peak | installs | lacks |
|---|---|---|---|---|---|---|---|"""


def markdown(rounds: list[Round], about: dict[str, dict[str, str]], objects: int) -> str:
    """Return the table; each act's cell says seconds of the wall, CPU seconds of the client, and the CPU's ratio to ours."""
    rows = [_row(name, rounds, about[name]) for name in about]
    note = (
        f"\n{objects} objects; wall s / CPU s of the client (CPU as a multiple of ours); median of {len(rounds)} runs"
    )
    return "\n".join([note, HEAD, *rows])


def _row(name: str, rounds: list[Round], about: dict[str, str]) -> str:
    acts = [_cell(name, act, rounds) for act in ("list", "watch", "create")]
    memory = f"{_median(name, 'list', 'resident', rounds):.0f}, {_peak(name, rounds):.0f} MB"
    started = f"{_median(name, 'list', 'import', rounds):.2f} s"
    disk = f"{_median(name, 'list', 'disk', rounds):.0f} MB"
    title = ", ".join(
        part for part in (f"{name.replace('_', ' ')} {about['version']}".strip(), about["licence"]) if part
    )
    return f"| {' | '.join([title, *acts, started, memory, disk, about['lacks']])} |"


def _cell(name: str, act: str, rounds: list[Round]) -> str:
    wall, cpu = (_median(name, act, what, rounds) for what in ("wall", "cpu"))
    return f"{wall:.1f} / {cpu:.2f} ({cpu / _median('ours', act, 'cpu', rounds):.2f})"


def _peak(name: str, rounds: list[Round]) -> float:
    return max(_median(name, act, "peak", rounds) for act in ("list", "watch", "create"))


def _median(name: str, act: str, what: str, rounds: list[Round]) -> float:
    return statistics.median(one[name][act][what] for one in rounds)
