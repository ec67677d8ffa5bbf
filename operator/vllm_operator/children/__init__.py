"""From one ModelDeployment to the objects it becomes: `desired()` and a pure function per kind, named for what it returns.

Nothing here has a client, a clock or randomness: keys and the pinned template come in as arguments. Objects are canonical: what
the API server returns compares equal (no nulls, no empty values, quantities as it writes them).
"""

from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator import api, config, identity, kinds
from vllm_operator.children import deployment, ingress, network_policy, secrets, service, template


class Plan(NamedTuple):
    """All that the children are made of.

    `keys`: client name -> key; `pinned`: the live ControllerRevision, if any; `asked`: the value of the upgrade annotation.
    """

    owner: identity.Owner
    spec: api.Spec
    settings: config.Config
    keys: Mapping[str, str]
    pinned: kinds.Object | None = None
    asked: str = ""


def desired(plan: Plan) -> tuple[kinds.Object, ...]:
    """Return every object that the model is to have, in the order in which a reader meets them."""
    owner, spec, settings, keys, pinned, asked = plan
    revision = template.revision(owner, spec, settings, pinned, asked)
    url = ingress.url(owner, spec, settings)
    wanted = (
        *(secrets.client_secret(owner, spec, url, name, key) for name, key in keys.items()),
        secrets.guard_secret(owner, spec, template.guard_image(revision), keys),
        revision,
        deployment.deployment(owner, spec, revision),
        service.service(owner),
        service.peers(owner),
        ingress.ingress(owner, spec, settings),
        network_policy.network_policy(owner, settings),
    )
    return tuple(child for child in wanted if child is not None)
