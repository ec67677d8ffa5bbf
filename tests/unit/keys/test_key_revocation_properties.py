"""Whatever people do to a model's clients and Secrets, and wherever the operator ends: what was revoked stays revoked."""

import asyncio
import contextlib
import copy
import re
from typing import Any

import hypothesis
from hypothesis import strategies

from tests import harness
from vllm_operator.keys import record
from vllm_operator.kube import errors

NAMES = ("a", "b", "vault")
BROUGHT = tuple(f"sk-{'brought' * 5}-{number}" for number in range(3))
ACTS = (
    "list",
    "drop",
    "rotate",
    "overlap",
    "delete",
    "edit",
    "strip",
    "backup",
    "bring",
    "vanish",
    "pause",
    "lose",
    "wait",
)
AWAY = -1  # at which of its writes the operator ends: before it looks at all
STEPS = strategies.lists(
    strategies.tuples(
        strategies.sampled_from(ACTS),
        strategies.sampled_from(NAMES),
        strategies.one_of(strategies.none(), strategies.just(AWAY), strategies.integers(0, 8)),
    ),
    min_size=1,
    max_size=15,
)


class Life:
    """One model, what people do to it, and which keys were ever refused after they had been accepted."""

    def __init__(self) -> None:
        self.home = harness.OperatorHarness()
        self.versions = dict.fromkeys(("a", "b"), 1)
        self.listed, self.overlap, self.paused = ["a", "b"], "1h", False
        self.backups: dict[str, Any] = {}
        self.before: set[str] = set()
        self.revoked: set[str] = set()

    async def run(self, steps: list[tuple[str, str, int | None]]) -> None:
        await self.home.begin(*self._clients())
        for act, name, end in steps:
            with contextlib.suppress(errors.NotFound):
                await getattr(self, f"_{act}")(name)
            if end == AWAY:
                continue
            if end is not None and await self.home.interrupted(end):
                self.judge()
                self.home.now += 1
            await self.home.run()
            self.judge()
            await self._settled()

    def judge(self) -> None:
        """A key that was accepted and then was not is accepted no more; who brings a key again means it."""
        now = self.accepted()
        self.revoked |= self.before - now
        assert not now & self.revoked - set(BROUGHT)
        self.before = now

    def accepted(self) -> set[str]:
        """Return the keys that guards let in; where their Secret is gone they go on with what they have."""
        secret = self.home.api.objects.get(self.home.ref("vllm11.guard"))
        if secret is None:
            return self.before
        return set(re.findall(r"\(\?i:bearer\) \+(sk-[\w-]+)", record.decoded(secret, "routes.yaml")))

    async def _settled(self) -> None:
        """Each listed client has a key that is accepted, nobody else has one, and there is nothing left to write."""
        held = {name: self.home.key(name) for name in NAMES}
        assert {name for name, key in held.items() if key} == set(self.listed) - self._without()
        assert {key for key in held.values() if key} <= self.accepted()
        written = self.home.writes()
        await self.home.run()
        assert self.home.writes() == written

    def _without(self) -> set[str]:
        return set() if self.home.ref("from-vault") in self.home.api.objects else {"vault"}

    def _clients(self) -> list[dict[str, Any]]:
        own = {name: {"name": name, "keyVersion": version} for name, version in self.versions.items()}
        own["vault"] = {"name": "vault", "keySecretRef": {"name": "from-vault"}}
        return [own[name] for name in self.listed]

    async def _change(self) -> None:
        access = {"clients": self._clients(), "rotationOverlap": self.overlap}
        await self.home.change(access=access, paused=self.paused)

    async def _list(self, name: str) -> None:
        self.listed = [*self.listed, name] if name not in self.listed else self.listed
        await self._change()

    async def _drop(self, name: str) -> None:
        self.listed = [one for one in self.listed if one != name]
        await self._change()

    async def _rotate(self, name: str) -> None:
        self.versions["b" if name == "b" else "a"] += 1
        await self._change()

    async def _overlap(self, name: str) -> None:
        self.overlap = {"a": "0s", "b": "1m", "vault": "1h"}[name]
        await self._change()

    async def _pause(self, _name: str) -> None:
        self.paused = not self.paused
        await self._change()

    async def _delete(self, name: str) -> None:
        await self.home.delete(f"vllm11.key.{name}")

    async def _lose(self, _name: str) -> None:
        """Nothing is left of the guards' Secret; no key may change for it."""
        await self.home.delete("vllm11.guard")

    async def _edit(self, name: str) -> None:
        await self._patch(name, {"data": {record.KEY: "c2stZWRpdGVk"}})

    async def _strip(self, name: str) -> None:
        await self._patch(name, {"metadata": {"annotations": None, "labels": None}})

    async def _backup(self, name: str) -> None:
        """Put back what the Secret of a client was when this was last asked for, or remember what it is."""
        now = self.home.secret(name)
        old = self.backups.setdefault(name, copy.deepcopy(now)) if now else None
        if old and self.home.key(name) in self.accepted():
            await self._patch(name, {"data": old["data"], "metadata": {"annotations": old["metadata"]["annotations"]}})

    async def _patch(self, name: str, patch: dict[str, Any]) -> None:
        await self.home.api.edit_by("admin", self.home.ref(f"vllm11.key.{name}"), patch)

    async def _bring(self, name: str) -> None:
        await self.home.bring("from-vault", BROUGHT[NAMES.index(name)])

    async def _vanish(self, _name: str) -> None:
        await self.home.delete("from-vault")

    async def _wait(self, name: str) -> None:
        self.home.now += {"a": 1, "b": 100, "vault": 4000}[name]


@hypothesis.settings(deadline=None, max_examples=40)
@hypothesis.given(STEPS)
@hypothesis.example([("strip", "a", AWAY), ("drop", "a", None), ("list", "a", None)])
def test_what_was_revoked_stays_revoked(steps: list[tuple[str, str, int | None]]) -> None:
    asyncio.run(Life().run(steps))
