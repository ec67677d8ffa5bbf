"""The edge's port 80: with a certificate it serves no model, so no client can send its key in plain text and not notice."""

import pytest

from tests.e2e import conftest, wire

NOT_FOUND = 404


@pytest.mark.parametrize("path", ["/v1/models", "/health", "/guide"])
def test_port_80_answers_nothing_of_a_model_with_a_certificate(client: conftest.Client, path: str) -> None:
    assert client.get(path).status == 200
    assert wire.status_over_plain_http(path, client.key) in (None, NOT_FOUND)
