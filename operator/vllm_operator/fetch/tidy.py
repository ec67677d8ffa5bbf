"""What lies on a claim of one model and no server mounts any more: taken away before a fetch, so that there is room for it.

FETCH_KEEP, JSON: {"root": "/cache", "keep": ["weights/<16 hex>", …]}. Nothing but directories of these names is removed, and
no symbolic link is followed.
"""

import json
import logging
import pathlib
import re
import shutil
from collections.abc import Collection, Mapping

LOG = logging.getLogger("vllm_operator.fetch")
PARENTS = ("weights", "compiled")
NAME = re.compile("[0-9a-f]{16}")


def tidy(environment: Mapping[str, str]) -> None:
    """Remove what is not to be kept; where nothing is said, all is."""
    told = json.loads(environment.get("FETCH_KEEP") or "{}")
    if not told:
        return
    for place in _places(pathlib.Path(told["root"]), told["keep"]):
        LOG.info("removed what no server uses path=%s", place)
        shutil.rmtree(place, ignore_errors=True)


def _places(root: pathlib.Path, keep: Collection[str]) -> list[pathlib.Path]:
    found = [place for parent in PARENTS for place in sorted((root / parent).glob("*"))]
    ours = [place for place in found if NAME.fullmatch(place.name) and place.is_dir() and not place.is_symlink()]
    return [place for place in ours if str(place.relative_to(root)) not in keep]
