"""Models that do not come up, each for one reason, and what their status is to say: the table of test_causes.py."""

from typing import Any, NamedTuple

from tests.e2e import scripted

GPU = "nvidia.com/gpu"
NEWER = "monokernel"  # an option of vLLM 0.33, which the image's does not know
LEAN = ["--enforce-eager", "--dtype=bfloat16", "--max-num-seqs=2"]
SMALL = {"requests": {"cpu": "10m", "memory": "16Mi"}}


class Case(NamedTuple):
    """A model's `spec`, and reason and a part of the message of its condition Ready. `ends`: its engine ends for it."""

    name: str
    reason: str
    says: str
    spec: dict[str, Any]
    ends: bool = False


def vllm(name: str, reason: str, says: str, *args: str, source: str = "", **engine: Any) -> Case:
    """Return a case of real vLLM, which ends."""
    model = {"model": {"source": source}} if source else {}
    return Case(name, reason, says, {"engine": {"args": [*LEAN, *args], **engine}, **model}, ends=True)


def stand_in(
    name: str,
    reason: str,
    says: str,
    fault: str,
    *,
    ends: bool = True,
    limits: dict[str, str] | None = None,
    **engine: Any,
) -> Case:
    """Return a case of the scripted engine, whose image the test fills in."""
    resources = {**SMALL, **({"limits": limits} if limits else {})}
    spec = {"engine": {"image": "scripted", "args": [fault], "drainTimeout": "1s", **engine}, "resources": resources}
    return Case(name, reason, says, spec, ends=ends)


def held(name: str, reason: str, says: str, **spec: Any) -> Case:
    """Return a case in which nothing of vLLM runs."""
    return Case(name, reason, says, {"resources": SMALL, **spec})


def variable_of(secret: str) -> dict[str, Any]:
    value = {"secretKeyRef": {"name": secret, "key": "none"}}
    return {"env": [{"name": "HF_TOKEN", "valueFrom": value}]}


BUDGET = {
    "engine": {"args": ["--enforce-eager", "--max-num-seqs=64", "--max-num-batched-tokens=32"], "maxModelLen": 16}
}

VLLM = [
    vllm("newer-option", "UnknownOption", f"--{NEWER}: correct spec.engine.args", f"--{NEWER}"),
    vllm("out-of-range", "BadOption", "Input should be less than or equal to 1", "--gpu-memory-utilization=90"),
    vllm("parser", "BadOption", "no tool call parser nosuch", "--enable-auto-tool-choice", "--tool-call-parser=nosuch"),
    vllm("template", "BadOption", "/etc/engine-files/nosuch.jinja does not exist: bring it",
         "--chat-template=/etc/engine-files/nosuch.jinja"),
    Case("budget", "BadOption", "--max-num-batched-tokens=32 is less than the 64", BUDGET, ends=True),
    vllm("context", "ContextTooLong", "maxModelLen 8192 is more than the 4096", maxModelLen=8192),
    vllm("cache", "CacheTooSmall", "set spec.engine.maxModelLen to 2", maxModelLen=8_000_000, allowLongContext=True),
    vllm("architecture", "UnsupportedModel", "'FooBarForCausalLM': choose other weights", source="pvc://broken/architecture"),
    vllm("remote-code", "RemoteCodeNotTrusted", "set spec.engine.trustRemoteCode", source="pvc://broken/remote"),
    vllm("private", "SourceNotReadable", "model.safetensors: let user 65532 do so", source="pvc://broken/private"),
    vllm("empty", "SourceNotFound", "the source's directory holds no weights", source="pvc://broken/empty"),
    vllm("damaged", "SourceBroken", "damaged or cut short: fetch or copy the weights again", source="pvc://broken/damaged"),
]  # fmt: skip

STAND_INS = [
    stand_in("raises", "EngineFailed", "ValueError: this version does not work: see `kube", scripted.BROKEN),
    stand_in("slow", "StartTimedOut", "within the 10s of spec.engine", scripted.NEVER_ANSWERS, startupTimeout="10s"),
    stand_in("crashes", "KilledBySignal", "vllm was ended by SIGSEGV", scripted.CRASHES),
    stand_in("dies", "EngineDied", "vLLM ended while it served, after", scripted.DIES),
    stand_in("fills-disk", "Evicted", "raise spec.resources.limits.ephemeral-storage", scripted.FILLS_DISK, ends=False,
             limits={"ephemeral-storage": "16Mi"}),
    Case("eats", "OutOfMemory", "vllm used more memory than its limit: raise spec.resources.limits.memory",
         {"engine": {"args": LEAN}, "resources": {"limits": {"memory": "128Mi"}}}, ends=True),
]  # fmt: skip

HELD = [
    held("image", "ImageNotPulled", "none.invalid/none:1", engine={"image": "none.invalid/none:1"}),
    held("no-engine", "NotAnEngine", "choose an image of vLLM in spec.engine.image", engine={"image": "pause"}),
    held("secret", "SecretNotFound", "Secret none does not exist", engine=variable_of("none")),
    held("secret-key", "SecretKeyNotFound", "add the key none to the Secret", engine=variable_of("some")),
    held("file", "ConfigMapKeyNotFound", "add the key none to the ConfigMap",
         engine={"files": [{"name": "a", "configMapKeyRef": {"name": "some", "key": "none"}}]}),
    held("claim", "PersistentVolumeClaimNotFound", "PersistentVolumeClaim none does not exist", model={"source": "pvc://none"}),
    held("class", "StorageClassNotFound", "StorageClass none does not exist",
         model={"source": "hf://org/name", "cache": {"size": "1Gi", "storageClassName": "none"}}),
    held("issuer", "IssuerNotFound", "Issuer none does not exist", replicas=0,
         expose={"host": "issuer.example", "ingress": {"className": "contour", "tls": {"issuerRef": {"name": "none"}}}}),
    held("unbound", "ClaimNotBound", "give the claim a StorageClass that exists", model={"source": "pvc://unbound"}),
    held("unmounted", "VolumeNotMounted", "cannot be mounted", model={"source": "pvc://unmounted"}),
    held("accelerator", "Unschedulable", f"it wants 8 {GPU} of the 4 that there are", resources={"limits": {GPU: 8}}),
    held("nodes", "Unschedulable", "correct spec.scheduling.nodeSelector", scheduling={"nodeSelector": {"none": "such"}}),
    held("memory", "Unschedulable", "lower memory in spec.resources.requests", resources={"requests": {"memory": "9Ti"}}),
]  # fmt: skip
QUOTA = held("over-quota", "QuotaExceeded", "raise the ResourceQuota")

ALL = [*HELD, *STAND_INS, *VLLM]
