"""The client's Secret is the truth of a key; what people do to Secrets has the effect that they mean."""

import base64
import itertools

from tests.golden import render
from vllm_operator import identity, kinds
from vllm_operator.children import secrets

MODEL = render.model(render.HERE / "serving")
OWNER = identity.owner(MODEL)
HELD = render.KEYS["default"]
MADE = (f"sk-new-key-made-for-this-test-number-{number:08}" for number in itertools.count())


def live() -> dict[kinds.Ref, kinds.Object]:
    return {kinds.ref(obj): obj for obj in render.desired(MODEL)}


def keys(objects: dict[kinds.Ref, kinds.Object]) -> str:
    return secrets.keys(OWNER, ["default"], objects, lambda: next(MADE))["default"]


def ref(name: str) -> kinds.Ref:
    return kinds.Ref("Secret", OWNER.namespace, name)


CLIENT = ref(identity.client_secret(OWNER.name, "default"))
GUARD = ref(identity.guard_secret(OWNER.name))


def test_a_key_stays() -> None:
    assert keys(live()) == HELD


def test_deleting_the_clients_secret_makes_a_new_key() -> None:
    objects = live()
    del objects[CLIENT]
    assert keys(objects) != HELD


def test_deleting_the_guards_secret_changes_no_key() -> None:
    objects = live()
    del objects[GUARD]
    assert keys(objects) == HELD


def test_an_edited_key_is_put_back() -> None:
    objects = live()
    objects[CLIENT]["data"][secrets.KEY] = base64.b64encode(b"sk-" + b"x" * 43).decode()
    assert keys(objects) == HELD


def test_a_removed_or_garbled_entry_is_put_back() -> None:
    for value in ("", "%%%", base64.b64encode(b"\xff").decode()):
        objects = live()
        objects[CLIENT]["data"] = {secrets.KEY: value} if value else {}
        assert keys(objects) == HELD


def test_a_new_key_wins_over_the_one_the_guard_still_holds() -> None:
    """The operator ended between the two writes: what was revoked stays revoked."""
    objects = live()
    fresh = next(MADE)
    objects[CLIENT] = secrets.client_secret(OWNER, render._spec(MODEL), "https://h/", "default", fresh)
    assert keys(objects) == fresh


def test_a_secret_that_is_being_deleted_revokes_and_makes_no_key_yet() -> None:
    objects = live()
    objects[CLIENT]["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    assert secrets.keys(OWNER, ["default"], objects, lambda: next(MADE)) == {}


def test_garbage_in_the_guards_secret_is_no_key() -> None:
    objects = live()
    del objects[CLIENT]["metadata"]["annotations"]
    objects[GUARD]["data"][secrets.KEYS_FILE] = base64.b64encode(b'{"default": "short"}').decode()
    assert keys(objects) != "short"
