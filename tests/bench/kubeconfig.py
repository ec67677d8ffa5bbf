"""Who a light cluster's kubeconfig, which is JSON, says that one is: for clients that are to do nothing else."""

import json
import os
import pathlib
import ssl


class Login:
    """The API server, and what it knows the kubeconfig's user by: a certificate or a token."""

    def __init__(self, kubeconfig: pathlib.Path) -> None:
        config = json.loads(kubeconfig.read_text())
        self._cluster, self._user = config["clusters"][0]["cluster"], config["users"][0]["user"]
        self.server: str = self._cluster["server"]

    def as_ssl_context(self) -> ssl.SSLContext:
        """Return the authority of the cluster, and the user's certificate, if any."""
        context = ssl.create_default_context(cafile=self._cluster["certificate-authority"])
        if "client-certificate" in self._user:
            context.load_cert_chain(self._user["client-certificate"], self._user["client-key"])
        return context

    def as_http_headers(self) -> dict[str, str]:
        """Return the header with the user's token, if any."""
        return {"Authorization": f"Bearer {self._user['token']}"} if "token" in self._user else {}


def login() -> Login:
    """Return who $KUBECONFIG says that one is."""
    return Login(pathlib.Path(os.environ["KUBECONFIG"]))
