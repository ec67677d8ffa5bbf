"""The demo, as a newcomer gets it: one cluster for all end-to-end tests, taken down without a trace before pytest's last line."""

import json
from collections.abc import Iterator

import pytest

from dev import cluster, demo, images, layout
from tests import audit, models

OPERATOR = audit.account(demo.OPERATOR_NAMESPACE, "vllm-operator")
LAST = "test_privileges.py"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Ask what the operator was allowed when every other test has run."""
    items.sort(key=lambda item: item.path.name == LAST)


@pytest.fixture(scope="session")
def admin() -> Iterator[models.Admin]:
    """An admin of a new cluster in which the operator runs and vllm11 is Ready; what the operator does is logged."""
    demo.prepare()
    way = cluster.way()
    way.down()
    way.up(audit.flags("e2e", OPERATOR))
    try:
        for name in demo.IMAGES:
            way.load_image(images.build(name), images.reference(name))
        demo.install()
        demo.serve()
        yield models.Admin(layout.KUBECONFIG, demo.NAMESPACE)
    finally:
        way.down()


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


class Client:
    """A user of the model, with curl, a key and the documented address."""

    def __init__(self, key: str) -> None:
        self.key = key

    def get(self, path: str, *options: str, key: str | None = None) -> Answer:
        """GET `path` with the key, or another; an empty one sends none."""
        key = self.key if key is None else key
        authorization = ["-H", f"Authorization: Bearer {key}"] if key else []
        done = demo.run(["curl", "-sSi", f"https://{demo.HOST}{path}", *authorization, *options], capture=True)
        assert done.returncode == 0, done.stderr
        return Answer(done.stdout)

    def complete(self, key: str | None = None, **parameters: object) -> Answer:
        """POST a completion."""
        body = json.dumps({"model": "facebook/opt-125m", "prompt": "The future", "max_tokens": 4, **parameters})
        return self.get("/v1/completions", "-H", "Content-Type: application/json", "-d", body, key=key)


@pytest.fixture
def client(admin: models.Admin) -> Client:
    """A user with the default client's key."""
    return Client(admin.key("vllm11"))
