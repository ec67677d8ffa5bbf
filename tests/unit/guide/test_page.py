"""The page of one model: switched by spec and settings, true to the spec, small in etcd, silent on clients."""

from __future__ import annotations

import base64
import json
import re
from typing import get_args

import pytest

from tests.golden import render
from vllm_operator import api, children, config, guard, guide, keys
from vllm_operator.children import guide as pages
from vllm_operator.kube import kinds, naming

TASKS = get_args(api.Task)
OWNER = naming.Owner("models", "vllm11", "00000000-0000-0000-0000-000000000001")
DOMAIN = config.Config(domain="models.example")


def spec(**more: object) -> api.Spec:
    return api.Spec.model_validate({"model": {"source": "file:///models/facebook/opt-125m"}, **more})


@pytest.mark.parametrize(
    ("expose", "setting", "there"),
    [(None, True, True), (None, False, False), ({"guide": False}, True, False), ({"guide": True}, False, True),
     ({"host": "a.b"}, True, True), ({"host": "a.b", "guide": False}, True, False), ({}, False, False)],
)  # fmt: skip
def test_switch_is_the_specs_and_else_the_operators(expose: object, setting: bool, there: bool) -> None:
    more = {} if expose is None else {"expose": expose}
    assert bool(page(spec(**more), config.Config(guide=setting))) is there


def test_page_follows_the_spec() -> None:
    wanted = spec(engine={"maxModelLen": 2048}, expose={"guide": True})
    shown = page(wanted, DOMAIN)
    assert shown
    assert shown.path == "/guide"
    assert "http://vllm11.models.example/v1/completions" in shown.body
    assert "2,048 tokens" in shown.body
    inside = page(wanted, config.Config())
    assert inside
    assert "http://vllm11.models.svc/v1/completions" in inside.body


def test_page_lists_every_name_of_the_model() -> None:
    shown = page(spec(model={"source": "file:///models/a/b", "servedNames": ["gpt-4", "x:y"]}), config.Config())
    assert shown
    assert "<dt>Also called<dd><code>gpt-4</code>, <code>x:y</code>" in shown.body


NAMES = [f"{at}{'n' * 127}" for at in range(8)]


@pytest.mark.parametrize("task", TASKS)
def test_page_costs_at_most_15_kb_in_etcd(task: str) -> None:
    longest = spec(
        model={"source": "file:///models/a/b", "servedName": "m" * 128, "servedNames": NAMES, "task": task},
        engine={"maxModelLen": 10_000_000},
        expose={"host": ".".join(["h" * 62] * 4), "ingress": {"tls": {"secretName": "t"}}},
    )
    sizes = [_size(longest, config.Config(guide=on)) for on in (True, False)]
    assert 8_000 < sizes[0] - sizes[1] <= 15_000


def page(wanted: api.Spec, settings: config.Config) -> guard.Page | None:
    """Return the page of a model of which nothing is there yet."""
    return pages.page(wanted.expose, settings, children.serving(OWNER, wanted, settings))


def _size(wanted: api.Spec, settings: config.Config) -> int:
    """Return the bytes of the guard's Secret; etcd keeps a Secret's entries as bytes, not as base64."""
    return sum(len(base64.b64decode(value)) for value in _guard_secret(wanted, settings)["data"].values())


def _guard_secret(wanted: api.Spec, settings: config.Config) -> kinds.Object:
    issued = {client.name: keys.Issued(f"sk-{'k' * 43}", 1, 0) for client in keys.clients(wanted.access)}
    return children.guard_secret(render.decided(OWNER, wanted, settings), issued, 0)


def test_page_tells_nothing_of_clients() -> None:
    limited = {"clients": [{"name": "secret-team", "rateLimit": {"requests": 4321}}]}
    secret = _guard_secret(spec(access=limited), DOMAIN)
    routes = json.loads(base64.b64decode(secret["data"]["routes.yaml"]))["resources"][0]["virtual_hosts"][0]["routes"]
    (route,) = [one for one in routes if one["match"].get("safe_regex", {}).get("regex") == guide.PATH]
    assert not re.search("secret-team|sk-|4321", json.dumps(route))
    assert page(spec(access=limited), DOMAIN) == page(spec(), DOMAIN)
