"""Models and edges that ask for hosts, and the table of who has which."""

from typing import Any

from tests import samples
from vllm_operator import config
from vllm_operator.controller import hosts
from vllm_operator.kube import kinds, naming

OLD, NEW = kinds.Key("models", "old"), kinds.Key("others", "new")
WEB = {"host": "web.example"}
VERSIONS = iter(range(1, 1_000_000))


class Table(hosts.Hosts):
    """The table, which remembers whom it woke."""

    def __init__(self, **settings: Any) -> None:
        self.woken: list[kinds.Key] = []
        super().__init__(config.Config(**settings), self.woken.append)

    def ask(self, key: kinds.Key, *, carries: bool = False) -> str:
        """Return who has the host of a model that is worked on, and of which an Ingress is there or not."""
        own = [kinds.Ref("Ingress", *key)] if carries else []
        holder = self.holder(key, self._wish_of(key), own)
        self.end(key)
        return f"{holder.kind} {holder.namespace}/{holder.name}" if holder else ""


def model(key: kinds.Key, created: str, expose: dict[str, Any] | None = None) -> kinds.Object:
    made = samples.model(*key)
    made["metadata"] |= {"creationTimestamp": created, "uid": f"uid-{key.name}", "resourceVersion": str(next(VERSIONS))}
    made["spec"]["expose"] = WEB if expose is None else expose
    return made


def ingress(namespace: str, name: str, created: str, *addresses: tuple[str, str], owner: str = "") -> kinds.Object:
    labels = {naming.OWNER_LABEL: owner} if owner else {}
    metadata = {
        "namespace": namespace, "name": name, "creationTimestamp": created, "uid": f"{namespace}/{name}", "labels": labels,
        "resourceVersion": str(next(VERSIONS)),
    }  # fmt: skip
    rules = [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix"}]}} for host, path in addresses]
    return {"kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}


def own_ingress(key: kinds.Key, created: str) -> kinds.Object:
    return ingress(*key, created, ("web.example", "/"), owner=f"uid-{key.name}")
