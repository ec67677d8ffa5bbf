"""A model -> what the operator would write for it where nothing of it is there yet, and what is to be said of that. Pure.

Keys are placeholders, never real; moments are `NOW`. Of weights that are fetched into a claim both states are shown: the Job with
the claim, and the servers that are made once it is complete.
"""

from typing import NamedTuple

from vllm_operator import api, children, config, keys
from vllm_operator.children import rollout
from vllm_operator.engine import accelerators
from vllm_operator.kube import kinds
from vllm_operator.render import manifest

NOW = "2000-01-01T00:00:00Z"
COMPLETE = {"conditions": [{"type": "Complete", "status": "True"}]}


class Rendered(NamedTuple):
    """`objects`: what would be written; `notes`: what is to be known of them; `errors`: why something is not written."""

    objects: tuple[kinds.Object, ...]
    notes: tuple[str, ...]
    errors: tuple[str, ...]


def rendered(model: manifest.Model, settings: config.Config) -> Rendered:
    """Return what the operator with these settings would write."""
    begun = _plan(model, settings)
    job = begun.fetching.job if begun.fetching else None
    whole = _plan(model, settings, job) if job else begun
    issued = {client.name: _issued(client) for client in keys.clients(model.spec.access)}
    revoked_until = keys.revoked_until(keys.Observed(stored={}, applied={}), issued)
    secrets = (*children.client_secrets(whole, issued), children.guard_secret(whole, issued, revoked_until))
    others = () if model.spec.paused else (*begun.first, *whole.first, *begun.server, *whole.server)
    objects = {kinds.ref(one): one for one in (*secrets, *others)}
    return Rendered(tuple(objects.values()), tuple(_notes(model, whole, job)), tuple(_errors(model.spec, whole)))


def placeholder(client: str) -> str:
    """Return what stands for the key of a client."""
    return f"sk-placeholder-for-the-key-of-client-{client}"


def _plan(model: manifest.Model, settings: config.Config, job: kinds.Object | None = None) -> children.Plan:
    """Return what is decided; `job`: the one that has fetched the weights."""
    serving = children.serving(model.owner, model.spec, settings)
    live = rollout.Live(now=api.unix(NOW))
    inputs = children.Inputs(model.owner, model.spec, settings, serving, asked=model.asked, live=live)
    return children.plan(inputs._replace(job=_completed(job)) if job else inputs)


def _completed(job: kinds.Object) -> kinds.Object:
    return {**job, "metadata": {**job["metadata"], "creationTimestamp": NOW}, "status": COMPLETE}


def _issued(client: api.Client) -> keys.Issued:
    version = 0 if client.key_secret_ref else client.key_version or 1
    return keys.Issued(placeholder(client.name), version, api.unix(NOW))


def _notes(model: manifest.Model, whole: children.Plan, job: kinds.Object | None) -> list[str]:
    notes = [
        f"ModelDeployment {model.owner.name} in namespace {model.owner.namespace}: what the operator would write.",
        "Keys, moments and the uid of a model that is not there yet are placeholders.",
    ]
    if model.spec.paused:
        return [*notes, "spec.paused is true: the operator writes keys alone."]
    if job:
        name = job["metadata"]["name"]
        notes.append(
            f"Job {name} fetches the weights; ControllerRevision and Deployment are written once it is complete."
        )
    if whole.withheld:
        kinds_left = ", ".join(kind.kind for kind in whole.withheld)
        notes.append(f"Not written, as the errors say: {kinds_left}.")
    return notes


def _errors(spec: api.Spec, whole: children.Plan) -> list[str]:
    refused = [one.message for one in whole.violations]
    if whole.image:
        return refused
    asked = ", ".join(accelerators.asked_for(spec.resources))
    return [
        *refused,
        f"no image of the engine is known for {asked}: set spec.engine.image, or engine.images of the chart",
    ]
