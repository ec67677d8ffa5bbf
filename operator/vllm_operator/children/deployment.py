"""The Deployment: the pinned pod template, how it is rolled out, and the number of replicas."""

from vllm_operator import api
from vllm_operator.children import rollout_record, template
from vllm_operator.children.rollout import Rollout
from vllm_operator.kube import kinds, naming


def deployment(owner: naming.Owner, spec: api.Spec, rollout: Rollout) -> kinds.Object:
    """Return the Deployment of the pod template that the rollout has as its target; the deadline leaves loading its time.

    Where there is room, a new server must answer before an old one goes, so nothing is dropped.
    """
    child = naming.child(kinds.DEPLOYMENT, owner, owner.name, "server", spec={
        "replicas": spec.replicas,
        "selector": {"matchLabels": naming.selector(owner.name)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": _order(stops_first=rollout.stops_first)},
        "progressDeadlineSeconds": api.seconds(spec.engine.startup_timeout) + 60,
        "revisionHistoryLimit": 2,
        "template": rollout.target["data"]["template"],
    })  # fmt: skip
    remembered = rollout_record.written(rollout.record)
    child["metadata"]["annotations"] = {
        naming.INPUTS_ANNOTATION: template.inputs_of(rollout.target),
        **({naming.ROLLOUT_ANNOTATION: remembered} if remembered else {}),
    }
    return child


def _order(*, stops_first: bool) -> kinds.Object:
    return {"maxSurge": 0, "maxUnavailable": 1} if stops_first else {"maxSurge": 1, "maxUnavailable": 0}
