"""A model in a cluster in memory and operators that come and go: each run is a new process that knows what the cluster knows."""

import base64
import contextlib
import json
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from tests import fake_apiserver, samples
from vllm_operator import api, config, guard
from vllm_operator.controller import reconcile
from vllm_operator.engine import verification
from vllm_operator.keys import record
from vllm_operator.kube import apply, cache, conditions, errors, kinds, naming
from vllm_operator.probes import http_client, prober

KEY = kinds.Key("models", samples.MODEL)
MODEL = kinds.Ref("ModelDeployment", *KEY)
NOW = 1_800_000_000.0
SETTINGS = config.Config(engine_images={"cpu": "registry.example/vllm-cpu:0.32.0"})
WRITES = {"create", "patch", "update", "delete"}
TRIES = 5


MOST_WRITES = 50  # of one run; more are a fault

EndedRun = Callable[[int], Awaitable[bool]]


def at_every_write(scenario: EndedRun) -> Callable[[], Awaitable[None]]:
    """Make a test of `scenario(at)`, for each `at` from 0 on, until it returns that the operator was not interrupted."""

    async def run() -> None:
        for at in range(MOST_WRITES):
            if not await scenario(at):
                assert at, "the operator wrote nothing that could be interrupted"
                return
        raise AssertionError("no run came to its end")

    run.__name__, run.__doc__, run.__module__ = scenario.__name__, scenario.__doc__, scenario.__module__
    return run


class Ended(Exception):  # noqa: N818 - it is what happened
    """The operator's process ended here."""


class Deaf:
    """Who asks nobody."""

    async def ask_guard(self, address: str) -> guard.State | None:
        raise AssertionError(address)

    async def ask_fetcher(self, address: str) -> str | None:
        raise AssertionError(address)

    async def ask_model(self, base: str, key: str, request: verification.Request) -> http_client.Answer:
        raise AssertionError(base, key, request)


class OperatorHarness:
    """`now` is the clock of every operator; `again`: in how many seconds the last one wanted to look again."""

    def __init__(self) -> None:
        self.api, self.now, self.again = fake_apiserver.FakeCluster(), NOW, None
        self.settings = SETTINGS
        self.reconciler = self._new()

    async def begin(self, *clients: dict[str, Any], **more: Any) -> None:
        """Create the model and let an operator make what it asks for."""
        await self.api.create_by("admin", self._model(clients, more))
        await self.run()

    async def change(self, *clients: dict[str, Any], **more: Any) -> None:
        """Change the model's clients, and other fields of its spec; no operator has seen it yet."""
        spec = {"expose": None, **self._model(clients, more)["spec"]}
        await self.api.edit_by("admin", MODEL, {"spec": spec})

    async def run(self) -> None:
        """Let a new operator work on the model once."""
        self.reconciler = self._new()
        await self.go_on()

    async def go_on(self) -> None:
        """Let the operator that is there work on the model once more."""
        for _ in range(TRIES):
            with contextlib.suppress(errors.Conflict):  # as the queue does: decided anew with what is there
                self.again = await self.reconciler(KEY)
                return
        raise AssertionError("no decision holds")

    def hear(self) -> None:
        """Let the operator that is there hear of all that happened, as its watches would."""
        visible = {ref: obj for ref, obj in self.api.objects.items() if naming.key(obj)}
        for obj in self.cache.of(KEY):
            if kinds.ref(obj) not in visible:
                self.cache.drop(kinds.ref(obj))
        for obj in visible.values():
            self.cache.put(obj)

    async def take_over(self, seen: Mapping[kinds.Ref, kinds.Object]) -> None:
        """Let a new operator work on the model whose watches have shown `seen` alone, and the newest model."""
        objects, self.api.objects = self.api.objects, {**seen, MODEL: self.api.objects[MODEL]}
        self.reconciler = self._new()
        self.api.objects = objects
        await self.go_on()

    async def interrupted(self, at: int) -> bool:
        """Let a new operator end at its write number `at` / 2, and a half: after it took effect; False where it wrote less."""
        left = at

        def interrupt(verb: str, _ref: kinds.Ref, _when: str) -> None:
            nonlocal left
            if verb in WRITES:
                left -= 1
                if left < 0:
                    raise Ended

        self.api.interrupt = interrupt
        try:
            await self.run()
        except Ended:
            return True
        finally:
            self.allow()
        return False

    async def stale(self, name: str) -> None:
        """Delete a Secret by hand and let an operator work that has not heard of it; it may give up."""
        self.reconciler = self._new()
        await self.delete(name)
        with contextlib.suppress(errors.ApiError):
            await self.go_on()

    def refuse(
        self, name: str, refusal: errors.ApiError | None = None, verbs: Collection[str] = WRITES, when: str = "before"
    ) -> None:
        """Answer every write of the Secret `name` with `refusal` from now on, `when` it takes effect."""
        refusal = refusal or errors.Denied(403, "Forbidden", "no")

        def interrupt(verb: str, ref: kinds.Ref, at: str) -> None:
            if verb in verbs and ref.name == name and at == when:
                raise refusal

        self.api.interrupt = interrupt

    def allow(self) -> None:
        """Let every write be taken again."""
        self.api.interrupt = lambda _verb, _ref, _when: None

    async def bring(self, name: str, key: str, *, label: str | None = samples.MODEL) -> None:
        """Write a Secret as another tool does."""
        data = {record.KEY: base64.b64encode(key.encode()).decode()}
        labels = {naming.MODEL_LABEL: label} if label else {}
        owner = {"apiVersion": "x/v1", "kind": "ExternalSecret", "name": name, "uid": "e", "controller": True}
        metadata = {"name": name, "namespace": KEY.namespace, "labels": labels, "ownerReferences": [owner]}
        body = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        with contextlib.suppress(errors.NotFound):
            await self.api.delete_by("tool", kinds.ref(body))
        await self.api.create_by("tool", body)

    async def edit(self, name: str, entry: str, text: str) -> None:
        """Write an entry of a Secret by hand."""
        data = {entry: base64.b64encode(text.encode()).decode()}
        await self.api.edit_by("admin", self.ref(name), {"data": data})

    async def terminate(self) -> None:
        """Delete the model, which another tool's finalizer holds."""
        await self.api.edit_by("tool", MODEL, {"metadata": {"finalizers": ["backup.example/hold"]}})
        await self.api.delete_by("admin", MODEL)

    async def delete(self, name: str) -> None:
        """Delete a Secret by hand."""
        await self.api.delete_by("admin", self.ref(name))

    def secret(self, client: str) -> kinds.Object | None:
        """Return the Secret of a client."""
        return self.api.objects.get(self.ref(f"{samples.MODEL}.key.{client}"))

    def key(self, client: str) -> str:
        """Return the key in a client's Secret, "" where there is none."""
        return record.key(self.secret(client))

    def accepts(self, key: str) -> bool:
        """Tell whether the guards let `key` in: by their routes, not by what the operator notes for itself."""
        secret = self.api.objects.get(self.ref(f"{samples.MODEL}.guard"))
        return bool(key) and f"(?i:bearer) +{key}" in (record.decoded(secret, "routes.yaml") if secret else "")

    def knows(self, client: str) -> bool:
        """Tell whether the guards know any key of `client`."""
        return f'"client":"{client}"' in record.decoded(
            self.api.objects[self.ref(f"{samples.MODEL}.guard")], "routes.yaml"
        )

    def ends(self, key: str) -> int | None:
        """Return until when the guards accept `key`."""
        routes = json.loads(record.decoded(self.api.objects[self.ref(f"{samples.MODEL}.guard")], "routes.yaml"))
        found = [route for route in routes["resources"][0]["virtual_hosts"][0]["routes"] if key in json.dumps(route)]
        facts = next(route["metadata"]["filter_metadata"]["guard"] for route in found if "metadata" in route)
        return facts.get("expires_at")

    def condition(self, kind: str) -> kinds.Object:
        """Return a condition of the model."""
        return conditions.condition(self.api.objects[MODEL], kind) or {}

    def events(self, reason: str) -> list[str]:
        """Return the notes of the Events with that reason."""
        found = [obj for ref, obj in sorted(self.api.objects.items()) if ref.kind == "Event"]
        return [one["note"] for one in found if one["reason"] == reason]

    def writes(self) -> int:
        """Return how much was written until now."""
        return sum(verb in WRITES for verb, _ in self.api.calls)

    def ref(self, name: str) -> kinds.Ref:
        """Return the reference of a Secret."""
        return kinds.Ref("Secret", KEY.namespace, name)

    def _model(self, clients: tuple[dict[str, Any], ...], more: dict[str, Any]) -> kinds.Object:
        model = samples.model()
        access = {**({"clients": clients} if clients else {}), **more.get("access", {})}
        spec = api.Spec.model_validate({**model["spec"], **more, "access": access})
        return {**model, "spec": spec.model_dump(mode="json", by_alias=True, exclude_none=True)}

    def _new(self) -> reconcile.Reconciler:
        self.cache = cache.Cache()
        self.hear()
        applier, asking = apply.Applier(self.api, self.cache), self._prober()
        return reconcile.Reconciler(self.api, self.cache, applier, asking, self.settings, clock=lambda: self.now)

    def _prober(self) -> prober.Prober:
        return prober.Prober(self.api, self.cache, Deaf(), lambda _key: None)
