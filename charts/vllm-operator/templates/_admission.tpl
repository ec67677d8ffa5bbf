{{- /* Whether the policies are installed, as text that is empty where they are not. Whoever installs the CRD, which is for the whole
cluster, may install them too. */}}
{{- define "vllm-operator.admission" -}}
{{- $wanted := .Values.admission.enabled }}
{{- ternary (or (empty .Values.watchNamespaces) .Values.crds.install) $wanted (kindIs "invalid" $wanted) | ternary "yes" "" }}
{{- end }}
{{- /* CEL: whether the object named by the argument is a ModelDeployment's; identity.is_ours says the same in Python. */}}
{{- define "vllm-operator.ours" -}}
{{ . }}.metadata.?ownerReferences.orValue([]).exists(reference, reference.?controller.orValue(false))
? {{ . }}.metadata.ownerReferences.exists(reference, reference.?controller.orValue(false)
&& reference.kind == 'ModelDeployment' && reference.apiVersion.startsWith('serving.byteshop.in/'))
: {{ . }}.metadata.?labels['serving.byteshop.in/owner'].orValue('') != ''
|| {{ . }}.metadata.?ownerReferences.orValue([]).exists(reference,
reference.kind == 'ModelDeployment' && reference.apiVersion.startsWith('serving.byteshop.in/'))
{{- end }}

{{- /* CEL: whether a reference, named by the argument, is `allowed` or below it. A prefix ends where a segment of the path, or the
tag, begins. One with a tag or a digest is that image alone, and a registry has what follows its slash, not another port. */}}
{{- define "vllm-operator.under" -}}
{{ . }} == allowed || ({{ . }}.startsWith(allowed) && (allowed.endsWith('/') || (!allowed.matches('@|/[^/]*:[^/]*$')
&& ({{ . }}.startsWith(allowed + '/')
|| (!allowed.matches('^(localhost|[^/]*[.:][^/]*)$') && {{ . }}.substring(size(allowed)).matches('^[:@][^/]*$'))))))
{{- end }}

{{- /* The spellings of a list of prefixes of images, as JSON; image_names.spelled_prefixes says the same in Python: a word is an
official image, a:5000 may be a registry or an image, and docker.io is written out. */}}
{{- define "vllm-operator.prefixes" -}}
{{- $found := list }}
{{- range . }}
{{- $name := regexReplaceAll "@.*$" . "" }}
{{- $digest := trimPrefix $name . }}
{{- $isRegistry := and (not (contains "/" .)) (eq $digest "") (regexMatch "^(localhost|.*[.:].*)$" .) }}
{{- if $isRegistry }}
{{- $found = append $found . }}
{{- end }}
{{- if contains "/" $name }}
{{- $home := regexReplaceAll "^index[.]docker[.]io/" $name "docker.io/" }}
{{- $whole := regexMatch "^(localhost|[^/]*[.:][^/]*)/" $home | ternary $home (printf "docker.io/%s" $home) }}
{{- $found = append $found (eq $digest "" | ternary $whole (printf "%s%s" (regexReplaceAll ":[^/:]*$" $whole "") $digest)) }}
{{- else if and (ne $name "") (or (ne $digest "") (contains ":" $name) (not $isRegistry)) }}
{{- $found = append $found (printf "docker.io/library/%s" .) }}
{{- end }}
{{- end }}
{{- toJson $found }}
{{- end }}

{{- /* A validation: no entry of the CEL list `.given` is outside of the chart's list allow.`.list`, where * at an end means any. */}}
{{- define "vllm-operator.listed" -}}
- expression: size(variables.{{ .list }}Refused) == 0
  messageExpression: >-
    '{{ .field }}: ' + variables.{{ .list }}Refused.join(', ') + ' is not allowed here: {{ .instead | default "leave it out" }}'
    + (size(variables.{{ .list }}) == 0 ? '' : ', choose from ' + variables.{{ .list }}.join(', '))
    + ', or have an admin add it to the value allow.{{ .list }} of the chart vllm-operator'
{{- end }}

{{- define "vllm-operator.refused" -}}
- name: {{ .list }}
  expression: {{ .allowed | toJson | quote }}
- name: {{ .list }}Refused
  expression: >-
    ({{ .given }}).filter(name, !variables.{{ .list }}.exists(allowed, name == allowed
    || (allowed.endsWith('*') && name.startsWith(allowed.substring(0, size(allowed) - 1)))))
{{- end }}
