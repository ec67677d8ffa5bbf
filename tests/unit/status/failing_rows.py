"""Models that do not serve: what their pods do, what could not be written, what is refused, what is missing."""

from typing import Any

from tests.observations import pod, rolled_out, serving
from tests.unit.status.rows import (
    ADDRESS,
    EXPOSED,
    IDLE,
    INSIDE,
    ONE,
    PROVEN,
    ROUTED,
    RUNNING,
    WAITING,
    WHOLE,
    Row,
    engine,
    guard,
    starting,
)  # fmt: skip
from vllm_operator import api
from vllm_operator.kube import errors, failures, kinds

ENDED = {"terminated": {"exitCode": 1}}


def failing(promise: str, described: dict[str, Any], reason: str, says: str) -> Row:
    """Return the row of a first server that does not answer."""
    return Row(promise, {}, starting(described), f"-{reason} -{reason} +RollingOut {INSIDE} {IDLE}", says)


PODS = [
    failing("a pod of which nothing is known", pod("a", phase="Pending"), "Starting", "the pod a is being started"),
    failing("an engine that loads", engine(RUNNING), "Loading", "vLLM is loading the model in the pod a"),
    failing("an option that vLLM does not know",
            engine(WAITING, {"exitCode": 2, "message": "vllm: error: unrecognized arguments: --no-such-option=1"}),
            "UnknownOption", "vLLM does not know the option --no-such-option=1: correct spec.engine.args"),
    failing("a container that cannot be created",
            engine({"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "x" not found'}}),
            "SecretNotFound",
            'vllm cannot be created: secret "x" not found: create the Secret x; this heals by itself'),
    failing("an engine that used too much memory", engine(WAITING, {"exitCode": 137, "reason": "OOMKilled"}),
            "OutOfMemory", "vllm used more memory than its limit: raise spec.resources.limits.memory"),
    failing("an engine that ended and said nothing", engine(ENDED, restartCount=3), "ContainerEnded",
            "vllm ended with exit code 1 (restarts: 3) and said nothing: see `kubectl logs a -c vllm`"),
    failing("a guard that ended with words", guard(WAITING, {"exitCode": 1, "message": "no such file"}),
            "ContainerEnded", "guard ended: no such file: see `kubectl logs a -c guard --previous`"),
]  # fmt: skip

TAKEN = "Service vllm11 belongs to nobody known to the operator and is left alone: remove it, or rename this model"
NOBODY = "nobody known to the operator"
DENIED = errors.Denied(403, "Forbidden", 'admission webhook "x" denied the request')
REFUSED = 'the API server refuses Deployment vllm11: admission webhook "x" denied the request'
AWAY = errors.Unavailable(500, "InternalError", "failed calling webhook")
UNWRITTEN = "could not be written, and is tried again: failed calling webhook"
FIGHT = failures.Contested(["/spec/type"])
NO_KIND = errors.NoSuchKind(404, "Unknown", "the API server gave no reason")
UNKNOWN = "the cluster does not know HTTPRoute of gateway.networking.k8s.io/v1: install its CustomResourceDefinition"
CONTESTED = "vllm11: somebody else keeps changing /spec/type: left as it is for five minutes"

FAILURES = [
    Row("a name that somebody else holds", {}, starting(engine(RUNNING), failures={"Service": NOBODY}),
        f"-NameTaken -NameTaken +RollingOut {INSIDE} {IDLE}", TAKEN),
    Row("a Deployment whose name somebody else holds", {}, {"failures": {"Deployment": NOBODY}},
        f"-NameTaken -NameTaken -NameTaken {INSIDE} {IDLE}", TAKEN.replace("Service", "Deployment")),
    Row("an Ingress that somebody else holds", EXPOSED, serving(failures={"Ingress": NOBODY}),
        f"+Serving -NameTaken -Complete -NameTaken {PROVEN}", TAKEN.replace("Service", "Ingress")),
    Row("a route in a cluster without the Gateway API", ROUTED,
        serving(failures={"HTTPRoute": NO_KIND}, absent=["HTTPRoute"]),
        f"+Serving -KindNotFound -Complete -KindNotFound {PROVEN}", UNKNOWN, {"Exposed": UNKNOWN}),
    Row("a route in a cluster without the Gateway API, of a model that has an Ingress yet", ROUTED,
        serving(failures={"HTTPRoute": NO_KIND}, absent=["HTTPRoute"], missing=["Gateway edge"]),
        f"+Serving -KindNotFound -Complete -KindNotFound {PROVEN}", UNKNOWN),
    Row("a write that a webhook refuses", {}, {"failures": {"Deployment": DENIED}, "absent": ["Deployment"]},
        f"-WriteRefused -WriteRefused -WriteRefused {INSIDE} {IDLE}", REFUSED),
    Row("a change that a webhook refuses while a model serves", {}, serving(failures={"Deployment": DENIED}),
        f"+Serving -WriteRefused -WriteRefused {INSIDE} {PROVEN}", REFUSED),
    Row("a change of the Ingress that a webhook refuses", EXPOSED, serving(failures={"Ingress": DENIED}, ingress=ADDRESS),
        f"+Serving -WriteRefused -Complete +Exposed {PROVEN}", REFUSED.replace("Deployment", "Ingress")),
    Row("a write that the API server cannot answer", {}, serving(failures={"Service": AWAY}),
        f"+Serving -WriteFailed -Complete {INSIDE} {PROVEN}", f"Service vllm11 {UNWRITTEN}"),
    Row("several objects that cannot be written", {}, serving(failures={"NetworkPolicy": AWAY, "Service": NOBODY}),
        f"+Serving -NameTaken -Complete {INSIDE} {PROVEN}", f"{TAKEN}; NetworkPolicy vllm11 {UNWRITTEN}"),
    Row("a field that somebody else keeps changing while a model serves", {}, serving(failures={"Service": FIGHT}),
        f"+Serving +FieldContested -Complete {INSIDE} {PROVEN}", f"{ONE}; Service {CONTESTED}"),
    Row("a field that somebody else keeps changing, with a server missing", {"replicas": 2},
        serving(deployment=rolled_out(2, readyReplicas=1), failures={"Deployment": FIGHT}),
        f"+Serving -FieldContested +RollingOut {INSIDE} {PROVEN}", f"Deployment {CONTESTED}"),
    Row("a contested field beside a write that is refused", {}, serving(failures={"Deployment": DENIED, "Service": FIGHT}),
        f"+Serving -WriteRefused -WriteRefused {INSIDE} {PROVEN}", REFUSED),
]  # fmt: skip

OF_IMAGE = {"model": {"source": "oci://registry.example/opt:1/opt"}}
DROPPED = (
    "the API server drops image volumes, so servers have no weights of spec.model.source: use Kubernetes 1.35 or newer, or have"
    " the feature gate ImageVolume switched on for it and the kubelets"
)

IMAGE_VOLUMES = [
    Row("an image volume that the API server dropped", OF_IMAGE, starting(engine(RUNNING), dropped=["volumes"]),
        f"-ImageVolumesDisabled -ImageVolumesDisabled +RollingOut {INSIDE} {IDLE}", DROPPED),
    Row("an image volume that the API server kept", OF_IMAGE, serving(), f"{WHOLE} {INSIDE} {PROVEN}", ONE),
]  # fmt: skip

DOMAINS = "under none of allow.domains of the namespace models: byteshop.in, example (values of the operator's chart)"
HOST = f"spec.expose.host bank.example.com is {DOMAINS}"
ACCOUNT = "spec.serviceAccountName admin is not in allow.serviceAccounts: weights-reader"
IMAGE_REMEDY = "set spec.engine.image, or engine.images of the operator's chart"
NO_IMAGE = f"no image of the engine is known for amd.com/gpu: {IMAGE_REMEDY}"
NO_NEURON_IMAGE = NO_IMAGE.replace("amd.com/gpu", "aws.amazon.com/neuron")
NO_CPU_IMAGE = f"no image of the engine is known for CPUs (spec.resources.limits names no accelerator): {IMAGE_REMEDY}"

REFUSALS = [
    Row("a spec that is not allowed", {"serviceAccountName": "admin", "expose": {"host": "bank.example.com"}}, {},
        f"-NotAllowed -NotAllowed -NotAllowed -NotAllowed {IDLE}", f"{ACCOUNT}; {HOST}", {"Exposed": HOST}),
    Row("a spec that is not allowed, of a model that is to be exposed", {"serviceAccountName": "admin", **EXPOSED}, {},
        f"-NotAllowed -NotAllowed -NotAllowed -NotAllowed {IDLE}", f"{ACCOUNT} (values of the operator's chart)"),
    Row("a model for which no image is known", {"engine": {"maxModelLen": 8}, **EXPOSED},
        {"absent": ["Deployment", "ControllerRevision", "Ingress"]},
        f"-NoEngineImage -NoEngineImage -NoEngineImage -NoEngineImage {IDLE}", NO_CPU_IMAGE, settings={"engine_images": {}}),
    Row("a model whose accelerator is of a vendor that no image is known of",
        {"resources": {"limits": {"aws.amazon.com/neuron": 2}}}, {"absent": ["Deployment", "ControllerRevision"]},
        f"-NoEngineImage -NoEngineImage -NoEngineImage {INSIDE} {IDLE}", NO_NEURON_IMAGE),
    Row("a model whose accelerators are claimed, and no image is known",
        {"resources": {"claims": [{"name": "a"}]}, "resourceClaims": [{"name": "a", "resourceClaimName": "b"}]},
        {"absent": ["Deployment", "ControllerRevision"]},
        f"-NoEngineImage -NoEngineImage -NoEngineImage {INSIDE} {IDLE}", NO_IMAGE.replace("amd.com/gpu", "resourceClaims")),
    Row("a model with an image of its own", {"engine": {"image": "registry.example/x"}}, serving(),
        f"{WHOLE} {INSIDE} {PROVEN}", ONE, settings={"engine_images": {}}),
]  # fmt: skip

PULL = {"image_pull_secrets": (api.PullSecret(name="of-all"),)}
NO_GATEWAY = "Gateway infra/edge does not exist: correct spec.expose.gateway, or have it made; this heals by itself"
ISSUED = {"expose": {"host": "web.example", "ingress": {"tls": {"issuerRef": {"name": "ours"}}}}}
CLUSTER_ISSUED = {
    "expose": {"host": "web.example", "ingress": {"tls": {"issuerRef": {"name": "ours", "kind": "ClusterIssuer"}}}}
}
CACHED = {"model": {"source": "hf://org/name", "cache": {"size": "1Gi", "storageClassName": "fast"}}}
TAKEN_HOST = (
    "the host web.example is held by {holder}, which was there first: choose another host, or another path of it"
    " (spec.expose); this heals by itself once that one is gone"
)
UNCERTIFIED = (
    "cert-manager has not written the certificate into Secret vllm11.tls yet: see `kubectl describe certificate`; "
    "this heals by itself"
)
ABSENT = "does not exist: create it; this heals by itself"


def absent(kind: str, spec: dict[str, Any], **settings: Any) -> Row:
    """Return the row of something that a starting model needs and nobody has made."""
    conditions = f"-{kind}NotFound -{kind}NotFound +RollingOut {INSIDE} {IDLE}"
    described = starting(engine(RUNNING), missing=[f"{kind} some"])
    return Row(f"a {kind} that does not exist", spec, described, conditions, f"{kind} some {ABSENT}", settings=settings)


MISSING = [
    absent("PersistentVolumeClaim", {"model": {"source": "pvc://some"}}),
    absent("ServiceAccount", {"serviceAccountName": "some"}, allow={"service_accounts": ("some",)}),
    absent("PriorityClass", {"scheduling": {"priorityClassName": "some"}}),
    absent("Secret", {"imagePullSecrets": [{"name": "some"}]}),
    Row("a class that is gone since the claim got its volume", CACHED,
        {"missing": ["StorageClass fast"], "persistentvolumeclaim": {"phase": "Bound"}},
        f"-Downloading -Downloading +Downloading {INSIDE} {IDLE}",
        "the weights are being looked up; no accelerator is taken before they are there"),
    Row("a class of the claim for the weights that does not exist", CACHED, {"missing": ["StorageClass fast"]},
        f"-StorageClassNotFound -StorageClassNotFound +Downloading {INSIDE} {IDLE}", f"StorageClass fast {ABSENT}"),
    absent("ConfigMap", {}, ca_config_map="some"),
    absent("ConfigMap", {"engine": {"files": [{"name": "a", "configMapKeyRef": {"name": "some"}}]}}),
    absent("Secret", {"engine": {"env": [{"name": "HF_TOKEN", "valueFrom": {"secretKeyRef": {"name": "some", "key": "a"}}}]}}),
    Row("a certificate that does not exist", EXPOSED, serving(missing=["Secret web-tls"]),
        f"+Serving -SecretNotFound -Complete -SecretNotFound {PROVEN}", f"Secret web-tls {ABSENT}",
        {"Exposed": f"Secret web-tls {ABSENT}"}),
    Row("a certificate whose issuer does not exist", ISSUED, serving(missing=["Secret vllm11.tls", "Issuer ours"]),
        f"+Serving -IssuerNotFound -Complete -IssuerNotFound {PROVEN}", f"Issuer ours {ABSENT}"),
    Row("a certificate whose ClusterIssuer does not exist",
        CLUSTER_ISSUED, {"missing": ["Secret vllm11.tls", "ClusterIssuer ours"]},
        f"-ClusterIssuerNotFound -ClusterIssuerNotFound +RollingOut -ClusterIssuerNotFound {IDLE}",
        f"ClusterIssuer ours {ABSENT}",
        settings={"allow": {"cluster_issuers": ("ours",)}}),
    Row("an issuer that is gone since it made the certificate", ISSUED, serving(missing=["Issuer ours"], ingress=ADDRESS),
        f"+Serving +Serving -Complete +Exposed {PROVEN}", ONE),
    Row("a certificate that its issuer has not made yet", ISSUED, serving(missing=["Secret vllm11.tls"]),
        f"+Serving -CertificateNotIssued -Complete -CertificateNotIssued {PROVEN}", UNCERTIFIED, {"Exposed": UNCERTIFIED}),
    Row("a certificate that its issuer has not made yet, and no weights",
        {**ISSUED, "model": {"source": "pvc://some"}},
        serving(missing=["Secret vllm11.tls", "PersistentVolumeClaim some"]),
        f"+Serving -PersistentVolumeClaimNotFound -Complete -CertificateNotIssued {PROVEN}",
        f"PersistentVolumeClaim some {ABSENT}", {"Exposed": UNCERTIFIED}),
    *(Row(f"a host that {holder.kind} {holder.name} of {holder.namespace} has", EXPOSED, serving(host_of=holder),
          f"+Serving -HostConflict -Complete -HostConflict {PROVEN}",
          TAKEN_HOST.format(holder=f"{holder.kind} {holder.namespace}/{holder.name}"))
      for holder in (kinds.Ref("ModelDeployment", "models", "older"), kinds.Ref("Ingress", "bank", "web"))),
    Row("a host of the operator's domain that a model of the same name has", {},
        serving(host_of=kinds.Ref("ModelDeployment", "bank", "vllm11")),
        f"+Serving -HostConflict -Complete -HostConflict {PROVEN}",
        "the host vllm11.own.example is held by ModelDeployment bank/vllm11, which was there first: choose another host, such as"
        " vllm11.models.own.example, which is this model's alone (spec.expose); this heals by itself once that one is gone",
        settings={"domain": "own.example"}),
    Row("a Gateway that does not exist", ROUTED, serving(missing=["Gateway edge"]),
        f"+Serving -GatewayNotFound -Complete -GatewayNotFound {PROVEN}", NO_GATEWAY, {"Exposed": NO_GATEWAY}),
    Row("a class of Ingress that does not exist", EXPOSED, serving(missing=["IngressClass contour"]),
        f"+Serving -IngressClassNotFound -Complete -IngressClassNotFound {PROVEN}", f"IngressClass contour {ABSENT}"),
    Row("a pull secret of the settings that does not exist, while a model starts", {},
        starting(engine(RUNNING), missing=["Secret of-all"]),
        f"-SecretNotFound -SecretNotFound +RollingOut {INSIDE} {IDLE}", f"Secret of-all {ABSENT}", settings=PULL),
    Row("a pull secret of the settings that does not exist, of a model that serves without it", {},
        serving(missing=["Secret of-all"]), f"{WHOLE} {INSIDE} {PROVEN}", ONE, settings=PULL),
    Row("a pull secret of the spec that does not exist, of a model that serves without it",
        {"imagePullSecrets": [{"name": "of-all"}]}, serving(missing=["Secret of-all"]),
        f"+Serving -SecretNotFound -Complete {INSIDE} {PROVEN}", f"Secret of-all {ABSENT}", settings=PULL),
    Row("a certificate of the settings that does not exist", {}, serving(missing=["Secret of-domain"]),
        f"+Serving -SecretNotFound -Complete -SecretNotFound {PROVEN}", f"Secret of-domain {ABSENT}",
        settings={"domain": "example", "tls_secret": "of-domain"}),
]  # fmt: skip

ROWS = [*PODS, *FAILURES, *IMAGE_VOLUMES, *REFUSALS, *MISSING]
