"""The page for a model's users, from what its spec says of it in public: never a client's name, limit or key."""

from vllm_operator import api, config, guard, guide
from vllm_operator.children.serving import Serving
from vllm_operator.engine import endpoints


def page(expose: api.Expose | None, settings: config.Config, serving: Serving) -> guard.Page | None:
    """Return the page, or None where it is switched off: by the spec, else by the operator's setting."""
    asked = expose.guide if expose else None
    if not (settings.guide if asked is None else asked):
        return None
    facts = guide.Facts(
        url=serving.url.removesuffix("/"),
        model=serving.model,
        context=serving.context,
        aliases=serving.aliases,
        adapters=serving.adapters,
        endpoints=[(one.method, one.path) for one in endpoints.of(serving.task)],
    )
    return guard.Page(guide.PATH, guide.document(facts), tuple(guide.HEADERS.items()))
