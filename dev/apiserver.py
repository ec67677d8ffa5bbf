"""The few requests to an API server that bring a local cluster up, with the administrator's certificate.

Knows HTTP and the kubeconfig that the embedded cluster writes; must not grow into a client: people and tests have their own.
"""

import http.client
import json
import pathlib
import ssl
import urllib.parse
from typing import Any

TIMEOUT_SECONDS = 30.0  # a loaded machine answers late, and is asked again by nobody


class Refused(Exception):  # noqa: N818 - it is an answer
    """The API server answered with an error: `code` and what it said."""

    def __init__(self, code: int, said: str) -> None:
        super().__init__(f"{code}: {said}")
        self.code = code


def request(
    kubeconfig: pathlib.Path, method: str, path: str, body: object = None, kind: str = "application/json"
) -> Any:
    """Return the decoded answer (text where it is no JSON). Raises `Refused`, and OSError where nothing answers."""
    connection = _connection(json.loads(kubeconfig.read_text()))
    try:
        connection.request(
            method,
            path,
            None if body is None else json.dumps(body),
            {"Content-Type": kind, "Accept": "application/json"},
        )
        response = connection.getresponse()
        said = response.read().decode()
    except http.client.HTTPException as error:
        raise ConnectionError(str(error)) from error
    finally:
        connection.close()
    if response.status >= http.client.BAD_REQUEST:
        raise Refused(response.status, said[:300])
    return json.loads(said) if "json" in response.headers.get("Content-Type", "") else said


def get(kubeconfig: pathlib.Path, path: str) -> Any:
    """Return the answer, or None where there is none yet: not found, forbidden, not ready, not listening."""
    try:
        return request(kubeconfig, "GET", path)
    except (Refused, OSError):
        return None


def create(kubeconfig: pathlib.Path, collection: str, manifest: object) -> None:
    """Create an object unless it is there."""
    try:
        request(kubeconfig, "POST", collection, manifest)
    except Refused as refused:
        if refused.code != http.client.CONFLICT:
            raise


def _connection(config: dict[str, Any]) -> http.client.HTTPSConnection:
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    context = ssl.create_default_context(cafile=cluster["certificate-authority"])
    context.load_cert_chain(user["client-certificate"], user["client-key"])
    server = urllib.parse.urlsplit(cluster["server"])
    return http.client.HTTPSConnection(str(server.hostname), server.port, timeout=TIMEOUT_SECONDS, context=context)
