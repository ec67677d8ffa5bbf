"""What a plan is made of, from what is seen of a model and what the probes were answered. Reads only; decides nothing."""

from vllm_operator import api, children, config
from vllm_operator.children import template
from vllm_operator.children.rollout import inputs_at_work
from vllm_operator.kube import kinds, naming
from vllm_operator.probes import prober
from vllm_operator.status import observed, pod_diagnosis, rollout


def inputs(
    seen: observed.ObservedState,
    spec: api.Spec,
    settings: config.Config,
    probes: prober.Prober,
    *,
    now: float,
    claim: kinds.Object | None,
    holder: kinds.Ref | None,
) -> children.Inputs:
    """Return all that is known at `now`, in unix seconds.

    `claim`: that of the weights; `holder`: who else has the host that the model asks for.
    """
    owner, pods = seen.owner, seen.pods()
    deployment = seen.child(kinds.DEPLOYMENT, owner.name)
    serving = children.serving(
        owner,
        spec,
        settings,
        pods=[pod for pod in pods if pod_diagnosis.is_ready(pod)],
        deployment=deployment,
        edge=seen.edge(),
        host_held=holder is not None,
        chosen=probes.context(kinds.Key(owner.namespace, owner.name)) or _told_context(seen.model),
    )
    return children.Inputs(
        owner=owner,
        spec=spec,
        settings=settings,
        serving=serving,
        revisions=_revisions(seen),
        at_work=inputs_at_work(deployment),
        asked=template.asked(seen.model),
        guards=template.guard_images(pods),
        job=seen.child(kinds.JOB, naming.fetch(owner.name)),
        claim=claim,
        live=rollout.live(probes.with_answers(seen), now),
        edges=tuple(seen.edges().values()),
        host_held=holder is not None,
    )


def of_servers(
    seen: observed.ObservedState, spec: api.Spec, settings: config.Config, deployment: kinds.Object
) -> children.Inputs:
    """Return what a model's keys and its guard's Secret are made of, and no more: the pod template at work is the live one."""
    owner, pods = seen.owner, seen.pods()
    ready = [pod for pod in pods if pod_diagnosis.is_ready(pod)]
    told = _told_context(seen.model)
    serving = children.serving(owner, spec, settings, pods=ready, deployment=deployment, edge=seen.edge(), chosen=told)
    at_work = inputs_at_work(deployment)
    data = {"inputs": at_work, "template": deployment["spec"]["template"]}
    pinned = naming.child(kinds.CONTROLLER_REVISION, owner, naming.template(owner.name), "template", data=data)
    guards = template.guard_images(pods)
    return children.Inputs(owner, spec, settings, serving, (pinned,), at_work=at_work, guards=guards)


def _revisions(seen: observed.ObservedState) -> tuple[kinds.Object, ...]:
    found = [obj for obj in seen.objects.values() if obj["kind"] == kinds.CONTROLLER_REVISION.kind]
    return tuple(one for one in found if naming.is_ours(one, seen.owner))


def _told_context(model: kinds.Object) -> int | None:
    """Return the length of the context that the status tells: true after a restart of the operator, until servers are asked."""
    told = (model.get("status") or {}).get("maxModelLen")
    return told if isinstance(told, int) else None
