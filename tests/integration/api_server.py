"""The API server as one client with one connection sees it: many requests, each judged by its answer."""

import json
import pathlib
from typing import Any, NamedTuple

from kubernetes import client, config

from vllm_operator.kube import kinds

KINDS = {one.kind: one for one in vars(kinds).values() if isinstance(one, kinds.Kind)}
STRICT = {"fieldValidation": "Strict"}
DRY_RUN = {"dryRun": "All", **STRICT}


class Answer(NamedTuple):
    """`status`: of HTTP; `body`: an object, or a Status that says why not; `warning`: what the API server warns of, "" mostly."""

    status: int
    body: dict[str, Any]
    warning: str

    @property
    def words(self) -> str:
        """Return why the request was refused, "" where it was not."""
        return "" if self.status in (200, 201) else str(self.body.get("message", self.body))


class ApiServer:
    """Asks as an admin."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        self._client: client.ApiClient = config.new_client_from_config(str(kubeconfig))

    def create(self, obj: dict[str, Any]) -> Answer:
        return self._ask("POST", _path(obj), obj, STRICT)

    def try_to_create(self, obj: dict[str, Any]) -> Answer:
        """Create nothing, but answer as if."""
        return self._ask("POST", _path(obj), obj, DRY_RUN)

    def replace(self, obj: dict[str, Any]) -> Answer:
        return self._ask("PUT", f"{_path(obj)}/{obj['metadata']['name']}", obj, STRICT)

    def get(self, obj: dict[str, Any]) -> Answer:
        return self._ask("GET", f"{_path(obj)}/{obj['metadata']['name']}", None, {})

    def patch(self, obj: dict[str, Any], operations: list[dict[str, Any]]) -> Answer:
        """Apply a JSON patch."""
        path = f"{_path(obj)}/{obj['metadata']['name']}"
        return self._ask("PATCH", path, operations, {}, "application/json-patch+json")

    def delete(self, obj: dict[str, Any]) -> Answer:
        return self._ask("DELETE", f"{_path(obj)}/{obj['metadata']['name']}", None, {})

    def _ask(
        self, method: str, path: str, body: Any, query: dict[str, str], content: str = "application/json"
    ) -> Answer:
        headers = {"Content-Type": content, "Accept": "application/json"}
        asked = self._client.param_serialize(
            method, path, query_params=list(query.items()), header_params=headers, body=body
        )
        answer = self._client.call_api(*asked)
        return Answer(answer.status, json.loads(answer.read()), answer.getheader("Warning", ""))


def _path(obj: dict[str, Any]) -> str:
    kind = KINDS.get(obj["kind"]) or kinds.Kind(obj["apiVersion"], obj["kind"], f"{obj['kind'].lower()}s")
    root = "api" if "/" not in kind.api_version else "apis"
    return f"/{root}/{kind.api_version}/namespaces/{obj['metadata']['namespace']}/{kind.plural}"
