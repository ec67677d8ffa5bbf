"""Which version of its servers a model has, and which one it is to have. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from vllm_operator import api, config
from vllm_operator.children import fetch, fetching, rollout, rollout_record, template, wanted, weights
from vllm_operator.children.serving import Serving
from vllm_operator.kube import kinds, naming


class Inputs(NamedTuple):
    """All that a plan is made of.

    `revisions`: the live ControllerRevisions; `at_work`: the inputs of the template that the live Deployment has; `asked`: the
    upgrade annotation's value; `guards`: the images of the guards that run, which in a rollout are of two templates; `job`,
    `claim`: what is there to fetch weights and to keep them, whoever made the claim; `live`: what decides on the rollout;
    `renews`: servers that are behind are to be made by this operator now; `edges`: the live Ingress and HTTPRoute; `host_held`:
    somebody else has the host and path that the model asks for; `gateways`: those that are to carry it and can be read.
    """

    owner: naming.Owner
    spec: api.Spec
    settings: config.Config
    serving: Serving
    revisions: tuple[kinds.Object, ...] = ()
    at_work: str = ""
    asked: str = ""
    guards: tuple[str, ...] = ()
    job: kinds.Object | None = None
    claim: kinds.Object | None = None
    live: rollout.Live = rollout.Live()
    renews: bool = False
    edges: tuple[kinds.Object, ...] = ()
    host_held: bool = False
    gateways: Mapping[kinds.Ref, kinds.Object] = MappingProxyType({})


class Version(NamedTuple):
    """Which version of its servers a model has. `revision`: what the spec asks for; `at_work`: what servers are made of now.

    `wanted`: `revision`, or what is at work while weights are fetched; `rollout`: how and whether it is rolled out; `is_behind`:
    this operator would make other servers of the same spec than those that were pinned before.
    """

    revision: kinds.Object
    at_work: kinds.Object | None
    fetching: fetching.Fetching | None
    wanted: kinds.Object
    rollout: rollout.Rollout
    is_behind: bool

    @property
    def waits(self) -> bool:
        """Tell whether the weights of `revision` are not there yet."""
        return bool(self.fetching and not self.fetching.is_whole)


def version(inputs: Inputs) -> Version:
    """Return what is decided."""
    owner, spec, settings = inputs.owner, inputs.spec, inputs.settings
    revision, is_behind = _asked(inputs)
    at_work = template.at_work(inputs.revisions, inputs.at_work)
    current = at_work if at_work and _finds_its_weights(inputs, revision, at_work) else None
    used = weights.used(filter(template.pins_a_server, inputs.revisions))
    known = fetch.Known(inputs.job, inputs.claim, current, used, revision)
    fetched = fetching.fetching(owner, spec, settings, inputs.asked, known)
    waits = bool(fetched and not fetched.is_whole)
    served = template.pinned(owner, at_work) if waits and at_work else revision
    decided = rollout.rollout(revision, served, spec, inputs.revisions, inputs.live)
    return Version(revision, at_work, fetched, served, decided, is_behind)


def _finds_its_weights(inputs: Inputs, revision: kinds.Object, at_work: kinds.Object) -> bool:
    """Tell whether what is asked for was made of the same spec as what is at work, and mounts the same weights."""
    now, then = (wanted.wanted(inputs.spec, inputs.asked, one) for one in (revision, at_work))
    return now == then and template.is_of_one_spec(at_work, revision)


def _asked(inputs: Inputs) -> tuple[kinds.Object, bool]:
    """Return the revision that is asked for, and whether this operator would make other servers than are pinned.

    One that was renewed and gave way is still what is asked for, or it would be tried again and again.
    """
    owner, spec, settings, asked = inputs.owner, inputs.spec, inputs.settings, inputs.asked
    gave_way = _gave_way(inputs)
    pinned = template.revision(owner, spec, settings, inputs.revisions, asked, used=gave_way or inputs.at_work)
    is_behind = template.is_behind(owner, spec, settings, pinned, asked)
    if is_behind and inputs.renews and not gave_way:
        return template.renewed(owner, spec, settings, inputs.revisions, asked), True
    return pinned, is_behind


def _gave_way(inputs: Inputs) -> str:
    """Return the inputs of the version of this spec that gave way to an earlier one; "" where none did."""
    found = rollout_record.read(inputs.live.deployment).gave_way
    is_of_spec = found and template.spec_of(found.inputs) == template.digest(inputs.spec, inputs.asked)
    return found.inputs if found and is_of_spec else ""
