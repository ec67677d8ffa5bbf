"""What the kubelet and the scheduler say -> reason and remedy, by their words: ordered tables. Pure.

Patterns come from Kubernetes 1.37 and containerd 2. Must not know a pod.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

LONGEST = 2000
"""In characters: what of somebody's words is looked at, so that no pattern takes long."""


class Row(NamedTuple):
    """A pattern of words, the reason that they stand for, and the remedy, which names the pattern's groups."""

    pattern: str
    reason: str
    remedy: str


class Found(NamedTuple):
    """What a table says of some words."""

    reason: str
    remedy: str


ACCELERATOR = re.compile(r"Insufficient ([a-z0-9.-]+/[\w.-]+)")

IMAGE = (
    Row("no space left on device", "NodeDiskFull",
        "the node has no room for the image: free its disk, or choose another node"),
    Row("InvalidImageName|invalid reference format", "ImageNotPulled",
        "correct the name of the image"),
    Row("ErrImageNeverPull|not present with pull policy of Never", "ImageNotPulled",
        "bring the image onto the node, or to a registry"),
    Row("no match for platform", "ImageNotPulled",
        "the image has no variant for the node's processor: choose another image or node"),
    Row("toomanyrequests|429 Too Many Requests", "ImageNotPulled",
        "the registry's limit is spent: wait, or set spec.imagePullSecrets"),
    Row(r"\b40[13] (?:Unauthorized|Forbidden)|status(?: code)?:? 40[13]\b"
        "|[Uu]nauthorized|authorization failed|access denied|insufficient_scope|requires authentication",
        "ImageNotPulled",
        "correct the name, or set spec.imagePullSecrets"),
    Row("x509|certificate", "ImageNotPulled",
        "have the nodes trust the registry's certificate"),
    Row("no such host|connection refused|i/o timeout|TLS handshake timeout|network is unreachable|dial tcp", "ImageNotPulled",
        "the node does not reach the registry: correct the image's name, or the node's network"),
    Row("not found|manifest unknown|does not exist", "ImageNotPulled",
        "there is no such image or tag: correct it"),
    Row("", "ImageNotPulled",
        "check the name, the registry and spec.imagePullSecrets"),
)  # fmt: skip

CONTAINER = (
    Row(r"couldn't find key (\S+) in Secret", "SecretKeyNotFound",
        "add the key {0} to the Secret, or correct spec.engine.env"),
    Row(r"couldn't find key (\S+) in ConfigMap", "ConfigMapKeyNotFound",
        "add the key {0} to the ConfigMap"),
    Row(r'secret \"(.+?)\" not found', "SecretNotFound",
        "create the Secret {0}; this heals by itself"),
    Row(r'configmap \"(.+?)\" not found', "ConfigMapNotFound",
        "create the ConfigMap {0}; this heals by itself"),
    Row("executable file not found|stat vllm: no such file", "NotAnEngine",
        "the image holds no such command: choose an image of vLLM in spec.engine.image"),
    Row("exec format error", "NotAnEngine",
        "the image is made for another processor than the node's: choose another image or node"),
    Row("runAsNonRoot|non-numeric user", "ContainerNotCreated",
        "set spec.securityContext to a user and group that are not root"),
    Row("no space left on device", "NodeDiskFull",
        "free the node's disk, or choose another node"),
    Row("", "ContainerNotCreated",
        "mostly something that spec.engine.env names is missing"),
)  # fmt: skip

MOUNT = (
    Row(r"references non-existent config key: (\S+)", "ConfigMapKeyNotFound",
        "add the key {0} to the ConfigMap"),
    Row(r"references non-existent secret key: (\S+)", "SecretKeyNotFound",
        "add the key {0} to the Secret"),
    Row(r'secret \"(.+?)\" not found', "SecretNotFound",
        "create the Secret {0}; this heals by itself"),
    Row(r'configmap \"(.+?)\" not found', "ConfigMapNotFound",
        "create the ConfigMap {0}; this heals by itself"),
    Row("Multi-Attach error|already exclusively attached", "VolumeNotMounted",
        "another node holds the volume: end the pod there, or use a volume with the access mode ReadWriteMany"),
    Row(r"unknown filesystem type|driver name \S+ not found", "VolumeNotMounted",
        "install the storage's driver on the node"),
    Row("failed to sync (?:secret|configmap) cache", "VolumeNotMounted",
        "the node's kubelet has not got it from the API server yet: this mostly heals by itself; else see to the kubelet"),
    Row("hostPath type check failed|does not exist|no such file or directory|not found", "VolumeNotMounted",
        "the volume points at what is not there: correct the PersistentVolume"),
    Row("[Pp]ermission denied|access denied", "VolumeNotMounted",
        "let the node mount it: see to the server's export or credentials"),
    Row("timed out|connection refused|no route to host|No such device|deadline exceeded", "VolumeNotMounted",
        "the node does not reach the storage: see to its server and driver"),
    Row("", "VolumeNotMounted",
        "see to the claim's volume and its driver"),
)  # fmt: skip

SCHEDULER = (
    Row(r'persistentvolumeclaim \"(.+?)\" not found', "PersistentVolumeClaimNotFound",
        "create the claim {0}; this heals by itself"),
    Row(r'persistentvolumeclaim \"(.+?)\" is being deleted', "ClaimNotBound",
        "the claim {0} is being deleted: create it again once it is gone, or see what holds it"),
    Row("bound to non-existent (?:persistentvolume|pv)", "ClaimNotBound",
        "the claim's volume is gone: create the claim and its content anew"),
    Row("unbound immediate PersistentVolumeClaims?", "ClaimNotBound",
        "give the claim a StorageClass that exists, or a volume: `kubectl describe pvc` says what it waits for"),
    Row(r'PreBind plugin \"VolumeBinding\"|didn\'t find available persistent volumes to bind|did not have enough free storage',
        "ClaimNotBound",
        "see to the claim's StorageClass and its provisioner: `kubectl describe pvc` says what it waits for"),
    Row("volume node affinity conflict|didn't match PersistentVolume's node affinity|had no available volume zone",
        "Unschedulable",
        "the claim's volume lies on a node that cannot take the pod: free that node, or use a volume that others reach"),
    Row("exceed max volume count|had no available disk|ReadWriteOncePod access mode already in-use", "Unschedulable",
        "end a pod that holds a volume there, add a node, or use a volume with the access mode ReadWriteMany"),
    Row(r'resourceclaim(?:\.resource\.k8s\.io)? \"(.+?)\" not found', "ResourceClaimNotFound",
        "create the ResourceClaim {0}; this heals by itself"),
    Row("ResourceClaim not created yet", "ResourceClaimTemplateNotFound",
        "create the ResourceClaimTemplate that spec.resourceClaims names; this heals by itself"),
    Row(r"device class (\S+) does not exist", "DeviceClassNotFound",
        "install the driver that brings the DeviceClass {0}, or correct the claim that names it"),
    Row("cannot allocate all claims|resourceclaim in use|resourceclaim not available on the node", "Unschedulable",
        "free the devices that spec.resourceClaims asks for, or add a node"),
    Row(r"^(?=.*Insufficient ([a-z0-9.-]+/[\w.-]*\w))(?=.*untolerated taint(?:\(s\))? \{\1[:}])", "Unschedulable",
        "add a toleration of the taint {0} to spec.scheduling.tolerations: the nodes with that accelerator have it"),
    Row(r"^(?=.*Insufficient [a-z0-9.-]+/[\w.-]+).*untolerated taint\(s\)(?! \{)", "Unschedulable",
        "free an accelerator, add a node, or ask for fewer in spec.resources.limits; nodes with a taint take the pod"
        " only with spec.scheduling.tolerations"),
    Row(r"Insufficient [a-z0-9.-]+/[\w.-]+", "Unschedulable",
        "free an accelerator, add a node, or ask for fewer in spec.resources.limits"),
    Row("Too many pods", "Unschedulable",
        "end pods on a node, add a node, or have the nodes' kubelets take more pods"),
    Row(r"Insufficient (\S+?)[,.]", "Unschedulable",
        "lower {0} in spec.resources.requests, free some, or add a node"),
    Row("untolerated taint", "Unschedulable",
        "set spec.scheduling.tolerations, or add a node without the taint"),
    Row("didn't match Pod's node affinity/selector", "Unschedulable",
        "correct spec.scheduling.nodeSelector or affinity, or label a node"),
    Row("pod affinity rules|anti-affinity|topology spread", "Unschedulable",
        "relax spec.scheduling, or add a node"),
    Row("didn't have free ports", "Unschedulable",
        "end what has the port on a node, or add a node"),
    Row("were unschedulable", "Unschedulable",
        "uncordon a node, or add one"),
    Row("no nodes available to schedule pods", "Unschedulable",
        "add a node, or see whether the cluster's nodes are registered"),
    Row("", "Unschedulable",
        "see `kubectl describe pod` and `kubectl get nodes`: change spec.scheduling or spec.resources, or add a node"),
)  # fmt: skip

EVICTED = (
    Row("ephemeral local storage usage exceeds|EmptyDir volume .+ exceeds the limit|exceeded its local ephemeral storage limit",
        "Evicted",
        "raise spec.resources.limits.ephemeral-storage"),
    Row(r"low on resource: (?:ephemeral-storage|inodes|pids)|had condition: \[(?:DiskPressure|PIDPressure)", "Evicted",
        "free the node's disk, or set spec.resources.requests.ephemeral-storage to what the model needs"),
    Row(r"low on resource: memory|had condition: \[MemoryPressure", "Evicted",
        "set spec.resources.requests.memory to what the model needs"),
    Row("", "Evicted",
        "give spec.resources.requests what the model needs"),
)  # fmt: skip


QUEUED = re.compile("pod group is not ready|queue resource quota insufficient|Insufficient quotas|SchedulingSkipped")
"""What schedulers with queues say of a pod whose turn has not come: Volcano, Koordinator, YuniKorn."""

TABLES = (IMAGE, CONTAINER, MOUNT, SCHEDULER, EVICTED)


def found(table: Iterable[Row], words: str) -> Found | None:
    """Return what the first row of `table` that matches says of `words`."""
    for row in table:
        if match := re.search(row.pattern, words[:LONGEST]):
            return Found(row.reason, row.remedy.format(*(group or "" for group in match.groups())))
    return None


def accelerator(words: str) -> str:
    """Return the accelerator that a scheduler misses; "" where it is none."""
    match = ACCELERATOR.search(words[:LONGEST])
    return match[1].rstrip(".") if match else ""
