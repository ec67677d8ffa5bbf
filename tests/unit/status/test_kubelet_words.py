"""What kubelet, containerd and scheduler of Kubernetes 1.37 say -> reason and remedy, each row from such words."""

import re

import pytest

from tests import alternatives
from vllm_operator.status import kubelet_words

WORDS = {
    'ErrImagePull failed to pull and unpack image "x": write /var/lib/containerd/x: no space left on device':
        "NodeDiskFull: the node has no room for the image",
    'InvalidImageName Failed to apply default image tag "A:b:c": invalid reference format':
        "ImageNotPulled: correct the name of the image",
    'ErrImageNeverPull Container image "x:1" is not present with pull policy of Never':
        "ImageNotPulled: bring the image onto the node",
    'ErrImagePull failed to pull and unpack image "x": no match for platform in manifest: not found':
        "ImageNotPulled: the image has no variant for the node's processor",
    "ErrImagePull toomanyrequests: You have reached your unauthenticated pull rate limit.":
        "ImageNotPulled: the registry's limit is spent",
    'ErrImagePull failed to resolve reference "x": unauthorized: authentication required':
        "ImageNotPulled: correct the name, or set spec.imagePullSecrets",
    "ErrImagePull pull access denied, repository does not exist or may require authorization: server message:"
    " insufficient_scope: authorization failed": "ImageNotPulled: correct the name, or set spec.imagePullSecrets",
    "ErrImagePull no basic auth credentials: the registry requires authentication": "ImageNotPulled: correct the name, or set",
    'ErrImagePull failed to do request: Head "https://x": dial tcp 10.0.0.1:443: connect: connection refused':
        "ImageNotPulled: the node does not reach the registry",
    'ErrImagePull failed to do request: Head "https://x": net/http: TLS handshake timeout':
        "ImageNotPulled: the node does not reach the registry",
    'ErrImagePull failed to do request: Head "https://x": dial tcp 10.0.0.1:443: i/o timeout':
        "ImageNotPulled: the node does not reach the registry",
    'ErrImagePull failed to do request: Head "https://x": dial tcp 10.0.0.1:443: connect: network is unreachable':
        "ImageNotPulled: the node does not reach the registry",
    "ErrImagePull manifest unknown: manifest tagged by x is not found": "ImageNotPulled: there is no such image or tag",
    "ErrImagePull reading manifest x: name unknown: The repository with name x does not exist in the registry":
        "ImageNotPulled: there is no such image or tag",
    "ErrImagePull unexpected status from HEAD request to https://x/v2/y: 429 Too Many Requests":
        "ImageNotPulled: the registry's limit is spent",
    "ErrImagePull failed to authorize: failed to fetch anonymous token: unexpected status: 403 Forbidden":
        "ImageNotPulled: correct the name, or set spec.imagePullSecrets",
    "ErrImagePull tls: failed to verify certificate: x509: certificate signed by unknown authority":
        "ImageNotPulled: have the nodes trust the registry's certificate",
    'ErrImagePull failed to do request: Head "https://none.invalid/v2/x": dial tcp: lookup none.invalid: no such host':
        "ImageNotPulled: the node does not reach the registry",
    'ErrImagePull failed to pull image "x/y@sha256:ab401c": dial tcp: lookup x: no such host':
        "ImageNotPulled: the node does not reach the registry",
    'ErrImagePull failed to pull image "x/y:2.403": not found': "ImageNotPulled: there is no such image or tag",
    "ErrImagePull unexpected status code 401": "ImageNotPulled: correct the name, or set spec.imagePullSecrets",
    "ErrImagePull docker.io/library/x:1: not found": "ImageNotPulled: there is no such image or tag",
    "ErrImagePull": "ImageNotPulled: check the name",
    "couldn't find key none in Secret models/s": "SecretKeyNotFound: add the key none to the Secret",
    "couldn't find key none in ConfigMap models/s": "ConfigMapKeyNotFound: add the key none",
    'secret "s" not found': "SecretNotFound: create the Secret s",
    'configmap "c" not found': "ConfigMapNotFound: create the ConfigMap c",
    'exec: "vllm": executable file not found in $PATH: unknown': "NotAnEngine: the image holds no such command",
    "failed to create shim task: OCI runtime create failed: stat vllm: no such file or directory": "NotAnEngine: the image holds",
    "container has runAsNonRoot and image has non-numeric user (vllm), cannot verify user is non-root":
        "ContainerNotCreated: set spec.securityContext",
    "exec /bin/vllm: exec format error": "NotAnEngine: the image is made for another processor",
    "container has runAsNonRoot and image will run as root": "ContainerNotCreated: set spec.securityContext",
    "mkdir /run/containerd/x: no space left on device": "NodeDiskFull: free the node's disk",
    "no words that anybody knows": "ContainerNotCreated: mostly something that spec.engine.env names",
    'MountVolume.SetUp failed for volume "f" : references non-existent config key: none':
        "ConfigMapKeyNotFound: add the key none to the ConfigMap",
    'MountVolume.SetUp failed for volume "f" : references non-existent secret key: none': "SecretKeyNotFound: add the key none",
    'MountVolume.SetUp failed for volume "f" : secret "s" not found': "SecretNotFound: create the Secret s",
    'MountVolume.SetUp failed for volume "f" : configmap "c" not found': "ConfigMapNotFound: create the ConfigMap c",
    'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node':
        "VolumeNotMounted: another node holds the volume",
    'MountVolume.SetUp failed for volume "w" : hostPath type check failed: /x is not a directory':
        "VolumeNotMounted: the volume points at what is not there",
    "mount.nfs: access denied by server while mounting nas:/x": "VolumeNotMounted: let the node mount it",
    'MountVolume.NewMounter initialization failed for volume "x" : path "/x" does not exist':
        "VolumeNotMounted: the volume points at what is not there",
    "mount: /x: special device /y does not exist: no such file or directory": "VolumeNotMounted: the volume points at what is",
    "mount.nfs: Permission denied": "VolumeNotMounted: let the node mount it",
    "mount.nfs: connection refused": "VolumeNotMounted: the node does not reach the storage",
    "mount.nfs: no route to host": "VolumeNotMounted: the node does not reach the storage",
    "mount.nfs: No such device": "VolumeNotMounted: the node does not reach the storage",
    'MountVolume.SetUp failed for volume "x" : rpc error: code = DeadlineExceeded desc = context deadline exceeded':
        "VolumeNotMounted: the node does not reach the storage",
    "mount.nfs: Connection timed out": "VolumeNotMounted: the node does not reach the storage",
    "MountVolume.MountDevice failed: driver name nfs.csi.k8s.io not registered: unknown filesystem type 'x'":
        "VolumeNotMounted: install the storage's driver",
    "MountVolume.MountDevice failed: driver name nfs.csi.k8s.io not found in the list of registered CSI drivers":
        "VolumeNotMounted: install the storage's driver",
    'MountVolume.SetUp failed for volume "x" : failed to sync secret cache: timed out waiting for the condition':
        "VolumeNotMounted: the node's kubelet has not got it from the API server yet",
    "mount failed: exit status 32": "VolumeNotMounted: see to the claim's volume",
    'persistentvolumeclaim "w" not found': "PersistentVolumeClaimNotFound: create the claim w",
    'persistentvolumeclaim "w" is being deleted': "ClaimNotBound: the claim w is being deleted",
    'persistentvolumeclaim "w" bound to non-existent persistentvolume "pv"': "ClaimNotBound: the claim's volume is gone",
    "pod has unbound immediate PersistentVolumeClaims": "ClaimNotBound: give the claim a StorageClass",
    'running PreBind plugin "VolumeBinding": binding volumes: context deadline exceeded':
        "ClaimNotBound: see to the claim's StorageClass and its provisioner",
    "1 node(s) didn't find available persistent volumes to bind": "ClaimNotBound: see to the claim's StorageClass",
    "1 node(s) did not have enough free storage": "ClaimNotBound: see to the claim's StorageClass",
    "1 node(s) had volume node affinity conflict": "Unschedulable: the claim's volume lies on a node",
    "1 node(s) didn't match PersistentVolume's node affinity": "Unschedulable: the claim's volume lies on a node",
    "1 node(s) had no available volume zone": "Unschedulable: the claim's volume lies on a node",
    "1 node(s) exceed max volume count": "Unschedulable: end a pod that holds a volume",
    "1 node(s) had no available disk": "Unschedulable: end a pod that holds a volume",
    "1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod":
        "Unschedulable: end a pod that holds a volume",
    'resourceclaim.resource.k8s.io "gpus" not found': "ResourceClaimNotFound: create the ResourceClaim gpus",
    'pod "models/a": ResourceClaim not created yet': "ResourceClaimTemplateNotFound: create the ResourceClaimTemplate",
    "request gpu: device class gpu.example.com does not exist":
        "DeviceClassNotFound: install the driver that brings the DeviceClass",
    "cannot allocate all claims": "Unschedulable: free the devices",
    "resourceclaim in use": "Unschedulable: free the devices",
    "resourceclaim not available on the node": "Unschedulable: free the devices",
    "1 Too many pods.": "Unschedulable: end pods on a node",
    "1 Insufficient nvidia.com/gpu.": "Unschedulable: free an accelerator",
    "0/5 nodes are available: 1 Insufficient nvidia.com/gpu, 4 node(s) had untolerated taint(s) {nvidia.com/gpu: present}.":
        "Unschedulable: add a toleration of the taint nvidia.com/gpu",
    "0/5 nodes are available: 2 node(s) had untolerated taint {nvidia.com/gpu: }, 3 Insufficient nvidia.com/gpu.":
        "Unschedulable: add a toleration of the taint nvidia.com/gpu",
    "0/5 nodes are available: 3 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint {dedicated: x}.":
        "Unschedulable: free an accelerator",
    "0/5 nodes are available: 3 Insufficient nvidia.com/gpu, 2 node(s) had untolerated taint(s).":
        "Unschedulable: free an accelerator, add a node, or ask for fewer in spec.resources.limits; nodes with a taint",
    "1 Insufficient cpu.": "Unschedulable: lower cpu in spec.resources.requests",
    "1 node(s) had untolerated taint {a: b}": "Unschedulable: set spec.scheduling.tolerations",
    "1 node(s) didn't match Pod's node affinity/selector": "Unschedulable: correct spec.scheduling.nodeSelector",
    "1 node(s) didn't match pod affinity rules": "Unschedulable: relax spec.scheduling",
    "1 node(s) didn't match pod topology spread constraints": "Unschedulable: relax spec.scheduling",
    "1 node(s) didn't have free ports for the requested pod ports": "Unschedulable: end what has the port",
    "no nodes available to schedule pods": "Unschedulable: add a node, or see whether",
    "0/1 nodes are available: 1 node(s) had unknown conditions": "Unschedulable: see `kubectl describe pod`",
    "1 node(s) didn't match pod anti-affinity rules": "Unschedulable: relax spec.scheduling",
    "1 node(s) were unschedulable": "Unschedulable: uncordon a node",
    "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.": "Evicted: raise spec.resources.limits.eph",
    'Usage of EmptyDir volume "tmp" exceeds the limit "1Gi".': "Evicted: raise spec.resources.limits.ephemeral-storage",
    'Container vllm exceeded its local ephemeral storage limit "1Gi".': "Evicted: raise spec.resources.limits.ephemeral-storage",
    "The node was low on resource: ephemeral-storage. Threshold quantity: 1, available: 0.": "Evicted: free the node's disk",
    "The node had condition: [DiskPressure].": "Evicted: free the node's disk",
    "The node was low on resource: memory.": "Evicted: set spec.resources.requests.memory",
    "The node had condition: [MemoryPressure].": "Evicted: set spec.resources.requests.memory",
    "words that nobody knows": "Evicted: give spec.resources.requests",
}  # fmt: skip
TABLES = kubelet_words.TABLES


@pytest.mark.parametrize(("words", "says"), WORDS.items())
def test_words_that_were_said_have_a_reason_and_a_remedy(words: str, says: str) -> None:
    found = [kubelet_words.found(table, words) for table in TABLES]
    assert any(one and f"{one.reason}: {one.remedy}".startswith(says) for one in found)


@pytest.mark.parametrize("row", [row for table in TABLES for row in table], ids=lambda row: row.pattern[:40])
def test_every_row_was_said(row: kubelet_words.Row) -> None:
    tables = (table for table in TABLES if row in table)
    said = [kubelet_words.found(table, words) for table in tables for words in WORDS]
    beginning = row.remedy.partition("{")[0]
    assert any(one and one.reason == row.reason and one.remedy.startswith(beginning) for one in said)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[0].reason)
def test_every_alternative_of_a_row_was_said(table: tuple[kubelet_words.Row, ...]) -> None:
    found = [one for row in table for one in alternatives.of(row.pattern)]
    assert [one for one in found if not any(re.search(one, words) for words in WORDS)] == []


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table[0].reason)
def test_words_that_nobody_knows_have_a_remedy_too(table: tuple[kubelet_words.Row, ...]) -> None:
    found = kubelet_words.found(table, "new words")
    assert found
    assert found.remedy


def test_an_accelerator_is_a_resource_of_a_domain() -> None:
    assert kubelet_words.accelerator("1 Insufficient memory.") == ""
    assert kubelet_words.accelerator("1 Insufficient nvidia.com/mig-1g.5gb.") == "nvidia.com/mig-1g.5gb"
