"""The page for a model's users, from what its spec says of it in public: never a client's name, limit or key."""

from vllm_operator import api, config, guard, guide
from vllm_operator.children import ingress
from vllm_operator.engine import endpoints, options
from vllm_operator.kube import naming


def page(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> guard.Page | None:
    """Return the page, or None where it is switched off: by the spec, else by the operator's setting."""
    asked = spec.expose.guide if spec.expose else None
    if not (settings.guide if asked is None else asked):
        return None
    facts = guide.Facts(
        url=ingress.url(owner, spec, settings).removesuffix("/"),
        model=options.served_name(spec.model),
        context=spec.engine.max_model_len,
        endpoints=[(one.method, one.path) for one in endpoints.of(spec.model.task)],
    )
    return guard.Page(guide.PATH, guide.document(facts), tuple(guide.HEADERS.items()))
