"""Who the operator is to the API server, and that it speaks to no other one."""

import base64
import pathlib
import ssl
from typing import Any

import kopf
import pytest
import yaml

from dev import pki
from tests import http_stub, logins
from vllm_operator.controller import handlers
from vllm_operator.kube import errors, kinds

REF = kinds.Ref("Secret", "models", "vllm11.key")


@pytest.fixture
def ours(tmp_path: pathlib.Path) -> pki.Authority:
    return pki.authority(tmp_path, "ours")


def serving(by: pki.Authority, directory: pathlib.Path, *, clients: pathlib.Path | None = None) -> ssl.SSLContext:
    """Return what a server on 127.0.0.1 needs; `clients`: the authority whose certificates it asks for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*pki.issue(by, directory, "server", user="server", hosts=("127.0.0.1",)))
    if clients:
        context.load_verify_locations(clients)
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def kubeconfig(directory: pathlib.Path, server: str, user: dict[str, Any], **cluster: Any) -> pathlib.Path:
    path = directory / "kubeconfig"
    body = {
        "current-context": "a",
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
        "clusters": [{"name": "a", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "a", "user": user}],
    }
    path.write_text(yaml.safe_dump(body))
    return path


def encoded(path: pathlib.Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


class TestServer:
    async def test_a_server_whose_authority_is_named_is_taken(
        self, ours: pki.Authority, tmp_path: pathlib.Path
    ) -> None:
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.serving(serving(ours, tmp_path)) as url:
            authority = {"certificate-authority-data": encoded(tmp_path / "ours.crt")}
            path = kubeconfig(tmp_path, url, {"token": "t"}, **authority)
            async with stub.client(logins.kubeconfig(path)) as api:
                assert await api.get(REF) == {}
        assert stub.tokens == ["Bearer t"]

    @pytest.mark.parametrize("authority", ["theirs", ""])
    async def test_a_server_of_a_foreign_authority_is_refused_and_told_nothing(
        self, ours: pki.Authority, tmp_path: pathlib.Path, authority: str
    ) -> None:
        pki.authority(tmp_path, "theirs")
        named = {"certificate-authority": str(tmp_path / f"{authority}.crt")} if authority else {}
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.serving(serving(ours, tmp_path)) as url:
            login = logins.kubeconfig(kubeconfig(tmp_path, url, {"token": "t"}, **named))
            async with stub.client(login) as api:
                with pytest.raises(errors.Unavailable, match="certificate verify failed"):
                    await api.get(REF)
        assert stub.tokens == []

    async def test_only_who_asks_for_it_goes_without_verification(
        self, ours: pki.Authority, tmp_path: pathlib.Path
    ) -> None:
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.serving(serving(ours, tmp_path)) as url:
            path = kubeconfig(tmp_path, url, {"token": "t"}, **{"insecure-skip-tls-verify": True})
            async with stub.client(logins.kubeconfig(path)) as api:
                assert await api.get(REF) == {}

    async def test_a_client_certificate_is_shown(self, ours: pki.Authority, tmp_path: pathlib.Path) -> None:
        certificate, key = pki.issue(ours, tmp_path, "client", user="operator")
        user = {"client-certificate-data": encoded(certificate), "client-key-data": encoded(key)}
        stub = http_stub.Stub(http_stub.answering((200, {})))
        async with stub.serving(serving(ours, tmp_path, clients=tmp_path / "ours.crt")) as url:
            authority = {"certificate-authority": str(tmp_path / "ours.crt")}
            async with stub.client(logins.kubeconfig(kubeconfig(tmp_path, url, user, **authority))) as api:
                assert await api.get(REF) == {}


class TestLogin:
    async def test_a_token_that_is_replaced_in_the_file_is_taken_where_the_old_one_is_refused(
        self, tmp_path: pathlib.Path
    ) -> None:
        stub = http_stub.Stub(http_stub.answering((401, http_stub.status("Unauthorized")), (200, {})))
        async with stub.serving() as url:
            path = kubeconfig(tmp_path, url, {"token": "one"})
            async with stub.client(logins.kubeconfig(path)) as api:
                api._connection._authorization()
                kubeconfig(tmp_path, url, {"token": "two"})
                assert await api.get(REF) == {}
        assert stub.tokens == ["Bearer one", "Bearer two"]

    @pytest.mark.parametrize(
        ("content", "words"),
        [
            ("users: [s3cret", "cannot be read: ParserError"),
            ("{}", "cannot be read: LoginError"),
            ("current-context: a", "cannot be read: KeyError"),
            (None, "cannot be read: FileNotFoundError"),
        ],
    )
    def test_a_file_that_cannot_be_read_is_refused_without_its_content(
        self, tmp_path: pathlib.Path, content: str | None, words: str
    ) -> None:
        path = tmp_path / "kubeconfig"
        if content:
            path.write_text(content)
        with pytest.raises(errors.Denied, match=words) as raised:
            logins.kubeconfig(path)()
        assert "s3cret" not in str(raised.value)

    def test_a_login_by_a_program_is_refused_in_words(self, tmp_path: pathlib.Path) -> None:
        path = kubeconfig(tmp_path, "https://x", {"exec": {"command": "b"}})
        with pytest.raises(errors.Denied, match="neither a token nor a client certificate"):
            logins.kubeconfig(path)()

    def test_without_any_file_it_says_so(self, monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("HOME", str(tmp_path))
        with pytest.raises(errors.Denied, match="neither a service account nor a kubeconfig"):
            handlers.login()

    @pytest.mark.parametrize(
        ("host", "port", "server"),
        [("10.0.0.1", "6443", "https://10.0.0.1:6443"), ("fd00::1", "443", "https://[fd00::1]:443")],
    )
    def test_a_pod_asks_no_dns_for_the_api_server(
        self, monkeypatch: pytest.MonkeyPatch, host: str, port: str, server: str
    ) -> None:
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", host)
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", port)
        monkeypatch.delenv("KUBECONFIG", raising=False)
        pod = kopf.ConnectionInfo(server="https://kubernetes.default.svc", token="t", ca_path="/ca.crt")
        monkeypatch.setattr(kopf, "login_with_service_account", lambda **_: pod)
        assert handlers.login().server == server
