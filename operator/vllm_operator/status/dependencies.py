"""What a spec or a setting names and nobody here makes: looked up by name, so that a missing one is said, not guessed."""

from vllm_operator import api, config
from vllm_operator.children import ingress, scheduling
from vllm_operator.engine import source
from vllm_operator.kube import kinds, naming


def references(owner: naming.Owner, spec: api.Spec, settings: config.Config) -> tuple[kinds.Ref, ...]:
    """Return the objects that must exist for the model to be served and exposed.

    Classes lie in no namespace: with Roles alone they cannot be looked for.
    """
    exposed = ingress.exposure(owner.name, spec, settings)
    claim = source.weights(spec.model).claim
    named = [
        (kinds.PERSISTENT_VOLUME_CLAIM, claim),
        (kinds.CONFIG_MAP, settings.ca_config_map),
        (kinds.INGRESS_CLASS, exposed.class_name if exposed else ""),
        (kinds.SECRET, exposed.tls_secret if exposed else ""),
        *((kinds.SECRET, name) for name in scheduling.pull_secrets(spec, settings)),
        (kinds.SERVICE_ACCOUNT, spec.service_account_name),
        (kinds.PRIORITY_CLASS, spec.scheduling.priority_class_name),
    ]
    return tuple(
        kinds.Ref(kind.kind, owner.namespace if kind.namespaced else "", name)
        for kind, name in named
        if name and (kind.namespaced or not settings.watch_namespaces)
    )
