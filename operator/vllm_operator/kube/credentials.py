"""Who we are to the API server: the service account of the pod we run in, or a kubeconfig file for development and tests.

Knows files; sends nothing. Tokens are read anew when they may have changed; certificates live as long as the process.
"""

import base64
import os
import pathlib
import ssl
import tempfile
from collections.abc import Callable
from typing import Any, NamedTuple

import yaml

SERVICE_ACCOUNT = pathlib.Path("/var/run/secrets/kubernetes.io/serviceaccount")


class Credentials(NamedTuple):
    """`server`: base URL; `tls`: for https; `token()`: the bearer token as it stands now, empty where none is used."""

    server: str
    tls: ssl.SSLContext | None
    token: Callable[[], str]


def find() -> Credentials:
    """Return the pod's credentials, else those of $KUBECONFIG or ~/.kube/config."""
    host = os.environ.get("KUBERNETES_SERVICE_HOST")
    if host and not os.environ.get("KUBECONFIG"):
        return in_cluster(host, os.environ.get("KUBERNETES_SERVICE_PORT", "443"))
    return kubeconfig(pathlib.Path(os.environ.get("KUBECONFIG") or pathlib.Path.home() / ".kube" / "config"))


def in_cluster(host: str, port: str, directory: pathlib.Path = SERVICE_ACCOUNT) -> Credentials:
    """Return the credentials of the service account that is mounted at `directory`."""
    address = f"[{host}]" if ":" in host else host
    return Credentials(
        f"https://{address}:{port}",
        _trusting((directory / "ca.crt").read_bytes()),
        lambda: (directory / "token").read_text().strip(),
    )


def kubeconfig(path: pathlib.Path) -> Credentials:
    """Return the credentials of the current context of the file at `path`: client certificate or token."""
    config = yaml.safe_load(path.read_text())
    context = _named(config["contexts"], config["current-context"])["context"]
    cluster = _named(config["clusters"], context["cluster"])["cluster"]
    user = _named(config["users"], context["user"]).get("user") or {}
    if "exec" in user or "auth-provider" in user:
        raise ValueError(f"{path} logs in through a program: use a kubeconfig with a token or a client certificate")
    server = str(cluster["server"]).rstrip("/")
    tls = _tls(cluster, user, path.parent) if server.startswith("https") else None
    return Credentials(server, tls, _token(user, path.parent))


def _named(entries: list[dict[str, Any]], name: str) -> dict[str, Any]:
    return next(entry for entry in entries if entry["name"] == name)


def _token(user: dict[str, Any], directory: pathlib.Path) -> Callable[[], str]:
    if "tokenFile" in user:
        return lambda: (directory / user["tokenFile"]).read_text().strip()
    return lambda: str(user.get("token", ""))


def _tls(cluster: dict[str, Any], user: dict[str, Any], directory: pathlib.Path) -> ssl.SSLContext:
    context = _trusting(_content(cluster, "certificate-authority", directory))
    if cluster.get("insecure-skip-tls-verify"):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    certificate, key = _content(user, "client-certificate", directory), _content(user, "client-key", directory)
    if certificate and key:
        _load(context, certificate, key)
    return context


def _trusting(authority: bytes | None) -> ssl.SSLContext:
    """Return a context for `authority`, or the system's; clusters' own authorities often lack what Python 3.13 asks for."""
    context = ssl.create_default_context(cadata=authority.decode() if authority else None)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return context


def _load(context: ssl.SSLContext, certificate: bytes, key: bytes) -> None:
    """Load a client certificate; the ssl module takes files only, so both lie in a private one for a moment."""
    with tempfile.NamedTemporaryFile() as both:
        both.write(certificate + b"\n" + key)
        both.flush()
        context.load_cert_chain(both.name)


def _content(entry: dict[str, Any], name: str, directory: pathlib.Path) -> bytes | None:
    if f"{name}-data" in entry:
        return base64.b64decode(entry[f"{name}-data"])
    return (directory / entry[name]).read_bytes() if name in entry else None
