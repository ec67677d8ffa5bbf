{{- define "vllm-operator.name" -}}
{{- .Values.nameOverride | default .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "vllm-operator.fullname" -}}
{{- $chart := include "vllm-operator.name" . -}}
{{- $name := ternary .Release.Name (printf "%s-%s" .Release.Name $chart) (contains $chart .Release.Name) -}}
{{- .Values.fullnameOverride | default $name | trunc 63 | trimSuffix "-" -}}
{{- end }}

{{- define "vllm-operator.chart" -}}
{{ .Chart.Name }}-{{ .Chart.Version | replace "+" "_" }}
{{- end }}

{{- define "vllm-operator.selectorLabels" -}}
app.kubernetes.io/name: {{ include "vllm-operator.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- /* The labels of an object; a list: root context, more labels. The chart's own come first, since selectors and
`kubectl vllm doctor` go by them, and commonLabels last. */}}
{{- define "vllm-operator.labels" -}}
{{- $root := index . 0 -}}
{{- if or (kindIs "invalid" $root.Values.enabled) (kindIs "invalid" $root.Values.rbac.create) -}}
{{- fail "these are the values of an older chart: use --reset-then-reuse-values in place of --reuse-values" -}}
{{- end -}}
{{- $own := include "vllm-operator.selectorLabels" $root | fromYaml -}}
{{- $_ := set $own "app.kubernetes.io/version" $root.Chart.AppVersion -}}
{{- $_ := set $own "app.kubernetes.io/managed-by" $root.Release.Service -}}
{{- $_ := set $own "app.kubernetes.io/part-of" "vllm-operator" -}}
{{- $_ := set $own "helm.sh/chart" (include "vllm-operator.chart" $root) -}}
{{- merge $own (index . 1 | default dict) ($root.Values.commonLabels | default dict) | toYaml -}}
{{- end }}

{{- /* The entries `labels` and `annotations` of an object's metadata; a list: root context, more labels, more annotations. */}}
{{- define "vllm-operator.metadata" -}}
{{- $root := index . 0 -}}
labels: {{- include "vllm-operator.labels" (list $root (index . 1)) | nindent 2 }}
{{- with merge (dict) (index . 2 | default dict) ($root.Values.commonAnnotations | default dict) }}
annotations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "vllm-operator.serviceAccountName" -}}
{{- if .Values.serviceAccount.create -}}
{{- .Values.serviceAccount.name | default (include "vllm-operator.fullname" .) -}}
{{- else -}}
{{- required "serviceAccount.name is not set: name the one that exists, or set serviceAccount.create" .Values.serviceAccount.name -}}
{{- end -}}
{{- end }}

{{- /* An image of the list (root context, image), from the registry of one's own where it names none itself: as container
engines do, a first part with a dot or a colon, or localhost, is a registry. */}}
{{- define "vllm-operator.from" -}}
{{- $registry := (index . 0).Values.global.imageRegistry | trimSuffix "/" -}}
{{- $image := index . 1 -}}
{{- $first := splitList "/" $image | first -}}
{{- $named := and (contains "/" $image) (or (contains "." $first) (contains ":" $first) (eq "localhost" $first)) -}}
{{- if and $registry $image (not $named) -}}{{ $registry }}/{{ end }}{{ $image }}
{{- end }}

{{- define "vllm-operator.image" -}}
{{- $own := ternary "vllm-operator" "" (not (empty .Values.global.imageRegistry)) -}}
{{- $repository := .Values.image.repository | default $own | required "image.repository is not set: push the image of images/operator to a registry of yours and name it" -}}
{{- include "vllm-operator.from" (list . $repository) }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}

{{- /* A map as JSON, without its empty texts. */}}
{{- define "vllm-operator.given" -}}
{{- $given := dict -}}
{{- range $name, $value := . }}
{{- if $value }}{{ $_ := set $given $name $value }}{{ end -}}
{{- end -}}
{{- $given | toJson -}}
{{- end }}

{{- define "vllm-operator.engineImages" -}}
{{- $images := dict -}}
{{- range $accelerator, $image := .Values.engine.images }}
{{- $_ := set $images $accelerator (include "vllm-operator.from" (list $ $image)) -}}
{{- end -}}
{{- $images | toJson -}}
{{- end }}

{{- /* What no proxy is asked for, inside the cluster and beyond; empty where there is no proxy. */}}
{{- define "vllm-operator.noProxy" -}}
{{- if or .Values.proxy.http .Values.proxy.https -}}
{{- list "localhost" "127.0.0.1" "::1" ".svc" ".cluster.local" .Values.proxy.noProxy | compact | join "," -}}
{{- end -}}
{{- end }}

{{- /* Where the operator's pods may run: what its Deployment and its test share. */}}
{{- define "vllm-operator.scheduling" -}}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- define "vllm-operator.spread" -}}
{{- $ours := dict "labelSelector" (dict "matchLabels" (include "vllm-operator.selectorLabels" . | fromYaml)) -}}
{{- $constraints := list -}}
{{- range .Values.topologySpreadConstraints }}
{{- $constraints = append $constraints (ternary . (merge (deepCopy $ours) .) (hasKey . "labelSelector")) -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end }}

{{- /* Where the bundle of certificate authorities lies, as lists that are empty where there is none. */}}
{{- define "vllm-operator.caVolumes" -}}
{{- with .Values.caBundle -}}
{{- if .configMap -}}
- {name: ca-bundle, configMap: {name: {{ .configMap }}, items: [{key: {{ .key }}, path: ca.crt}]}}
{{- end }}
{{- end }}
{{- end }}

{{- define "vllm-operator.caMounts" -}}
{{- if .Values.caBundle.configMap -}}
- {name: ca-bundle, mountPath: /etc/ca-bundle, readOnly: true}
{{- end }}
{{- end }}

{{- /* Whether an object of the Prometheus operator is rendered, as text that is empty where it is not; a list: root context, the
value (true, false or auto: where the cluster knows the kind), the kind. */}}
{{- define "vllm-operator.wanted" -}}
{{- $known := (index . 0).Capabilities.APIVersions.Has (printf "monitoring.coreos.com/v1/%s" (index . 2)) -}}
{{- $value := index . 1 | toString -}}
{{- ternary $known (eq $value "true") (eq $value "auto") | ternary "yes" "" -}}
{{- end }}

{{- /* Whether the operator's own NetworkPolicy lets a Prometheus in, as text that is empty where it does not. */}}
{{- define "vllm-operator.readable" -}}
{{- with .Values.networkPolicy -}}
{{- or (not .enabled) .extraIngress $.Values.monitoring.namespaces | empty | ternary "" "yes" -}}
{{- end -}}
{{- end }}

{{- /* Whether the operator's ServiceMonitor is rendered, as text that is empty where it is not. */}}
{{- define "vllm-operator.scraped" -}}
{{- $value := .Values.monitoring.serviceMonitor.enabled -}}
{{- if or (ne (toString $value) "auto") (include "vllm-operator.readable" .) -}}
{{- include "vllm-operator.wanted" (list . $value "ServiceMonitor") -}}
{{- end -}}
{{- end }}

{{- define "vllm-operator.rules" -}}
- apiGroups: [serving.byteshop.in]
  resources: [modeldeployments]
  verbs: [get, list, watch] # get: whether a model is still there whose objects have vanished
- apiGroups: [serving.byteshop.in]
  resources: [modeldeployments/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [policy]
  resources: [poddisruptionbudgets]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [httproutes]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [gateway.networking.k8s.io]
  resources: [gateways]
  verbs: [get] # the listeners of the one that a model names
- apiGroups: [cert-manager.io]
  resources: [issuers]
  verbs: [get] # as metadata alone: whether the one that a model names is there
- apiGroups: [resource.k8s.io]
  resources: [resourceclaims, resourceclaimtemplates]
  verbs: [get] # the same
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch] # patch: one annotation, so that the kubelet looks at the guard's Secret at once
- apiGroups: [""]
  resources: [pods/log]
  verbs: [get] # the end of an ended engine's log, once, where the kubelet's part of it does not name the cause
- apiGroups: [batch]
  resources: [jobs]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [serviceaccounts, configmaps]
  verbs: [get] # as metadata alone: whether what a model names is there
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create, list] # list: why a Job's pod cannot be made, or a pod that has a node does not begin to run
{{- end }}

{{- /* How a monitor reads: its values. */}}
{{- define "vllm-operator.scrape" -}}
interval: {{ .interval }}
{{- with .scrapeTimeout }}
scrapeTimeout: {{ . }}
{{- end }}
{{- with .relabelings }}
relabelings: {{- toYaml . | nindent 0 }}
{{- end }}
{{- with .metricRelabelings }}
metricRelabelings: {{- toYaml . | nindent 0 }}
{{- end }}
{{- end }}
