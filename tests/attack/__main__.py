"""`make attack`: tries on the running demo what docs/security.md says cannot be done, and prints what came of it.

It sends to loopback and to the demo's own addresses alone, and each flood is bounded in number and time. What it makes it removes
again. The table is kept in .artifacts/attack/. Ends with 1 where a claim did not hold, or a client with a key was too slow on a
machine that was quiet before; on a busy one that is told alone.
"""

import os
import platform
import sys
import time

from dev import layout, paths, progress, provider
from tests import kubectl
from tests.attack import site, table, tenants

FOLDER = paths.ARTIFACTS / "attack"


def main(words: list[str]) -> int:
    """Try all attacks, or those whose description has one of the words."""
    if not provider.current().healthy():
        raise progress.Failure("no demo runs", "make demo")
    chosen = [one for one in table.ATTACKS if not words or any(word in one.tried for word in words)]
    where = site.Site(kubectl.Admin(layout.KUBECONFIG, "models"))
    machine = f"{time.strftime('%Y-%m-%d %H:%M')} UTC, {platform.platform()}, {os.cpu_count()} processors"
    lines, are_held = [machine, "", *table.HEAD], True
    progress.say("\n".join(lines))
    for one, seen in table.run(where, chosen):
        lines.append(table.row(one, seen))
        progress.say(lines[-1])
        are_held = are_held and table.is_held(seen)
    tenants.clean(where)
    FOLDER.mkdir(parents=True, exist_ok=True)
    (FOLDER / "table.md").write_text("\n".join(lines) + "\n")
    return 0 if are_held else 1


if __name__ == "__main__":
    sys.exit(progress.exit_on_failure(lambda: main(sys.argv[1:])))
