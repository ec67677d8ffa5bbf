"""The two files of a guard: the same for the same access, and each change in the file where it belongs."""

from __future__ import annotations

import itertools
import json
import re

import pytest

from tests.unit.guard import shapes
from tests.unit.guard.shapes import ENDPOINTS, KEY, OTHER
from vllm_operator import guard


def test_same_access_makes_the_same_bytes_in_whatever_order() -> None:
    clients = (shapes.client("a", KEY), shapes.client("b", OTHER))
    texts = {
        tuple(shapes.rendered(shapes.access(*order), table).files.items())
        for order in itertools.permutations(clients)
        for table in itertools.permutations(ENDPOINTS)
    }
    assert len(texts) == 1


def test_keys_stand_in_the_live_file_alone() -> None:
    files = shapes.rendered(shapes.access(shapes.client("team-a"))).files
    assert tuple(files) == guard.FILES
    assert KEY in files["routes.yaml"]
    assert KEY not in files["bootstrap.yaml"]
    assert "team-a" not in files["bootstrap.yaml"]


def test_bootstrap_is_the_same_whatever_changes_while_a_model_serves() -> None:
    somebody = shapes.access(shapes.client(limit=guard.RateLimit(1, "Hour")))
    one, other = (shapes.rendered(now).files["bootstrap.yaml"] for now in (shapes.access(), somebody))
    assert one == other


@pytest.mark.parametrize("name", ["m1", "m2"])
def test_bootstrap_names_its_own_model_and_peers(name: str) -> None:
    """Most of a bootstrap is the same for all models and made once per process; these two are not."""
    text = shapes.rendered(guard.Access((), f"{name}.models.svc", model=name)).files["bootstrap.yaml"]
    assert f'"{name}.models.svc"' in text
    assert f'{{"name":"model","value_format":"{name}"}}' in text


CHANGED = (
    shapes.access(shapes.client("a", OTHER)),
    shapes.access(shapes.client("b", KEY)),
    shapes.access(shapes.client("a", KEY, limit=guard.RateLimit(1, "Minute"))),
    shapes.access(shapes.client("a", KEY), shapes.client("b", OTHER)),
    shapes.access(guard.Client("a", shapes.LIMIT, (guard.Credential(KEY, 1),))),
    shapes.access(),
)


@pytest.mark.parametrize("changed", CHANGED)
def test_version_names_what_is_live(changed: guard.Access) -> None:
    before, after = shapes.rendered(shapes.access(shapes.client("a", KEY))), shapes.rendered(changed)
    assert re.fullmatch(r"[0-9a-f]{16}", before.version)
    assert after.version != before.version
    assert json.loads(after.files["routes.yaml"])["version_info"] == after.version


def test_live_part_is_the_same_for_every_envoy_and_an_older_one_gets_what_the_oldest_takes() -> None:
    versions = ((1, 37), guard.OLDEST, (1, 40))
    older, oldest, newest = (guard.rendered(shapes.access(), ENDPOINTS, version).files for version in versions)
    assert older == oldest
    assert oldest["routes.yaml"] == newest["routes.yaml"]
    assert oldest["bootstrap.yaml"] != newest["bootstrap.yaml"]


def test_page_that_may_call_is_named_in_the_live_part_alone() -> None:
    files = shapes.rendered(guard.Access((), "peers", ("https://app.example",))).files
    assert "https://app.example" in files["routes.yaml"]
    assert "https://app.example" not in files["bootstrap.yaml"]


@pytest.mark.parametrize(
    ("image", "expected"),
    [("envoyproxy/envoy:distroless-v1.40.0", (1, 40)), ("envoyproxy/envoy:v1.39-latest", (1, 39)),
     ("mirror:5000/envoy:1.38.3", (1, 38)), ("r.io/vllm-operator/guard:v1.40.0@sha256:00", (1, 40)),
     ("r.io/envoy:latest", (1, 38)), ("mirror:5000/envoy", (1, 38)), ("r.io/envoy@sha256:1.2", (1, 38)),
     ("guard:0.1.39", (1, 38))],
)  # fmt: skip
def test_version_of_an_image(image: str, expected: tuple[int, int]) -> None:
    assert guard.version_of(image) == expected
