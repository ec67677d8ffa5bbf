"""The Deployment: the pinned pod template, how it is rolled out, and the number of replicas."""

from vllm_operator import api
from vllm_operator.children import template
from vllm_operator.kube import kinds, naming


def deployment(owner: naming.Owner, spec: api.Spec, revision: kinds.Object) -> kinds.Object:
    """Return the Deployment of the pod template that `revision`, a ControllerRevision, pins.

    A new server must answer before an old one goes, so nothing is dropped; the deadline leaves loading its time.
    """
    child = naming.child(kinds.DEPLOYMENT, owner, owner.name, "server", spec={
        "replicas": spec.replicas,
        "selector": {"matchLabels": naming.selector(owner.name)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "progressDeadlineSeconds": api.seconds(spec.engine.startup_timeout) + 60,
        "revisionHistoryLimit": 2,
        "template": revision["data"]["template"],
    })  # fmt: skip
    child["metadata"]["annotations"] = {naming.INPUTS_ANNOTATION: template.inputs_of(revision)}
    return child
