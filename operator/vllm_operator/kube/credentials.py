"""Who we are to the API server, as a login gives it; kopf's `ConnectionInfo` is one. Reads no file and sends nothing."""

import ssl
from collections.abc import Callable
from typing import Protocol


class Credentials(Protocol):
    """The API server and what it knows us by."""

    @property
    def server(self) -> str:
        """The base URL."""

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return the authority that the server is verified against, and our certificate, if any."""

    def as_http_headers(self) -> dict[str, str]:
        """Return the header with our token, if any."""


Login = Callable[[], Credentials]
"""Logs in anew, as files and environment stand now; raises an ApiError where that cannot be."""


def tls(who: Credentials) -> ssl.SSLContext | None:
    """Return the context of an https server; None where the URL is of plain http.

    Clusters' own authorities often lack the extensions that the strict check, a default from Python 3.13 on, asks for.
    """
    if not who.server.startswith("https:"):
        return None
    context = who.as_ssl_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context
