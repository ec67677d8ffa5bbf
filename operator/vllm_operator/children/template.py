"""The ControllerRevision that pins a model's pod template, so that a newer operator restarts nothing.

The template is rendered anew when the part of the spec that it is made of changes, and not when the operator, or one of its
settings or defaults, does: then the model is behind. One that is renewed without a change of its spec is known by the hash of
its inputs, a dot and the hash of what was rendered.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence

from vllm_operator import api, config, guard
from vllm_operator.children import pod, quantity, template_inputs
from vllm_operator.kube import kinds, naming

UPGRADE_ANNOTATION = f"{kinds.GROUP}/upgrade"
HISTORY = 3
"""How many earlier revisions are kept while a rollout goes on; each may hold weights on a claim."""


def revision(
    owner: naming.Owner,
    spec: api.Spec,
    settings: config.Config,
    live: Sequence[kinds.Object],
    asked: str = "",
    *,
    used: str = "",
) -> kinds.Object:
    """Return the ControllerRevision of what is asked for: one of the `live` ones that is made of the same, else a new one.

    Of several the one whose inputs are `used` by the servers, else one that was renewed. A new one has a name of its own beside
    others: it never replaces one, whose data could not be changed.
    """
    inputs = digest(spec, asked)
    made = [one for one in _ordered(live) if spec_of(inputs_of(one)) == inputs]
    if made:
        best = max(made, key=lambda one: (inputs_of(one) == used, "." in inputs_of(one)))
        return pinned(owner, best)
    return _rendered(owner, live, pod.template(owner, spec, settings, asked), inputs)


def renewed(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, live: Sequence[kinds.Object], asked: str = ""
) -> kinds.Object:
    """Return the ControllerRevision that this operator makes of the spec, whatever is pinned of it."""
    today = pod.template(owner, spec, settings, asked)
    inputs = f"{digest(spec, asked)}.{_hash(today)[:8]}"
    found = next((one for one in _ordered(live) if inputs_of(one) == inputs), None)
    return pinned(owner, found) if found else _rendered(owner, live, today, inputs)


def is_behind(
    owner: naming.Owner, spec: api.Spec, settings: config.Config, pinned_now: kinds.Object, asked: str = ""
) -> bool:
    """Tell whether this operator would make other servers of the spec than those that are pinned."""
    today = pod.template(owner, spec, settings, asked)
    return bool(_marked(today, inputs_of(pinned_now)) != pinned_now["data"]["template"])


def spec_of(inputs: str) -> str:
    """Return the hash of the spec that a template was made of, whether it was renewed since or not."""
    return inputs.partition(".")[0]


def is_of_one_spec(one: kinds.Object, other: kinds.Object) -> bool:
    """Tell whether two ControllerRevisions were made of the same spec."""
    return spec_of(inputs_of(one)) == spec_of(inputs_of(other))


def is_renewed(inputs: str) -> bool:
    """Tell whether a template was rendered anew without a change of its spec."""
    return "." in inputs


def _rendered(owner: naming.Owner, live: Sequence[kinds.Object], rendered: kinds.Object, inputs: str) -> kinds.Object:
    data = {"inputs": inputs, "template": _marked(rendered, inputs)}
    return _body(owner, _free_name(owner, live, inputs), data)


def pinned(owner: naming.Owner, live: kinds.Object) -> kinds.Object:
    """Return the ControllerRevision `live` as it is written."""
    return _body(owner, live["metadata"]["name"], live["data"])


def _body(owner: naming.Owner, name: str, data: kinds.Object) -> kinds.Object:
    return naming.child(kinds.CONTROLLER_REVISION, owner, name, "template", data=data, revision=1)


def _marked(rendered: kinds.Object, inputs: str) -> kinds.Object:
    """Return the pod template with a mark by which its pods are known."""
    metadata = rendered["metadata"]
    annotations = {**metadata.get("annotations", {}), naming.INPUTS_ANNOTATION: inputs}
    return {**rendered, "metadata": {**metadata, "annotations": annotations}}


def is_of(one: kinds.Object, revision: kinds.Object) -> bool:
    """Tell whether the pod `one` is made of the pinned template. Templates of earlier releases have no mark, and are alike."""
    return mark(one) == mark(revision["data"]["template"])


def mark(one: kinds.Object) -> str:
    """Return the mark of a pod or of a template, by which they belong together; "" where it has none."""
    return str((one["metadata"].get("annotations") or {}).get(naming.INPUTS_ANNOTATION, ""))


def _free_name(owner: naming.Owner, live: Sequence[kinds.Object], inputs: str) -> str:
    plain = naming.template(owner.name)
    return f"{plain}.{inputs}" if any(one["metadata"]["name"] == plain for one in live) else plain


def at_work(live: Sequence[kinds.Object], inputs: str) -> kinds.Object | None:
    """Return the first ControllerRevision that was made of `inputs`, else the newest; None where there is none.

    One that somebody made by hand, and that pins no server, counts as none.
    """
    ordered = _ordered(live)
    return next((one for one in ordered if inputs_of(one) == inputs), ordered[-1] if ordered else None)


def _ordered(live: Sequence[kinds.Object]) -> list[kinds.Object]:
    """Return those that pin a server, the oldest first."""
    return sorted(filter(pins_a_server, live), key=lambda one: str(one["metadata"].get("creationTimestamp", "")))


def pins_a_server(live: kinds.Object) -> bool:
    """Tell whether a ControllerRevision holds a pod template of ours."""
    try:
        engine_image(live), guard_image(live), guard_memory(live)
    except (AttributeError, IndexError, KeyError, TypeError, ValueError):
        return False
    return True


def inputs_of(live: kinds.Object) -> str:
    """Return the hash of what the template of a ControllerRevision was made of."""
    return str((live.get("data") or {}).get("inputs", ""))


def spared(
    unwanted: Sequence[kinds.Object],
    inputs: str,
    kept: Iterable[str] = (),
    pods: Sequence[kinds.Object] = (),
    *,
    rolls: bool = False,
) -> frozenset[kinds.Ref]:
    """Return the revisions that are kept beside that of `inputs`: those of `kept`, and those that any of the `pods` is made of.

    While the Deployment `rolls`, the ReplicaSets of any of the newest may make pods again. The newest is kept where there is no
    other: a rollout leaves it, and may return to it.
    """
    revisions = [obj for obj in unwanted if obj["kind"] == kinds.CONTROLLER_REVISION.kind and inputs_of(obj) != inputs]
    named = [found for one in kept if one and (found := at_work(revisions, one)) and inputs_of(found) == one]
    living = [one for one in filter(pins_a_server, revisions) if any(is_of(pod, one) for pod in pods)]
    newest = sorted(revisions, key=lambda one: str(one["metadata"].get("creationTimestamp", "")))
    others = newest[-HISTORY:] if rolls else []
    return frozenset(map(kinds.ref, [*named, *living, *others] or newest[-1:]))


def digest(spec: api.Spec, asked: str = "") -> str:
    """Return a hash of what the pod template is made of; a new value of the upgrade annotation asks for a new one."""
    made_of = {**template_inputs.inputs(spec), **({"asked": asked} if asked else {})}
    return _hash(made_of)[:16]


def _hash(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def asked(model: kinds.Object) -> str:
    """Return the value of the model's upgrade annotation: a new one has its template rendered by today's operator."""
    return str(model["metadata"].get("annotations", {}).get(UPGRADE_ANNOTATION, ""))


def guard_image(pinned: kinds.Object) -> str:
    """Return the image of the guard that the pinned template runs."""
    (image,) = guard_images([pinned["data"]["template"]])
    return image


def guard_images(pods: Iterable[kinds.Object]) -> tuple[str, ...]:
    """Return the images of the guards of pods or templates, each once."""
    containers = (one for each in pods for one in each["spec"].get("initContainers", []))
    return tuple(sorted({str(one["image"]) for one in containers if one["name"] == pod.GUARD}))


def guard_memory(pinned: kinds.Object) -> int:
    """Return the bytes of memory that the guard of the pinned template may use; the default where it says nothing."""
    containers = pinned["data"]["template"]["spec"]["initContainers"]
    limits = next(one for one in containers if one["name"] == pod.GUARD).get("resources", {}).get("limits", {})
    return int(quantity.number(limits.get("memory", ""))) or guard.MEMORY


def engine_image(pinned: kinds.Object) -> str:
    """Return the image of the engine that the pinned template runs."""
    return str(pinned["data"]["template"]["spec"]["containers"][0]["image"])
