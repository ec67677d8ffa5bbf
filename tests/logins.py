"""Logins to API servers of tests."""

import pathlib
import ssl
from typing import NamedTuple

import pytest

from vllm_operator.controller import handlers
from vllm_operator.kube import credentials


class Plain(NamedTuple):
    """Credentials for a server of plain HTTP."""

    server: str
    token: str = ""

    def as_ssl_context(self) -> ssl.SSLContext:
        return ssl.create_default_context()

    def as_http_headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


def kubeconfig(path: pathlib.Path) -> credentials.Login:
    """Return a login with the file at `path`, as the operator does it."""

    def login() -> credentials.Credentials:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KUBECONFIG", str(path))
            return handlers.login()

    return login
