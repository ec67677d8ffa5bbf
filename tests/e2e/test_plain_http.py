"""The edge's port 80: with a certificate it serves no model, so no client can send its key in plain text and not notice."""

import http.client

import pytest

from dev import demo, provider
from tests.e2e import conftest

NOT_FOUND = 404


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/guide"])
def test_port_80_answers_nothing_of_a_model_with_a_certificate(client: conftest.Client, path: str) -> None:
    assert client.get(path).status == 200
    assert _status_over_plain_http(path, client.key) in (None, NOT_FOUND)


def _status_over_plain_http(path: str, key: str) -> int | None:
    """Return the answer's status; None where nothing listens, as when no host is served over plain HTTP."""
    connection = http.client.HTTPConnection(provider.current().address(), 80, timeout=10)
    try:
        connection.request("GET", path, headers={"Host": demo.HOST, "Authorization": f"Bearer {key}"})
        return connection.getresponse().status
    except ConnectionRefusedError:
        return None
    finally:
        connection.close()
