"""From one ModelDeployment to all that is decided of it: `plan()`, once per run. Writer and status both read the result.

Pure: what is live and the settings come in as arguments. Objects are canonical: what the API server returns compares equal
(no nulls, no empty values, quantities as it writes them). The keys are decided in keys/; the guard's Secret is made of both.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from vllm_operator import api, config, guard, keys, policy
from vllm_operator.children import (
    deployment,
    disruption_budget,
    exposure,
    fetching,
    guide,
    http_route,
    ingress,
    listeners,
    network_policy,
    pinned,
    rollout,
    secrets,
    service,
    template,
    versions,
)
from vllm_operator.children.serving import Serving
from vllm_operator.engine import endpoints
from vllm_operator.keys import record
from vllm_operator.kube import kinds, naming


class Plan(NamedTuple):
    """What was decided.

    `revision`: the template that the spec asks for; `at_work`: the one that servers are made of now, if any; `rollout`: the one
    that they are to be made of, and how; `fetching`: what is decided of weights that are fetched into a claim, None where none
    are, or servers of `revision` are there; `image`: the engine's of `revision`, "" where none is known; `guards`: images of all
    guards that read the guard's Secret; `withheld`: kinds whose objects are left as they are, there or not; `unmade`: those of
    which nothing is taken away while weights are fetched, or somebody else has the host; `is_behind`: this operator would make
    other servers than were pinned; `first`: objects that are made of nothing else; `server`: the Deployment, which is made of the
    rollout's target and is written after it.
    """

    owner: naming.Owner
    spec: api.Spec
    settings: config.Config
    serving: Serving
    violations: tuple[policy.Violation, ...]
    exposure: exposure.Exposure | None
    revision: kinds.Object
    at_work: kinds.Object | None
    rollout: rollout.Rollout
    fetching: fetching.Fetching | None
    image: str
    guards: tuple[str, ...]
    withheld: tuple[kinds.Kind, ...]
    unmade: tuple[kinds.Kind, ...]
    is_behind: bool
    first: tuple[kinds.Object, ...]
    server: tuple[kinds.Object, ...]


SERVERS = (kinds.CONTROLLER_REVISION, kinds.DEPLOYMENT)
"""What is not made before the weights of its servers are there."""

EDGES = (kinds.INGRESS, kinds.HTTP_ROUTE)
"""What is not made while somebody else has the host. One that carries another host goes on as it is."""

WITHHELD = (*SERVERS, kinds.SERVICE, *EDGES, kinds.PERSISTENT_VOLUME_CLAIM, kinds.JOB)
"""What is not made of a spec that the allow-lists refuse or that no engine's image is known for, and not taken away either; keys,
guard and policy go on."""


def plan(inputs: versions.Inputs) -> Plan:
    """Return what is decided of the model, its keys apart."""
    inputs = inputs._replace(revisions=pinned.judged(inputs))
    owner, spec, settings = inputs.owner, inputs.spec, inputs.settings
    violations = policy.findings(owner.key, spec, settings)
    version = versions.version(inputs)
    image = template.engine_image(version.revision)
    withheld = WITHHELD if violations or not image else ()
    edges = EDGES if inputs.host_held else ()
    left_out = (*withheld, *edges, *(SERVERS if version.waits and not version.at_work else ()))
    kept_back = () if _goes_on(inputs, version) else left_out
    held = bool(spec.paused or withheld)
    is_old = bool(held or version.waits)
    served = version.at_work if is_old and version.at_work else version.rollout.target
    exposed = exposure.exposure(owner.name, spec, settings)
    if exposed and exposed.parents:
        exposed = listeners.chosen(exposed, inputs)
    return Plan(
        owner=owner,
        spec=spec,
        settings=settings,
        serving=inputs.serving if held or inputs.host_held else _exposed(inputs),
        violations=violations,
        exposure=exposed,
        revision=version.revision,
        at_work=version.at_work,
        rollout=version.rollout,
        fetching=version.fetching,
        image=image,
        guards=(template.guard_image(served), *inputs.guards),
        withheld=withheld,
        unmade=(*(SERVERS if version.waits else ()), *_kept_edges(inputs)),
        is_behind=version.is_behind,
        first=_without(_first(inputs, version, exposed), left_out),
        server=_without((deployment.deployment(owner, spec, version.rollout),), kept_back),
    )


def _kept_edges(inputs: versions.Inputs) -> tuple[kinds.Kind, ...]:
    """Return the kinds of the live edges that carry another host than the one that somebody else has."""
    if not inputs.host_held:
        return ()
    others = [one for one in inputs.edges if not exposure.is_asked(inputs.owner, inputs.spec, inputs.settings, one)]
    return tuple(kinds.BY_NAME[one["kind"]] for one in others)


def _goes_on(inputs: versions.Inputs, version: versions.Version) -> bool:
    """Tell whether the live Deployment is made of this very spec: it is scaled and repaired, whatever the lists say by now."""
    made = {template.inputs_of(one or {}) for one in (version.at_work, version.revision, version.rollout.target)}
    return bool(inputs.at_work) and made == {inputs.at_work}


def _first(
    inputs: versions.Inputs, version: versions.Version, exposed: exposure.Exposure | None
) -> tuple[kinds.Object | None, ...]:
    """Return what is made of nothing else; None in place of what is not needed."""
    owner, spec, settings = inputs.owner, inputs.spec, inputs.settings
    target = template.pinned(owner, version.rollout.target)
    found = version.fetching
    jobs = filter(None, (found and found.job, inputs.job))
    fetched = (*fetching.objects(found), network_policy.of_fetch(owner, settings, jobs)) if found else ()
    made = {one["metadata"]["name"]: one for one in (*_made(version), *_alive(inputs))}  # mostly one and the same
    templates = [one["data"]["template"] for one in made.values()]
    return (
        version.wanted,
        target if kinds.ref(target) != kinds.ref(version.wanted) else None,
        service.service(owner, spec.expose.service_annotations if spec.expose else {}),
        service.peers(owner),
        ingress.ingress(owner, spec, settings, exposed),
        http_route.http_route(owner, exposed),
        network_policy.network_policy(owner, spec, settings, templates),
        disruption_budget.disruption_budget(owner, spec),
        *fetched,
    )


def _made(version: versions.Version) -> Iterator[kinds.Object]:
    """Yield the ControllerRevisions that servers are made of."""
    yield from filter(None, (version.revision, version.rollout.target, version.at_work))


def _alive(inputs: versions.Inputs) -> Iterator[kinds.Object]:
    """Yield the ControllerRevisions of the servers that are there: what they need, they need until they are gone."""
    for one in filter(template.pins_a_server, inputs.revisions):
        if any(template.is_of(pod, one) for pod in inputs.live.pods):
            yield one


def _exposed(inputs: versions.Inputs) -> Serving:
    """Return what serves once this run has made the edge: its path, and its URL where there was none that has its say first."""
    owner, spec, settings = inputs.owner, inputs.spec, inputs.settings
    now = inputs.serving._replace(path=exposure.path(owner, spec, settings))
    return now if now.url != exposure.inside(owner) else now._replace(url=exposure.url(owner, spec, settings))


def client_secrets(decided: Plan, issued: Mapping[str, keys.Issued]) -> tuple[kinds.Object, ...]:
    """Return the clients' Secrets: the truth of their keys, which is to be written before what is derived from it."""
    serving, named = decided.serving, sorted(issued.items())
    return tuple(secrets.client_secret(decided.owner, serving.model, serving.url, name, one) for name, one in named)


def guard_secret(
    decided: Plan, issued: Mapping[str, keys.Issued], revoked_until: int, live: kinds.Object | None = None
) -> kinds.Object:
    """Return the guard's Secret, which accepts the keys `issued`; `revoked_until` as IssueResult has it.

    `live`: the Service as the API server has it, which knows the cluster's IP families.
    """
    spec = decided.spec
    page = guide.page(spec.expose, decided.settings, decided.serving)
    who: guard.Access = secrets.access(decided.owner, spec, decided.serving, issued, page)
    noted = record.noted(issued, revoked_until)
    paths, site = endpoints.of(decided.serving.task), guard.Site(service.listening(live), memory=_guard_memory(decided))
    secret = secrets.guard_secret(decided.owner, who, paths, decided.guards, noted, site=site)
    secret["metadata"]["annotations"][naming.INSTALLATION_ANNOTATION] = decided.settings.installation
    return secret


def _guard_memory(decided: Plan) -> int:
    """Return the bytes that every guard may use which reads the Secret: one of an earlier template may start again."""
    pinned = (decided.revision, decided.at_work, decided.rollout.target)
    return min(template.guard_memory(one) for one in pinned if one is not None)


def unwanted(decided: Plan, live: Iterable[kinds.Object]) -> tuple[kinds.Object, ...]:
    """Return those of the model's own `live` objects that the plan has no place for; clients' Secrets are the issuer's."""
    wanted, there = {kinds.ref(obj) for obj in (*decided.first, *decided.server)}, tuple(live)
    found = [obj for obj in there if kinds.ref(obj) not in wanted and _is_prunable(obj, decided)]
    kept = (template.inputs_of(decided.at_work or {}), decided.rollout.record.verified)
    pods = [obj for obj in there if obj["kind"] == kinds.POD.kind]
    server = next((obj for obj in there if obj["kind"] == kinds.DEPLOYMENT.kind), None)
    rolls = server is not None and not rollout.is_over(server, decided.spec.replicas)
    spared = template.spared(found, template.inputs_of(decided.revision), kept, pods, rolls=rolls)
    return tuple(obj for obj in found if kinds.ref(obj) not in spared)


def due(decided: Plan) -> float | None:
    """Return when something of the rollout is due that no event tells of, in unix seconds; None where nothing is."""
    moments = (decided.rollout.stops_at, decided.rollout.returns_at)
    return min((moment for moment in moments if moment is not None), default=None)


def _is_prunable(obj: kinds.Object, decided: Plan) -> bool:
    kept = (
        {kind.kind for kind in (*decided.withheld, *decided.unmade)}
        | {kinds.POD.kind, kinds.MODEL_DEPLOYMENT.kind}
        | _kept(decided)
    )
    name, model = obj["metadata"]["name"], decided.owner.name
    key = name == naming.guard_secret(model) or name.startswith(naming.client_secret(model, ""))
    return (
        obj["kind"] not in kept
        and not (obj["kind"] == kinds.SECRET.kind and key)
        and not naming.is_retained(obj)
        and not obj["metadata"].get("deletionTimestamp")
        and naming.is_ours(obj, decided.owner)
    )


def _kept(decided: Plan) -> set[str]:
    """Return the kinds that fetch weights and keep them, where the live objects are those that are wanted, or may be needed yet.

    Until the newest version is verified, earlier servers go on with their claim, or may come back to it.
    """
    jobs = {kinds.JOB.kind} if decided.fetching else set()
    is_verified = decided.rollout.record.verified == template.inputs_of(decided.revision)
    return jobs if is_verified else jobs | {kinds.PERSISTENT_VOLUME_CLAIM.kind}


def _without(objects: Iterable[kinds.Object | None], withheld: Iterable[kinds.Kind]) -> tuple[kinds.Object, ...]:
    held = {kind.kind for kind in withheld}
    return tuple(child for child in objects if child is not None and child["kind"] not in held)
