"""Whether a model is still there: what it owns vanishes with it, and the watch of its children may be quicker than its own.

Asks for the model where something of it has vanished or has lost its owner, so that nothing is made, and no key issued, for a
model that is gone, and nothing is owned again that is being let go. Must not write anything.
"""

from vllm_operator import children, keys
from vllm_operator.kube import cache, client, errors, kinds, naming
from vllm_operator.status import observed


class Existence:
    """Tells of one model at a time; what it hears goes into the cache, which wakes the model."""

    def __init__(self, api_server: client.Api, objects: cache.Cache) -> None:
        self._api, self._cache = api_server, objects

    async def is_over(self, seen: observed.ObservedState, plan: children.Plan) -> bool:
        """Tell whether nothing may be written for the model: it is gone, or another one, or what it owns is being let go."""
        if _is_orphaning(seen.model):
            return True
        has_lost = any(map(self._cache.has_vanished, _wanted(plan))) or any(map(_is_let_go, seen.objects.values()))
        return has_lost and not await self._is_as_told(seen.model)

    async def _is_as_told(self, model: kinds.Object) -> bool:
        """Ask for the model; it is taken to be there where nobody answers, or where a 404 is not of the model."""
        ref, told = kinds.ref(model), model["metadata"]
        try:
            live = await self._api.get(ref)
        except errors.NoSuchKind:
            return True
        except errors.NotFound:
            self._cache.drop(ref)
            return False
        except errors.ApiError:
            return True
        self._cache.put(live)
        now = live["metadata"]
        return bool(now["uid"] == told["uid"] and now.get("deletionTimestamp") == told.get("deletionTimestamp"))


def _wanted(plan: children.Plan) -> set[kinds.Ref]:
    """Return the objects that the model is to have."""
    clients = (naming.client_secret(plan.owner.name, client.name) for client in keys.clients(plan.spec.access))
    secrets = (*clients, naming.guard_secret(plan.owner.name))
    refs = {kinds.Ref(kinds.SECRET.kind, plan.owner.namespace, name) for name in secrets}
    return refs.union(map(kinds.ref, (*plan.first, *plan.server)))


def _is_orphaning(model: kinds.Object) -> bool:
    """Tell whether the garbage collector lets go of all that the model owns: what is owned again now would end with it."""
    metadata = model["metadata"]
    return bool(metadata.get("deletionTimestamp")) and "orphan" in metadata.get("finalizers", ())


def _is_let_go(obj: kinds.Object) -> bool:
    """Tell whether a child has no owner any more, although it is to have one."""
    is_child = obj["kind"] != kinds.POD.kind and not naming.is_retained(obj)
    return is_child and not obj["metadata"].get("ownerReferences")
