"""What kubelet, containerd and scheduler of Kubernetes 1.37 say -> reason and remedy, each row from such words."""

import pytest

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
    "mount.nfs: Connection timed out": "VolumeNotMounted: the node does not reach the storage",
    "MountVolume.MountDevice failed: driver name nfs.csi.k8s.io not registered: unknown filesystem type 'x'":
        "VolumeNotMounted: install the storage's driver",
    "MountVolume.MountDevice failed: driver name nfs.csi.k8s.io not found in the list of registered CSI drivers":
        "VolumeNotMounted: install the storage's driver",
    'MountVolume.SetUp failed for volume "x" : failed to sync secret cache: timed out waiting for the condition':
        "VolumeNotMounted: the node's kubelet has not got it from the API server yet",
    "mount failed: exit status 32": "VolumeNotMounted: see to the claim's volume",
    'persistentvolumeclaim "w" not found': "PersistentVolumeClaimNotFound: create the claim w",
    "pod has unbound immediate PersistentVolumeClaims": "ClaimNotBound: give the claim a StorageClass",
    "1 node(s) had volume node affinity conflict": "Unschedulable: the claim's volume lies on a node",
    "cannot allocate all claims": "Unschedulable: free the devices",
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
    "1 node(s) didn't match pod anti-affinity rules": "Unschedulable: relax spec.scheduling",
    "1 node(s) were unschedulable": "Unschedulable: uncordon a node",
}  # fmt: skip
TABLES = (
    kubelet_words.IMAGE,
    kubelet_words.CONTAINER,
    kubelet_words.MOUNT,
    kubelet_words.SCHEDULER,
)


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


def test_where_no_row_knows_the_words_nothing_is_found() -> None:
    assert kubelet_words.found(kubelet_words.SCHEDULER, "0/1 nodes are available") is None
    assert kubelet_words.accelerator("1 Insufficient memory.") == ""
    assert kubelet_words.accelerator("1 Insufficient nvidia.com/mig-1g.5gb.") == "nvidia.com/mig-1g.5gb"
