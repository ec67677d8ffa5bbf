"""The demo, as a newcomer gets it: one cluster for all end-to-end tests, taken down without a trace before pytest's last line."""

import contextlib
import itertools
import json
import os
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from dev import demo, demo_calls, layout, provider
from tests import audit, kubectl
from tests.contract import shape

BAD = 400
os.environ.setdefault("CLUSTER", "embedded")  # the tests look into it: its audit log, its etcd, its processes
OPERATOR = audit.account(demo.OPERATOR_NAMESPACE, "vllm-operator")


@pytest.fixture(scope="session")
def admin(request: pytest.FixtureRequest) -> Iterator[kubectl.Admin]:
    """An admin of a cluster in which the operator runs and vllm11 is Ready.

    It is a new one, and what the operator does is logged; with KEEP_CLUSTER=1 it is the one that runs, and goes on running.
    """
    with _kept() if os.environ.get("KEEP_CLUSTER") else demo.afresh(audit.of_run("e2e", request.session, OPERATOR)):
        yield kubectl.Admin(layout.KUBECONFIG, demo.NAMESPACE)


@contextlib.contextmanager
def _kept() -> Iterator[None]:
    demo.up()
    yield


class Answer:
    """What curl got through the Ingress: status, headers (lower case) and body."""

    def __init__(self, text: str) -> None:
        head, _, self.body = text.partition("\n\n")
        first, *lines = head.splitlines()
        self.status = int(first.split()[1])
        self.headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def json(self) -> dict[str, object]:
        """The body, which is JSON."""
        found: dict[str, object] = json.loads(self.body)
        return found


def answered(answer: Answer, status: int) -> dict[str, object]:
    """Return the JSON of an answer that must have this status and, above 399, the shape of an error."""
    assert answer.status == status, answer.body
    if status >= BAD:
        assert shape.differences(shape.ERROR, answer.json) == []
    return answer.json


def _headers(options: Sequence[str], key: str) -> list[str]:
    """Return the headers among curl's `options` and the key's: they go into a file, for everybody may read a command line."""
    given = [value for option, value in itertools.pairwise(options) if option == "-H"]
    return [f"Authorization: Bearer {key}", *given] if key else given


class Client:
    """A user of the model, with curl, a key and the documented address."""

    def __init__(self, key: str, address: str = f"https://{demo.HOST}") -> None:
        self.key, self.address = key, address
        scheme, _, host = address.partition("://")
        self.resolve = ["--resolve", f"{host}:443:{provider.current().address()}"] if scheme == "https" else []

    def get(self, path: str, *options: str, key: str | None = None) -> Answer:
        """GET `path` with the key, or another; an empty one sends none."""
        key = self.key if key is None else key
        with tempfile.NamedTemporaryFile("w", suffix=".headers") as file:
            file.write("".join(f"{header}\n" for header in _headers(options, key)))
            file.flush()
            rest = [part for at, part in enumerate(options) if "-H" not in (part, options[max(0, at - 1)])]
            command = ["curl", "-sSi", *self.resolve, f"{self.address}{path}", "-H", f"@{file.name}", *rest]
            done = demo_calls.run(command, capture=True)
        assert done.returncode == 0, done.stderr
        return Answer(done.stdout)

    def post(self, path: str, body: object, key: str | None = None) -> Answer:
        """POST `body` as JSON."""
        return self.get(path, "-H", "Content-Type: application/json", "-d", json.dumps(body), key=key)

    def complete(self, key: str | None = None, **parameters: object) -> Answer:
        """POST a completion."""
        body = {"model": "facebook/opt-125m", "prompt": "The future", "max_tokens": 4, **parameters}
        return self.post("/v1/completions", body, key)


@pytest.fixture
def client(request: pytest.FixtureRequest) -> Client:
    """A user with the default client's key; of the model at CONTRACT_URL, where another cluster is to be accepted."""
    if url := os.environ.get("CONTRACT_URL"):
        return Client(os.environ["CONTRACT_KEY"], url)
    admin: kubectl.Admin = request.getfixturevalue("admin")
    return Client(admin.key("vllm11"))
