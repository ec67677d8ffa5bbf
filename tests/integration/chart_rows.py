"""Every value of the chart, turned: a value other than the default, and where what Helm renders shows it."""

import json

from tests import chart
from tests.integration.chart_seen import (
    Turned,
    alert,
    allowed,
    at,
    container,
    gateway,
    issuer,
    monitor,
    policy,
    scraped,
    setting,
    template,
    there,
    variables,
)

DIGEST = f"sha256:{'0' * 64}"
GUARD = "envoyproxy/envoy:distroless-v1.40.0"
PROXY = "http://proxy.example:3128"
INSIDE = "localhost,127.0.0.1,::1,.svc,.cluster.local"
WATCHED = {
    "monitoring": {name: {"enabled": True} for name in ("serviceMonitor", "podMonitor", "prometheusRule", "dashboards")}
}
DASHBOARD = ("ConfigMap", "vllm-operator-models")
CRD = ("CustomResourceDefinition", "modeldeployments.serving.byteshop.in")
BUDGET = ("PodDisruptionBudget", "vllm-operator")
DEPLOYMENT = ("Deployment", "vllm-operator")
POLICY = ("NetworkPolicy", "vllm-operator")
BOUND = {"networkPolicy": {"enabled": True}}
ACCOUNT = ("ServiceAccount", "vllm-operator")
DROP = {"action": "labeldrop", "regex": "a"}
LABEL = ("metadata", "labels", "a")

TURNED = {
    "global.imageRegistry": Turned("mirror.example", setting("VLLM_OPERATOR_GUARD_IMAGE"), f"mirror.example/{GUARD}"),
    "nameOverride": Turned("x", there("Deployment", "vllm-operator-x"), expected=True),
    "commonLabels": Turned({"a": "b"}, at(*ACCOUNT, *LABEL), "b"),
    "commonAnnotations": Turned({"a": "b"}, at(*ACCOUNT, "metadata", "annotations"), {"a": "b"}),
    "fullnameOverride": Turned("other", there("Deployment", "other"), expected=True),
    "image.repository": Turned("registry.example/mine", container("image"), f"registry.example/mine:{chart.VERSION}"),
    "image.tag": Turned("9", container("image"), "registry.example/operator:9"),
    "image.digest": Turned(DIGEST, container("image"), f"registry.example/operator:{chart.VERSION}@{DIGEST}"),
    "image.pullPolicy": Turned("Never", container("imagePullPolicy"), "Never"),
    "imagePullSecrets": Turned([{"name": "a"}], template("spec", "imagePullSecrets"), [{"name": "a"}]),
    "crds.install": Turned(False, there(*CRD), expected=False),
    "crds.keep": Turned(False, at(*CRD, "metadata", "annotations"), None),
    "watchNamespaces": Turned(["a"], there("ClusterRole", "vllm-operator"), expected=False),
    "rbac.create": Turned(False, lambda found: [kind for kind, _ in found if "Role" in kind], []),
    "rbac.aggregateRoles": Turned(False, there("ClusterRole", "vllm-operator-view"), expected=False),
    "serviceAccount.create": Turned(
        False, there("ServiceAccount", "a"), expected=False, given={"serviceAccount": {"name": "a"}}
    ),
    "serviceAccount.name": Turned("mine", template("spec", "serviceAccountName"), "mine"),
    "serviceAccount.annotations": Turned({"a": "b"}, at(*ACCOUNT, "metadata", "annotations"), {"a": "b"}),
    "engine.images": Turned({"cpu": "x:1"}, lambda found: '"cpu":"x:1"' in setting("VLLM_OPERATOR_ENGINE_IMAGES")(found), True),
    "weights.hub": Turned("https://hub.example", setting("VLLM_OPERATOR_HUB_URL"), "https://hub.example"),
    "weights.s3": Turned("https://s3.example", setting("VLLM_OPERATOR_S3_URL"), "https://s3.example"),
    "weights.offline": Turned(True, setting("VLLM_OPERATOR_WEIGHTS_OFFLINE"), "true"),
    "engine.env": Turned(
        {"cpu": {"A": "b"}}, lambda found: json.loads(variables(found)["VLLM_OPERATOR_ENGINE_ENV"]), {"cpu": {"A": "b"}}
    ),
    "guard.image": Turned("a:v1.40.0", setting("VLLM_OPERATOR_GUARD_IMAGE"), "a:v1.40.0"),
    "guard.resources.cpu": Turned("1", setting("VLLM_OPERATOR_GUARD_CPU"), "1"),
    "guard.resources.memory": Turned("1Gi", setting("VLLM_OPERATOR_GUARD_MEMORY"), "1Gi"),
    "guard.resources.memoryLimit": Turned("2Gi", setting("VLLM_OPERATOR_GUARD_MEMORY_LIMIT"), "2Gi"),
    "pods.runAsUser": Turned(None, setting("VLLM_OPERATOR_RUN_AS_USER"), "null"),
    "pods.fsGroup": Turned(7, setting("VLLM_OPERATOR_FS_GROUP"), "7"),
    "pods.supplementalGroups": Turned([7, 8], setting("VLLM_OPERATOR_SUPPLEMENTAL_GROUPS"), "[7,8]"),
    "pods.scratch.size": Turned("8Gi", setting("VLLM_OPERATOR_SCRATCH_SIZE"), "8Gi"),
    "pods.scratch.weights": Turned("4Ti", setting("VLLM_OPERATOR_SCRATCH_WEIGHTS"), "4Ti"),
    "pods.scratch.reserved": Turned("2Gi", setting("VLLM_OPERATOR_SCRATCH_RESERVED"), "2Gi"),
    "pods.imagePullSecrets": Turned([{"name": "a"}], setting("VLLM_OPERATOR_IMAGE_PULL_SECRETS"), '[{"name":"a"}]'),
    "allow.images": allowed("images", ["a.example"]),
    "allow.domains": allowed("domains", {"models": ["x.example"]}),
    "allow.remoteCode": allowed("remoteCode", {"models": ["hf://org"]}),
    "allow.engineArgs": allowed("engineArgs", ["--kv-transfer-config", "--otel-*"]),
    "allow.engineEnv": allowed("engineEnv", ["LMCACHE_*"]),
    "allow.serviceAccounts": allowed("serviceAccounts", ["a"]),
    "allow.podLabels": allowed("podLabels", ["a"]),
    "allow.podAnnotations": allowed("podAnnotations", ["a/*"]),
    "allow.ingressAnnotations": allowed("ingressAnnotations", ["a"]),
    "allow.ingressClasses": allowed("ingressClasses", ["inner"]),
    "allow.serviceAnnotations": allowed("serviceAnnotations", ["a"]),
    "allow.gateways": allowed("gateways", ["infra/edge"]),
    "allow.clusterIssuers": allowed("clusterIssuers", ["a"]),
    "admission.enabled": Turned(
        False, there("ValidatingAdmissionPolicy", "vllm-operator.ops.writes"), expected=False
    ),
    "egress.enabled": Turned(False, setting("VLLM_OPERATOR_EGRESS"), "false"),
    "egress.to": Turned(
        [{"cidr": "10.1.0.0/16", "ports": [443]}, {"namespace": "minio"}], setting("VLLM_OPERATOR_EGRESS_TO"),
        '[{"cidr":"10.1.0.0/16","ports":[443]},{"namespace":"minio"}]',
    ),
    "egress.dns": Turned([{"namespace": "kube-system"}], setting("VLLM_OPERATOR_EGRESS_DNS"), '[{"namespace":"kube-system"}]'),
    "egress.except": Turned(["10.0.0.0/8"], setting("VLLM_OPERATOR_EGRESS_EXCEPT"), '["10.0.0.0/8"]'),
    "expose.domain": Turned("x.example", setting("VLLM_OPERATOR_DOMAIN"), "x.example"),
    "expose.ingressClass": Turned("contour", setting("VLLM_OPERATOR_INGRESS_CLASS"), "contour"),
    "expose.tlsSecret": Turned("tls", setting("VLLM_OPERATOR_TLS_SECRET"), "tls"),
    "expose.namespaces": Turned(["edge"], setting("VLLM_OPERATOR_CLIENT_NAMESPACES"), '["edge"]'),
    "expose.ingressAnnotations": Turned({"a": "b"}, setting("VLLM_OPERATOR_INGRESS_ANNOTATIONS"), '{"a":"b"}'),
    "expose.gateway.name": Turned("edge", gateway("name"), "edge"),
    "expose.gateway.namespace": Turned("infra", gateway("namespace"), "infra", {"expose": {"gateway": {"name": "edge"}}}),
    "expose.gateway.sectionName": Turned("https", gateway("sectionName"), "https", {"expose": {"gateway": {"name": "edge"}}}),
    "expose.issuerRef.name": Turned("acme", issuer("name"), "acme"),
    "expose.issuerRef.kind": Turned("Issuer", issuer("kind"), "Issuer", {"expose": {"issuerRef": {"name": "acme"}}}),
    "expose.scheme": Turned("https", setting("VLLM_OPERATOR_SCHEME"), "https"),
    "expose.guide": Turned(False, setting("VLLM_OPERATOR_GUIDE"), "false"),
    "proxy.http": Turned(PROXY, setting("HTTP_PROXY"), PROXY),
    "proxy.https": Turned(PROXY, setting("https_proxy"), PROXY),
    "proxy.noProxy": Turned(".x", setting("VLLM_OPERATOR_NO_PROXY"), f"{INSIDE},.x", {"proxy": {"http": PROXY}}),
    "caBundle.configMap": Turned("ca", setting("SSL_CERT_FILE"), "/etc/ca-bundle/ca.crt"),
    "caBundle.key": Turned(
        "all.pem", template("spec", "volumes", 0, "configMap", "items", 0, "key"), "all.pem", {"caBundle": {"configMap": "ca"}}
    ),
    "monitoring.namespaces": Turned(["m"], setting("VLLM_OPERATOR_MONITORING_NAMESPACES"), '["m"]'),
    "monitoring.serviceMonitor.enabled": Turned(True, there("ServiceMonitor", "vllm-operator"), expected=True),
    "monitoring.serviceMonitor.interval": Turned(
        "5s", monitor("ServiceMonitor", "spec", "endpoints", 0, "interval"), "5s", WATCHED
    ),
    "monitoring.serviceMonitor.scrapeTimeout": Turned("4s", scraped("ServiceMonitor", "scrapeTimeout"), "4s", WATCHED),
    "monitoring.serviceMonitor.relabelings": Turned([DROP], scraped("ServiceMonitor", "relabelings"), [DROP], WATCHED),
    "monitoring.serviceMonitor.metricRelabelings": Turned(
        [DROP], scraped("ServiceMonitor", "metricRelabelings"), [DROP], WATCHED
    ),
    "monitoring.serviceMonitor.labels": Turned({"a": "b"}, monitor("ServiceMonitor", *LABEL), "b", WATCHED),
    "monitoring.podMonitor.enabled": Turned(True, there("PodMonitor", "vllm-operator-models"), expected=True),
    "monitoring.podMonitor.interval": Turned(
        "5s", monitor("PodMonitor", "spec", "podMetricsEndpoints", 1, "interval"), "5s", WATCHED
    ),
    "monitoring.podMonitor.scrapeTimeout": Turned("4s", scraped("PodMonitor", "scrapeTimeout"), "4s", WATCHED),
    "monitoring.podMonitor.relabelings": Turned([DROP], scraped("PodMonitor", "relabelings"), [DROP], WATCHED),
    "monitoring.podMonitor.metricRelabelings": Turned([DROP], scraped("PodMonitor", "metricRelabelings"), [DROP], WATCHED),
    "monitoring.podMonitor.labels": Turned({"a": "b"}, monitor("PodMonitor", *LABEL), "b", WATCHED),
    "monitoring.prometheusRule.enabled": Turned(True, there("PrometheusRule", "vllm-operator"), expected=True),
    "monitoring.prometheusRule.labels": Turned({"a": "b"}, monitor("PrometheusRule", *LABEL), "b", WATCHED),
    "monitoring.prometheusRule.disabled": Turned(
        ["VllmOperatorAway"], alert("alert"), "VllmOperatorBlind", WATCHED
    ),
    "monitoring.prometheusRule.runbookUrl": Turned(
        "https://x/o", alert("annotations", "runbook_url"), "https://x/o#vllmoperatoraway", WATCHED
    ),
    "monitoring.dashboards.enabled": Turned(True, there(*DASHBOARD), expected=True),
    "monitoring.dashboards.labels": Turned({"a": "b"}, at(*DASHBOARD, *LABEL), "b", WATCHED),
    "monitoring.dashboards.annotations": Turned({"a": "b"}, at(*DASHBOARD, "metadata", "annotations"), {"a": "b"}, WATCHED),
    "replicas": Turned(2, at("Deployment", "vllm-operator", "spec", "replicas"), 2),
    "upgrade.policy": Turned("Rolling", setting("VLLM_OPERATOR_UPGRADE_POLICY"), "Rolling"),
    "upgrade.atOnce": Turned(3, setting("VLLM_OPERATOR_UPGRADE_AT_ONCE"), "3"),
    "logLevel": Turned("DEBUG", setting("VLLM_OPERATOR_LOG_LEVEL"), "DEBUG"),
    "resources.requests": Turned({"cpu": 1}, container("resources", "requests", "cpu"), 1),
    "resources.limits": Turned({"memory": "1Gi"}, container("resources", "limits", "memory"), "1Gi"),
    "networkPolicy.enabled": Turned(True, there(*POLICY), expected=True),
    "networkPolicy.apiServer.ports": Turned([7443], policy("egress", 1, "ports"), [{"port": 7443, "protocol": "TCP"}], BOUND),
    "networkPolicy.apiServer.cidrs": Turned(
        ["10.0.0.1/32"], policy("egress", 1, "to"), [{"ipBlock": {"cidr": "10.0.0.1/32"}}], BOUND
    ),
    "networkPolicy.extraIngress": Turned([{"ports": [{"port": 1}]}], policy("ingress", -1), {"ports": [{"port": 1}]}, BOUND),
    "networkPolicy.extraEgress": Turned([{"ports": [{"port": 1}]}], policy("egress", -1), {"ports": [{"port": 1}]}, BOUND),
    "strategy": Turned({"type": "Recreate"}, at(*DEPLOYMENT, "spec", "strategy"), {"type": "Recreate"}),
    "revisionHistoryLimit": Turned(3, at(*DEPLOYMENT, "spec", "revisionHistoryLimit"), 3),
    "podSecurityContext": Turned({"runAsUser": 7}, template("spec", "securityContext", "runAsUser"), 7),
    "securityContext": Turned({"runAsGroup": 7}, container("securityContext", "runAsGroup"), 7),
    "deploymentAnnotations": Turned({"a": "b"}, at(*DEPLOYMENT, "metadata", "annotations"), {"a": "b"}),
    "service.annotations": Turned({"a": "b"}, at("Service", "vllm-operator", "metadata", "annotations"), {"a": "b"}),
    "extraContainers": Turned([{"name": "a", "image": "b"}], template("spec", "containers", -1), {"name": "a", "image": "b"}),
    "extraEnv": Turned([{"name": "A", "value": "b"}], setting("A"), "b"),
    "extraVolumes": Turned([{"name": "a", "emptyDir": {}}], template("spec", "volumes"), [{"name": "a", "emptyDir": {}}]),
    "extraVolumeMounts": Turned(
        [{"name": "a", "mountPath": "/a"}], container("volumeMounts"), [{"name": "a", "mountPath": "/a"}]
    ),
    "extraObjects": Turned(
        [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "{{ .Release.Name }}-a"}}],
        there("Secret", "vllm-operator-a"),
        expected=True,
    ),
    "podDisruptionBudget.enabled": Turned(False, there(*BUDGET), expected=False, given={"replicas": 2}),
    "podDisruptionBudget.maxUnavailable": Turned(2, at(*BUDGET, "spec", "maxUnavailable"), 2, {"replicas": 3}),
    "topologySpreadConstraints": Turned([], template("spec", "topologySpreadConstraints"), None),
    "priorityClassName": Turned("high", template("spec", "priorityClassName"), "high"),
    "nodeSelector": Turned({"a": "b"}, template("spec", "nodeSelector"), {"a": "b"}),
    "tolerations": Turned([{"key": "a"}], template("spec", "tolerations"), [{"key": "a"}]),
    "affinity": Turned({"nodeAffinity": {"x": 1}}, template("spec", "affinity"), {"nodeAffinity": {"x": 1}}),
    "podAnnotations": Turned({"a": "b"}, template("metadata", "annotations", "a"), "b"),
    "podLabels": Turned({"a": "b"}, template(*LABEL), "b"),
}  # fmt: skip
