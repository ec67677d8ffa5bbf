{{- /* The variables of the operator's container, as a list: the values as the settings of operator/vllm_operator/config.py. */}}
{{- define "vllm-operator.env" -}}
- name: VLLM_OPERATOR_NAMESPACE
  valueFrom: {fieldRef: {fieldPath: metadata.namespace}}
- name: VLLM_OPERATOR_IDENTITY
  valueFrom: {fieldRef: {fieldPath: metadata.name}}
- {name: VLLM_OPERATOR_LEASE_NAME, value: {{ include "vllm-operator.fullname" . }}}
- {name: VLLM_OPERATOR_WATCH_NAMESPACES, value: {{ .Values.watchNamespaces | toJson | quote }}}
- {name: VLLM_OPERATOR_ENGINE_IMAGES, value: {{ include "vllm-operator.engineImages" . | quote }}}
- {name: VLLM_OPERATOR_ENGINE_ENV, value: {{ .Values.engine.env | toJson | quote }}}
- {name: VLLM_OPERATOR_GUARD_IMAGE, value: {{ include "vllm-operator.from" (list . .Values.guard.image) | quote }}}
- {name: VLLM_OPERATOR_FETCH_IMAGE, value: {{ include "vllm-operator.image" . | quote }}}
- {name: VLLM_OPERATOR_HUB_URL, value: {{ .Values.weights.hub | quote }}}
- {name: VLLM_OPERATOR_S3_URL, value: {{ .Values.weights.s3 | quote }}}
- {name: VLLM_OPERATOR_WEIGHTS_OFFLINE, value: {{ .Values.weights.offline | quote }}}
- {name: VLLM_OPERATOR_GUARD_CPU, value: {{ .Values.guard.resources.cpu | quote }}}
- {name: VLLM_OPERATOR_GUARD_MEMORY, value: {{ .Values.guard.resources.memory | quote }}}
- {name: VLLM_OPERATOR_GUARD_MEMORY_LIMIT, value: {{ .Values.guard.resources.memoryLimit | quote }}}
- {name: VLLM_OPERATOR_RUN_AS_USER, value: {{ if kindIs "invalid" .Values.pods.runAsUser }}"null"{{ else }}{{ .Values.pods.runAsUser | int | quote }}{{ end }}}
- {name: VLLM_OPERATOR_FS_GROUP, value: {{ if kindIs "invalid" .Values.pods.fsGroup }}"null"{{ else }}{{ .Values.pods.fsGroup | int | quote }}{{ end }}}
- {name: VLLM_OPERATOR_SUPPLEMENTAL_GROUPS, value: {{ .Values.pods.supplementalGroups | toJson | quote }}}
- {name: VLLM_OPERATOR_IMAGE_PULL_SECRETS, value: {{ .Values.pods.imagePullSecrets | toJson | quote }}}
- {name: VLLM_OPERATOR_SCRATCH_SIZE, value: {{ .Values.pods.scratch.size | quote }}}
- {name: VLLM_OPERATOR_SCRATCH_WEIGHTS, value: {{ .Values.pods.scratch.weights | quote }}}
- {name: VLLM_OPERATOR_SCRATCH_RESERVED, value: {{ .Values.pods.scratch.reserved | quote }}}
- {name: VLLM_OPERATOR_ALLOW, value: {{ .Values.allow | toJson | quote }}}
- {name: VLLM_OPERATOR_DOMAIN, value: {{ .Values.expose.domain | quote }}}
- {name: VLLM_OPERATOR_INGRESS_CLASS, value: {{ .Values.expose.ingressClass | quote }}}
- {name: VLLM_OPERATOR_TLS_SECRET, value: {{ .Values.expose.tlsSecret | quote }}}
{{- with .Values.expose.ingressAnnotations }}
- {name: VLLM_OPERATOR_INGRESS_ANNOTATIONS, value: {{ toJson . | quote }}}
{{- end }}
{{- with .Values.expose.gateway }}
{{- if .name }}
- {name: VLLM_OPERATOR_GATEWAY, value: {{ include "vllm-operator.given" . | quote }}}
{{- end }}
{{- end }}
{{- if .Values.expose.issuerRef.name }}
- {name: VLLM_OPERATOR_ISSUER_REF, value: {{ toJson .Values.expose.issuerRef | quote }}}
{{- end }}
{{- with .Values.expose.scheme }}
- {name: VLLM_OPERATOR_SCHEME, value: {{ . }}}
{{- end }}
- {name: VLLM_OPERATOR_CLIENT_NAMESPACES, value: {{ .Values.expose.namespaces | toJson | quote }}}
- {name: VLLM_OPERATOR_EGRESS, value: {{ .Values.egress.enabled | quote }}}
- {name: VLLM_OPERATOR_EGRESS_TO, value: {{ .Values.egress.to | toJson | quote }}}
- {name: VLLM_OPERATOR_EGRESS_DNS, value: {{ .Values.egress.dns | toJson | quote }}}
- {name: VLLM_OPERATOR_EGRESS_EXCEPT, value: {{ .Values.egress.except | toJson | quote }}}
- {name: VLLM_OPERATOR_GUIDE, value: {{ .Values.expose.guide | quote }}}
- {name: VLLM_OPERATOR_MONITORING_NAMESPACES, value: {{ .Values.monitoring.namespaces | toJson | quote }}}
- {name: VLLM_OPERATOR_UPGRADE_POLICY, value: {{ .Values.upgrade.policy }}}
- {name: VLLM_OPERATOR_UPGRADE_AT_ONCE, value: {{ .Values.upgrade.atOnce | quote }}}
- {name: VLLM_OPERATOR_LOG_LEVEL, value: {{ .Values.logLevel | quote }}}
{{- with include "vllm-operator.noProxy" . }}
- {name: VLLM_OPERATOR_HTTP_PROXY, value: {{ $.Values.proxy.http | quote }}}
- {name: VLLM_OPERATOR_HTTPS_PROXY, value: {{ $.Values.proxy.https | quote }}}
- {name: VLLM_OPERATOR_NO_PROXY, value: {{ . | quote }}}
{{- range $name, $value := dict "http_proxy" $.Values.proxy.http "https_proxy" $.Values.proxy.https "no_proxy" (printf "$(KUBERNETES_SERVICE_HOST),%s" .) }}
{{- if $value }}
- {name: {{ $name }}, value: {{ $value | quote }}}
- {name: {{ upper $name }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.caBundle.configMap }}
- {name: VLLM_OPERATOR_CA_CONFIG_MAP, value: {{ .Values.caBundle.configMap | quote }}}
- {name: VLLM_OPERATOR_CA_KEY, value: {{ .Values.caBundle.key | quote }}}
- {name: SSL_CERT_FILE, value: /etc/ca-bundle/ca.crt}
- {name: REQUESTS_CA_BUNDLE, value: /etc/ca-bundle/ca.crt}
{{- end }}
{{- end }}

{{- /* extraEnv, without names that the chart has already: a container with the same name twice is refused, or has either. */}}
{{- define "vllm-operator.extraEnv" -}}
{{- $taken := list -}}
{{- range include "vllm-operator.env" . | fromYamlArray }}
{{- $taken = append $taken .name -}}
{{- end -}}
{{- range .Values.extraEnv }}
{{- if has .name $taken }}
{{- fail (printf "extraEnv: %s is set by the chart: set the value that it is made of, which docs/chart.md has" .name) }}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{- toYaml . }}
{{- end }}
{{- end }}
