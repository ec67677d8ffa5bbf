{{- define "vllm-operator.labels" -}}
app.kubernetes.io/name: vllm-operator
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{- end }}

{{- define "vllm-operator.selector" -}}
app.kubernetes.io/name: vllm-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "vllm-operator.name" -}}
{{- if contains "vllm-operator" .Release.Name -}}{{ .Release.Name }}{{- else -}}{{ .Release.Name }}-vllm-operator{{- end -}}
{{- end }}

{{- define "vllm-operator.rules" -}}
- apiGroups: [serving.byteshop.in]
  resources: [modeldeployments]
  verbs: [list, watch]
- apiGroups: [serving.byteshop.in]
  resources: [modeldeployments/status]
  verbs: [patch]
- apiGroups: [""]
  resources: [secrets, services]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments, controllerrevisions]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [apps]
  resources: [deployments/scale]
  verbs: [patch]
- apiGroups: [networking.k8s.io]
  resources: [ingresses, networkpolicies]
  verbs: [get, list, watch, create, patch, delete]
- apiGroups: [""]
  resources: [pods]
  verbs: [list, watch, patch] # patch: one annotation, so that the kubelet looks at the guard's Secret at once
- apiGroups: [""]
  resources: [persistentvolumeclaims]
  verbs: [get]
- apiGroups: [events.k8s.io]
  resources: [events]
  verbs: [create]
{{- end }}
