"""What a taken-over operator would write: an object of a golden model with one thing changed, and the words that refuse it.

One table, which tests/integration/test_admission.py takes to the real API server in the hands of an account that may do anything.
"""

import copy
from typing import Any, NamedTuple

from tests.golden import render
from tests.integration import versions
from vllm_operator.kube import kinds


class Case(NamedTuple):
    """`path` leads to what is changed in the object of that kind; what lacks is made.

    A number is the place in a list, + one more item of it, and | a dot within a key.
    """

    name: str
    kind: str
    path: str
    value: object
    words: str

    def body(self, namespace: str) -> kinds.Object:
        """Return the object in that namespace, with the one thing changed."""
        found = copy.deepcopy(BASES[self.kind])
        found["metadata"]["namespace"] = namespace
        *way, last = self.path.split(".")
        place: Any = found
        for step in way:
            place = place[int(step)] if step.isdigit() else place.setdefault(step, {})
        if last == "+":
            place.append(self.value)
        else:
            place[last.replace("|", ".")] = self.value
        return found


def _bases() -> dict[str, kinds.Object]:
    """Return an object of each kind that the operator creates, as golden models have them."""
    models = (render.case(name) for name in ("routed", "fetched", "full"))
    return {child["kind"]: child for one in models for child in render.desired(one)}


BASES = _bases()
POD, ENGINE = "spec.template.spec", "spec.template.spec.containers.0"
NODE = "open no port of their node"
USER = "run as a user and groups other than root, with the runtime's own seccomp profile"
CONTAINERS = "drop all capabilities"
VOLUMES = "volumes of Secrets, ConfigMaps, claims, images and scratch space alone"
PROBES = "ask their own pod alone"
SELECTED = "select the pods of a model alone"
INSIDE = "of type ClusterIP"
INGRESS = "carry a whole host to port 80 of the Service of their own name"
FINALIZERS = "have no finalizers"
BY_LABEL = "Secrets have no labels and annotations but its own"
NOTES = "have no annotations but its own"
CLAIM = "for new volumes with a file system"
UNCONFINED = {"type": "Unconfined"}
OUTSIDE = {"ports": [{"port": 80}], "selector": {"serving.byteshop.in/model": "x"}}
ELSEWHERE = {"name": "elsewhere", "port": {"number": 80}}


def _volume(**source: object) -> object:
    return {"name": "v", **source}


def _pods(kind: str) -> list[Case]:
    """Return the cases of a kind whose pods the operator renders."""
    container = BASES[kind]["spec"]["template"]["spec"]["containers"][0]["name"]
    apparmor = f"container.apparmor.security.beta.kubernetes.io/{container}".replace(".", "|")
    made = [
        ("on a node of its choice", f"{POD}.nodeName", "control-plane", NODE),
        ("that shares its processes", f"{POD}.shareProcessNamespace", True, NODE),
        ("in a priority of the system", f"{POD}.priorityClassName", "system-node-critical", NODE),
        ("with a port of the node", f"{ENGINE}.ports", [{"containerPort": 1, "hostPort": 1}], NODE),
        ("of the node's network", f"{POD}.hostNetwork", True, "no part of their node"),
        ("of root", f"{POD}.securityContext.runAsUser", 0, USER),
        ("of root's group", f"{POD}.securityContext.runAsGroup", 0, USER),
        ("whose volumes are of root's group", f"{POD}.securityContext.fsGroup", 0, USER),
        ("with root's group beside its own", f"{POD}.securityContext.supplementalGroups", [5, 0], USER),
        ("that may be root", f"{POD}.securityContext.runAsNonRoot", False, USER),
        ("without seccomp", f"{POD}.securityContext.seccompProfile", UNCONFINED, USER),
        ("without AppArmor", f"{POD}.securityContext.appArmorProfile", UNCONFINED, USER),
        ("with a label of SELinux", f"{POD}.securityContext.seLinuxOptions", {"type": "spc_t"}, USER),
        ("with a setting of the kernel", f"{POD}.securityContext.sysctls", [{"name": "kernel.msgmax", "value": "1"}], USER),
        ("with a capability", f"{ENGINE}.securityContext.capabilities.add", ["SYS_MODULE"], CONTAINERS),
        ("with all capabilities", f"{ENGINE}.securityContext.capabilities", {"add": ["ALL"], "drop": ["ALL"]}, CONTAINERS),
        ("that keeps its capabilities", f"{ENGINE}.securityContext.capabilities.drop", ["NET_RAW"], CONTAINERS),
        ("that writes to its image", f"{ENGINE}.securityContext.readOnlyRootFilesystem", False, CONTAINERS),
        ("with root in a container", f"{ENGINE}.securityContext.runAsUser", 0, CONTAINERS),
        ("with root's group in a container", f"{ENGINE}.securityContext.runAsGroup", 0, CONTAINERS),
        ("with a container that may be root", f"{ENGINE}.securityContext.runAsNonRoot", False, CONTAINERS),
        ("with a container without seccomp", f"{ENGINE}.securityContext.seccompProfile", UNCONFINED, CONTAINERS),
        ("with a container without AppArmor", f"{ENGINE}.securityContext.appArmorProfile", UNCONFINED, CONTAINERS),
        ("with a label of SELinux in a container", f"{ENGINE}.securityContext.seLinuxOptions", {"user": "x"}, CONTAINERS),
        ("with a privileged container", f"{ENGINE}.securityContext.allowPrivilegeEscalation", True, "no part of their node"),
        ("with a path of the node", f"{POD}.volumes.+", _volume(hostPath={"path": "/"}), "no part of their node"),
        ("with a driver's volume", f"{POD}.volumes.+", _volume(csi={"driver": "x"}), VOLUMES),
        ("with a file server's volume", f"{POD}.volumes.+", _volume(nfs={"server": "x", "path": "/"}), VOLUMES),
        ("with a volume of its own", f"{POD}.volumes.+", _volume(ephemeral={"volumeClaimTemplate": {"spec": {
            "accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1"}}}}}), VOLUMES),
        ("with itself in a volume", f"{POD}.volumes.+", _volume(projected={"sources": [{"downwardAPI": {"items": [
            {"path": "x", "fieldRef": {"fieldPath": "metadata.name"}}]}}]}), VOLUMES),
        ("whose probe asks elsewhere", f"{ENGINE}.readinessProbe", {"httpGet": {
            "host": "169.254.169.254", "port": 80, "path": "/"}}, PROBES),
        ("whose probe connects elsewhere", f"{ENGINE}.livenessProbe", {"tcpSocket": {
            "host": "169.254.169.254", "port": 80}}, PROBES),
        ("whose hook asks elsewhere", f"{ENGINE}.lifecycle", {"postStart": {"httpGet": {
            "host": "169.254.169.254", "port": 80, "path": "/"}}}, PROBES),
        ("with another's label", "spec.template.metadata.labels.app", "theirs", "allow.podLabels"),
        ("with another's name", "spec.template.metadata.labels.app|kubernetes|io/name", "theirs", "allow.podLabels"),
        ("with AppArmor's annotation", f"spec.template.metadata.annotations.{apparmor}", "unconfined", "allow.podAnnotations"),
    ]  # fmt: skip
    if versions.has("1.37"):  # an older API server drops the volume before any policy sees it
        bundle = {"sources": [{"clusterTrustBundle": {"name": "x", "path": "x"}}]}
        made.append(("with a trust bundle", f"{POD}.volumes.+", _volume(projected=bundle), VOLUMES))
    return [Case(f"a {kind} with pods {name}", kind, path, value, words) for name, path, value, words in made]


CASES = [
    *_pods("Deployment"),
    *_pods("Job"),
    Case("a Job that chooses its pods", "Job", "spec", {**BASES["Job"]["spec"], "manualSelector": True, "selector": {
        "matchLabels": BASES["Job"]["spec"]["template"]["metadata"]["labels"]}}, "choose no pods but their own"),
    Case("a Deployment of others' pods", "Deployment", "spec.selector", {"matchLabels": {
        "app.kubernetes.io/name": "vllm"}}, SELECTED),
    Case("a Service of others' pods", "Service", "spec.selector", {"app": "theirs"}, SELECTED),
    Case("a Service of nobody's pods", "Service", "spec.selector", {}, SELECTED),
    Case("a NetworkPolicy on all pods", "NetworkPolicy", "spec.podSelector", {}, SELECTED),
    Case("a NetworkPolicy on others' pods", "NetworkPolicy", "spec.podSelector", {"matchLabels": {"app": "theirs"}}, SELECTED),
    Case("a budget of all pods", "PodDisruptionBudget", "spec.selector", {}, SELECTED),
    Case("a Service of a load balancer", "Service", "spec", {**OUTSIDE, "type": "LoadBalancer"}, INSIDE),
    Case("a Service of the nodes' ports", "Service", "spec", {**OUTSIDE, "type": "NodePort"}, INSIDE),
    Case("a Service of a foreign name", "Service", "spec", {"externalName": "x.example", "type": "ExternalName",
        "selector": OUTSIDE["selector"]}, INSIDE),
    Case("a Service with a foreign address", "Service", "spec", {**OUTSIDE, "externalIPs": ["8.8.8.8"]}, INSIDE),
    Case("a Service with a cloud's annotation", "Service", "metadata.annotations.cloud|example/balancer", "x", NOTES),
    Case("an Ingress with a snippet", "Ingress", "metadata.annotations.nginx|ingress|kubernetes|io/server-snippet", "x", NOTES),
    Case("an HTTPRoute with an annotation", "HTTPRoute", "metadata.annotations.example|com/x", "x", NOTES),
    Case("an Ingress without a host", "Ingress", "spec.rules.0.host", "", INGRESS),
    Case("an Ingress for many hosts", "Ingress", "spec.rules.0.host", "*.example", INGRESS),
    Case("an Ingress for all the rest", "Ingress", "spec.defaultBackend", {"service": ELSEWHERE}, INGRESS),
    Case("an Ingress to another Service", "Ingress", "spec.rules.0.http.paths.0.backend.service", ELSEWHERE, INGRESS),
    Case("an Ingress to another port", "Ingress", "spec.rules.0.http.paths.0.backend.service.port", {"number": 9090}, INGRESS),
    Case("an HTTPRoute to another port", "HTTPRoute", "spec.rules.0.backendRefs.0.port", 9090, INGRESS),
    Case("an Ingress to no Service", "Ingress", "spec.rules.0.http.paths.0.backend", {"resource": {
        "apiGroup": "x.example", "kind": "Bucket", "name": "x"}}, INGRESS),
    Case("an HTTPRoute without a host", "HTTPRoute", "spec.hostnames", [], INGRESS),
    Case("an HTTPRoute for many hosts", "HTTPRoute", "spec.hostnames", ["*.example"], INGRESS),
    Case("an HTTPRoute to another Service", "HTTPRoute", "spec.rules.0.backendRefs", [
        {"name": "elsewhere", "port": 80}], INGRESS),
    Case("an HTTPRoute to another namespace", "HTTPRoute", "spec.rules.0.backendRefs", [
        {"name": "routed", "namespace": "theirs", "port": 80}], INGRESS),
    Case("an HTTPRoute that shows requests to others", "HTTPRoute", "spec.rules.0.filters", [
        {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "elsewhere", "port": 80}}}], INGRESS),
    *(Case(f"a {kind} that holds up its namespace", kind, "metadata.finalizers", ["theirs.example/hold"], FINALIZERS)
        for kind in ("Secret", "Deployment", "PersistentVolumeClaim")),
    Case("a Secret that Argo CD takes for a cluster", "Secret", "metadata.labels.argocd|argoproj|io/secret-type",
        "cluster", BY_LABEL),
    Case("a Secret that Grafana takes for a source", "Secret", "metadata.labels.grafana_datasource", "1", BY_LABEL),
    Case("a Secret that is copied elsewhere", "Secret", "metadata.annotations.replicator|example/to", "theirs", BY_LABEL),
    Case("a claim of a volume that is there", "PersistentVolumeClaim", "spec.volumeName", "theirs", CLAIM),
    Case("a claim by labels of volumes", "PersistentVolumeClaim", "spec.selector", {"matchLabels": {"app": "theirs"}}, CLAIM),
    Case("a claim with a copy of another", "PersistentVolumeClaim", "spec.dataSource", {
        "kind": "PersistentVolumeClaim", "name": "theirs"}, CLAIM),
    Case("a claim of a bare device", "PersistentVolumeClaim", "spec.volumeMode", "Block", CLAIM),
]  # fmt: skip

NAMES = {
    "a Service with a foreign address",
    "an Ingress with a snippet",
    "an HTTPRoute that shows requests to others",
    "a claim of a volume that is there",
    "a Secret that Grafana takes for a source",
    "a Deployment with pods without AppArmor",
    "a Job with pods with a driver's volume",
}
SPOILED = [case for case in CASES if case.name in NAMES]
"""What somebody else may make of the operator's objects, and the operator leaves there, whatever else it changes."""


def spoiled(case: Case, namespace: str) -> kinds.Object:
    """Return the object of a case as one that is there, without an owner that would have to exist."""
    body = case.body(namespace)
    return {**body, "metadata": {**body["metadata"], "name": "spoiled", "ownerReferences": []}}
