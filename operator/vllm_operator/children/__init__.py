"""From one ModelDeployment to the objects it becomes: `desired()` and a pure function per kind, named for what it returns.

Nothing here has a client, a clock or randomness: keys and the pinned template come in as arguments. Objects are canonical: what
the API server returns compares equal (no nulls, no empty values, quantities as it writes them).
"""

from collections.abc import Mapping
from typing import NamedTuple

from vllm_operator import api, config, keys, policy
from vllm_operator.children import deployment, guide, ingress, network_policy, secrets, service, template
from vllm_operator.engine import endpoints
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming


class Plan(NamedTuple):
    """All that the children are made of.

    `issued`: client name -> its keys; `pinned`: the live ControllerRevision, if any; `asked`: the upgrade annotation's value;
    `guards`: the images of the guards that run, which in a rollout are of two templates; `revoked_until`: as IssueResult has it.
    """

    owner: naming.Owner
    spec: api.Spec
    settings: config.Config
    issued: Mapping[str, keys.Issued]
    pinned: kinds.Object | None = None
    asked: str = ""
    guards: tuple[str, ...] = ()
    revoked_until: int = 0


WITHHELD = (kinds.CONTROLLER_REVISION, kinds.DEPLOYMENT, kinds.INGRESS)
"""What is not made of a spec that the allow-lists refuse or that no engine's image is known for, and not taken away either; keys,
guard and policy go on."""


def withheld(plan: Plan) -> tuple[kinds.Kind, ...]:
    """Return the kinds whose objects are left as they are, there or not."""
    refused = policy.findings(plan.owner.namespace, plan.spec, plan.settings)
    return WITHHELD if refused or not template.engine_image(_revision(plan)) else ()


def desired(plan: Plan) -> tuple[kinds.Object, ...]:
    """Return every object that the model is to have, in the order in which a reader meets them."""
    owner, spec, settings = plan.owner, plan.spec, plan.settings
    held = {kind.kind for kind in withheld(plan)}
    revision = _revision(plan)
    at_work = plan.pinned if (spec.paused or held) and plan.pinned else revision
    images = (template.guard_image(at_work), *plan.guards)
    who = secrets.access(owner, spec, plan.issued, guide.page(owner, spec, settings))
    wanted = (
        *client_secrets(owner, spec, settings, plan.issued),
        secrets.guard_secret(
            owner, who, endpoints.of(spec.model.task), images, record.noted(plan.issued, plan.revoked_until)
        ),
        revision,
        deployment.deployment(owner, spec, revision),
        service.service(owner),
        service.peers(owner),
        ingress.ingress(owner, spec, settings),
        network_policy.network_policy(owner, settings),
    )
    return tuple(child for child in wanted if child is not None and child["kind"] not in held)


def _revision(plan: Plan) -> kinds.Object:
    return template.revision(plan.owner, plan.spec, plan.settings, plan.pinned, plan.asked)


def client_secrets(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, issued: Mapping[str, keys.Issued]
) -> tuple[kinds.Object, ...]:
    """Return the clients' Secrets: the truth of their keys, which is to be written before what is derived from it."""
    url = ingress.url(owner, spec, settings)
    return tuple(secrets.client_secret(owner, spec, url, name, one) for name, one in sorted(issued.items()))
