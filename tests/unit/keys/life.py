"""One model's life: what people do to its clients and Secrets, where the operator ends, and what must hold after each step."""

import contextlib
import copy
import re
from typing import Any

from tests import harness
from vllm_operator.keys import record
from vllm_operator.kube import errors, kinds

NAMES = ("a", "b", "vault")
BROUGHT = tuple(f"sk-{'brought' * 5}-{number}" for number in range(3))
ACTS = ("list", "drop", "rotate", "overlap", "delete", "edit", "garble", "strip", "backup", "bring", "vanish", "pause", "lose",
        "regress", "scribble", "wait", "behind")  # fmt: skip
AWAY = -1  # at which of its writes the operator ends: before it looks at all

Step = tuple[str, str, int | None]
"""What is done, to which client, and at which write the operator ends then; None: at none."""


class Life:
    """One model, what people do to it, and which keys were ever refused after they had been accepted."""

    def __init__(self) -> None:
        self.home = harness.OperatorHarness()
        self.versions = dict.fromkeys(("a", "b"), 1)
        self.listed, self.overlap, self.paused = ["a", "b"], "1h", False
        self.backups: dict[str, kinds.Object] = {}
        self.guards: kinds.Object | None = None
        self.before: set[str] = set()
        self.revoked: set[str] = set()
        self.restored: set[str] = set()  # whose Secret was put back since an operator last finished its work
        self.regressed = False  # the guard's Secret was put back since then
        self.forgotten: set[str] = set()  # whose Secret nobody can know of any more

    async def run(self, steps: list[Step]) -> None:
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
            self.restored.clear()
            self.regressed = False
            self.judge()
            await self._settled()

    def judge(self) -> None:
        """A key that was accepted and then was not is accepted no more; who brings a key again means it.

        What somebody puts back into the guard's Secret is accepted until the operator writes it again.
        """
        if self.regressed:
            return
        now = self.accepted()
        self.revoked |= self.before - now
        assert not now & self.revoked - set(BROUGHT)
        self.before = now

    def accepted(self) -> set[str]:
        """Return the keys that guards let in; where their Secret is gone they go on with what they have."""
        secret = self._guard()
        if secret is None:
            return self.before
        return set(re.findall(r"\(\?i:bearer\) \+(sk-[\w-]+)", record.decoded(secret, "routes.yaml")))

    async def _settled(self) -> None:
        """Each listed client has a key that is accepted, nobody else has one, and soon there is nothing left to write."""
        held = {name: self.home.key(name) for name in NAMES}
        listed = set(self.listed) - self._without()
        assert {name for name, key in held.items() if key} - self.forgotten == listed - self.forgotten
        assert {held[name] for name in listed} <= self.accepted()
        await self.home.run()  # what was repaired is said once
        written = self.home.writes()
        await self.home.run()
        assert self.home.writes() == written

    def _without(self) -> set[str]:
        return set() if self.home.ref("from-vault") in self.home.api.objects else {"vault"}

    def _guard(self) -> kinds.Object | None:
        return self.home.api.objects.get(self.home.ref("vllm11.guard"))

    def _clients(self) -> list[dict[str, Any]]:
        own = {name: {"name": name, "keyVersion": version} for name, version in self.versions.items()}
        own["vault"] = {"name": "vault", "keySecretRef": {"name": "from-vault"}}
        return [own[name] for name in self.listed]

    async def _change(self) -> None:
        access = {"clients": self._clients(), "rotationOverlap": self.overlap}
        await self.home.change(access=access, paused=self.paused)

    async def _list(self, name: str) -> None:
        self.listed = [*self.listed, name] if name not in self.listed else self.listed
        self.forgotten.discard(name)
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
        """Nothing is left of the guard's Secret, and no key may change for it, unless old Secrets were put back as well.

        Then nothing tells the old keys from the newest, which docs/keys.md says. Nor does anything tell whose Secrets had lost
        their labels: if their clients are taken off the list, the Secrets stay, and their keys are not accepted.
        """
        if not self.restored:
            await self.home.delete("vllm11.guard")
            secrets = {name: self.home.secret(name) for name in NAMES}
            self.forgotten |= {name for name, one in secrets.items() if one and not one["metadata"].get("labels")}

    async def _regress(self, _name: str) -> None:
        """Put back what the guard's Secret was when this was last asked for, as `_lose`; or remember what it is."""
        now = self._guard()
        if now and self.guards is None:
            self.guards = copy.deepcopy(now)
        elif now and self.guards and not self.restored:
            self.regressed = True
            await self.home.api.edit_by("admin", kinds.ref(now), {"data": self.guards["data"]})

    async def _edit(self, name: str) -> None:
        await self._patch(name, {"data": {record.KEY: "c2stZWRpdGVk"}})

    async def _garble(self, name: str) -> None:
        await self.home.edit(f"vllm11.key.{name}", record.PREVIOUS, '[["sk-", Infinity]]')

    async def _scribble(self, name: str) -> None:
        """Garble the record of one client in the guard's Secret."""
        secret = self._guard()
        noted = record.decoded(secret, record.APPLIED) if secret else ""
        if f'"{name}": [' in noted:
            await self.home.edit("vllm11.guard", record.APPLIED, noted.replace(f'"{name}": [', f'"{name}": [1e999, '))

    async def _strip(self, name: str) -> None:
        await self._patch(name, {"metadata": {"annotations": None, "labels": None}})

    async def _backup(self, name: str) -> None:
        """Put back what the Secret of a client was when this was last asked for, or remember what it is."""
        now = self.home.secret(name)
        if now:
            self.backups.setdefault(name, copy.deepcopy(now))
        old = self.backups.get(name)
        if old and self._guard() and not self.regressed:
            self.restored.add(name)
            if name not in self.listed and not old["metadata"].get("labels"):
                self.forgotten.add(name)
            await self._restore(old, exists=now is not None)

    async def _restore(self, old: kinds.Object, *, exists: bool) -> None:
        metadata = {part: old["metadata"].get(part) for part in ("annotations", "labels", "ownerReferences")}
        ref = kinds.ref(old)
        if exists:
            await self.home.api.edit_by("admin", ref, {"data": old["data"], "metadata": metadata})
        else:
            metadata = {"name": ref.name, "namespace": ref.namespace} | {
                part: it for part, it in metadata.items() if it
            }
            await self.home.api.create_by("admin", {**old, "metadata": metadata})

    async def _patch(self, name: str, patch: dict[str, Any]) -> None:
        await self.home.api.edit_by("admin", self.home.ref(f"vllm11.key.{name}"), patch)

    async def _bring(self, name: str) -> None:
        await self.home.bring("from-vault", BROUGHT[NAMES.index(name)])

    async def _vanish(self, _name: str) -> None:
        await self.home.delete("from-vault")

    async def _wait(self, name: str) -> None:
        self.home.now += {"a": 1, "b": 100, "vault": 4000}[name]

    async def _behind(self, name: str) -> None:
        """The next operator's clock is behind."""
        self.home.now -= {"a": 1, "b": 100, "vault": 4000}[name]
