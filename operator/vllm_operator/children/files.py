"""The files of a spec in its pod: entries of ConfigMaps, side by side in one directory that the engine alone reads."""

from vllm_operator import api
from vllm_operator.kube import kinds

DIRECTORY = "/etc/engine-files"
NAME = "engine-files"


def volumes(engine: api.Engine) -> list[kinds.Object]:
    """Return the volume with the files, where there are some."""
    items: dict[str, list[kinds.Object]] = {}
    for file in engine.files or ():
        entry = file.config_map_key_ref
        items.setdefault(entry.name, []).append({"key": entry.key or file.name, "path": file.name})
    sources = [{"configMap": {"name": name, "items": listed}} for name, listed in items.items()]
    return [{"name": NAME, "projected": {"sources": sources}}] if sources else []


def mounts(engine: api.Engine) -> list[kinds.Object]:
    """Return where the engine finds that volume."""
    return [{"name": NAME, "mountPath": DIRECTORY, "readOnly": True}] if engine.files else []
