"""docs/troubleshooting.md: a section for every reason of every condition, with the words that the code's tables have for it.

What a reason means and what to do stands in docs/status.md alone, which tests compare with the code; here it is repeated under a
heading that a search finds and an alert can link.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from itertools import chain

from dev import paths
from tests.unit.status import reasons
from vllm_operator.engine import cause_rows, weights_rows
from vllm_operator.status import conditions, fetch_diagnosis, kubelet_words, pod_diagnosis, rule

PAGE = paths.ROOT / "docs/status.md"
TABLES = "## Nobody needs to act"
EXPLAINED = re.compile(r"^\| ((?:`\w+`(?:, )?)+) \| (.+) \| (.+) \|$")
OF_MODULES: Mapping[str, tuple[str, ...]] = {
    "keys.troubles": ("GuardConfigured",),
    "kube.failures": ("Ready", "Available", "Progressing", "Exposed"),
    "probes.canary": ("Verified",),
    "probes.spare_client": ("Verified",),
    "status.conditions": ("GuardConfigured",),
    "status.guard_conditions": ("GuardConfigured",),
}
"""Conditions of the values that are made outside of the rows, by module; those of every other module are told by Ready."""
ALONE: Mapping[str, tuple[str, ...]] = {
    "FieldContested": ("Ready", "Available"),
    "NotServing": ("Verified",),
    "NotAsked": ("GuardConfigured", "Verified"),
    "Downloading": ("Ready", "Available", "Progressing"),
    "SpecNotUnderstood": ("Ready",),
    "OperatorFailed": ("Ready",),
}
"""Those of a module that are told by other conditions than the rest of it."""
OF_THE_EDGE = ("Secret", "IngressClass", "Gateway", "Issuer", "ClusterIssuer")
"""Kinds that the condition Exposed misses."""
ORDER = ("Ready", "Available", "Progressing", "Exposed", "GuardConfigured", "Verified", "EngineCurrent")
OF_AVAILABLE = "Available has the reasons of Ready, and is True while at least one server answers."
BEGIN = """# Troubleshooting: every reason

<!-- Generated from docs/status.md and the tables of operator/vllm_operator: `make generate`. -->

Read the word in the column STATUS of `kubectl get vllm`, which is the reason of the condition Ready, and open its section here. A
section says which conditions show the reason, what it means, what to do, and what the message may say; … stands for a part that
differs. [Status](status.md) lists the same reasons by the stage at which they come up. [Alerts](observability.md#alerts) has a
section for each alert.

<!-- run by: tests/integration/test_documented_commands.py -->
```bash
kubectl -n models get vllm               # STATUS: the reason of Ready
kubectl -n models describe vllm llama    # all conditions with their messages, and Events
```
"""


def page() -> str:
    """Return the whole page."""
    explained, said, shown = rows(), messages(), where()
    listed = defaultdict(list)
    for reason in explained:
        for kind in shown[reason]:
            listed[kind].append(reason)
    index = [f"| {kind} | {', '.join(map(_link, sorted(listed[kind])))} |" for kind in ORDER if kind != "Available"]
    head = ["## By condition", "", OF_AVAILABLE, "", "| condition | reasons |", "|---|---|", *index, ""]
    return "\n".join(
        [BEGIN, *head, *(_section(one, explained[one], shown[one], said[one]) for one in sorted(explained))]
    )


def rows() -> dict[str, tuple[str, str, str]]:
    """Return by reason what docs/status.md says: the heading that it stands under, what it means and what to do."""
    found, heading = {}, ""
    for line in (TABLES + PAGE.read_text().partition(TABLES)[2]).splitlines():
        heading = line.removeprefix("## ") if line.startswith("## ") else heading
        if match := EXPLAINED.match(line):
            found |= dict.fromkeys(re.findall(r"\w+", match[1]), (heading, match[2], match[3]))
    return found


def where() -> dict[str, tuple[str, ...]]:
    """Return the conditions that can have each reason, in the order of ORDER."""
    shown: dict[str, set[str]] = defaultdict(set)
    for kind, reason in _of_conditions():
        shown[reason].add(kind)
    for reason, modules in reasons.by_module().items():
        for module in modules:
            shown[reason] |= set(OF_MODULES.get(module, ("Ready", "Available")))
    shown |= {reason: set(kinds) for reason, kinds in ALONE.items()}
    ordered = {reason: tuple(kind for kind in ORDER if kind in found) for reason, found in shown.items()}
    return defaultdict(lambda: ("Ready", "Available"), ordered)


def _of_conditions() -> Iterator[tuple[str, str]]:
    """Yield condition and reason of each row that has its reason written in it, or that a kind makes."""
    for kind, table in conditions.CONDITIONS.items():
        for row in table:
            if isinstance(row, rule.Rule):
                yield from ((kind, reason) for reason in _reasons(row) if _may_tell(kind, reason))


def _may_tell(condition: str, reason: str) -> bool:
    """Tell whether the condition looks at what is missing."""
    is_missing = reason in reasons.not_found()
    return condition != "Exposed" or not is_missing or reason.removesuffix("NotFound") in OF_THE_EDGE


def _reasons(row: conditions.Rule) -> list[str]:
    if row.message == conditions.MISSING.message:
        return sorted(reasons.not_found())
    return [] if "{" in row.reason else [row.reason]


def messages() -> Mapping[str, list[str]]:
    """Return by reason what its messages may say, in the order of the tables."""
    found: dict[str, list[str]] = defaultdict(list)
    tables = (*conditions.CONDITIONS.values(), pod_diagnosis.RULES, fetch_diagnosis.RULES)
    for row in chain.from_iterable(tables):
        if isinstance(row, rule.Rule) and _words(row):
            for reason in _reasons(row):
                found[reason].append(_words(row))
    for cause in (*cause_rows.CAUSES, *weights_rows.LAST_WORDS):
        found[cause.reason].append(_shown(cause.message))
    for words in chain.from_iterable(kubelet_words.TABLES):
        found[words.reason].append(f"…: {_shown(words.remedy)}")
    return defaultdict(list, {reason: list(dict.fromkeys(said)) for reason, said in found.items()})


def _words(row: conditions.Rule) -> str:
    """Return message and remedy of a row; "" where the message is made elsewhere."""
    text = _shown(": ".join(part for part in (row.message, row.remedy) if part))
    return text if text.strip("… .:;") else ""


def _shown(text: str) -> str:
    return re.sub(r"\{[^{}]*\}", "…", text)


def _link(reason: str) -> str:
    return f"[{reason}](#{reason.lower()})"


def _section(reason: str, row: tuple[str, str, str], shown: tuple[str, ...], said: list[str]) -> str:
    heading, meaning, remedy = row
    anchor = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    told = ["", "The message may say:", "", *(f"- {_plain(words)}" for words in said)] if said else []
    lines = [
        f"## {reason}", "", f"Shown by {', '.join(shown)}. Stage: [{heading}](status.md#{anchor}).", "",
        f"**It means**: {meaning}", "", f"**What to do**: {remedy}", *told, "",
    ]  # fmt: skip
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return a message as Markdown shows it unchanged."""
    return re.sub(r"([*<_\[\]|])", r"\\\1", text)
