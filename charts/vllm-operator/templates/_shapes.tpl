{{- /* What the policy `…writes` holds the operator's objects to: what the package `children` renders, and no more. What somebody
else put into an object, and the operator leaves as it was, is not the operator's doing and passes.
Tried case by case on a real API server: tests/integration/shape_cases.py. */}}

{{- /* CEL: whether the name, given as CEL in `.name`, is on the chart's list `.list`, where * at an end means any. */}}
{{- define "vllm-operator.onList" -}}
{{ .list | default list | toJson }}.exists(allowed, {{ .name }} == allowed
|| (allowed.endsWith('*') && {{ .name }}.startsWith(allowed.substring(0, size(allowed) - 1))))
{{- end }}

{{- define "vllm-operator.shapeVariables" -}}
- name: spec
  expression: "object == null ? {} : object.?spec.orValue({})"
- name: oldSpec
  expression: "oldObject == null ? {} : oldObject.?spec.orValue({})"
- name: template
  expression: "variables.resource in ['apps/deployments', 'batch/jobs'] ? variables.spec.?template.metadata.orValue({}) : {}"
- name: oldTemplate
  expression: "variables.resource in ['apps/deployments', 'batch/jobs'] ? variables.oldSpec.?template.metadata.orValue({}) : {}"
- name: labels
  expression: "object == null ? {} : object.metadata.?labels.orValue({})"
- name: oldLabels
  expression: "oldObject == null ? {} : oldObject.metadata.?labels.orValue({})"
- name: oldFinalizers
  expression: "oldObject == null ? [] : oldObject.metadata.?finalizers.orValue([])"
- name: context # the security context of the pods
  expression: "variables.pod.?securityContext.orValue({})"
- name: oldContext
  expression: "variables.oldPod.?securityContext.orValue({})"
- name: selected # the labels of the pods that an object speaks for
  expression: >-
    variables.resource == '/services' ? variables.spec.?selector.orValue({})
    : variables.resource == 'networking.k8s.io/networkpolicies' ? variables.spec.?podSelector.matchLabels.orValue({})
    : variables.spec.?selector.matchLabels.orValue({})
{{- end }}

{{- define "vllm-operator.podShapes" -}}
- expression: >-
    ['nodeName', 'shareProcessNamespace'].all(field,
    !(field in variables.pod) || variables.pod[?field] == variables.oldPod[?field])
    && !variables.pod.?priorityClassName.orValue('').startsWith('system-')
    && variables.newContainers.all(container, container.?ports.orValue([]).all(port, port.?hostPort.orValue(0) == 0))
  message: >-
    the operator's pods go where the scheduler puts them, in no priority of the system, share no processes and open no port of their node
- expression: >-
    size(variables.pod) == 0
    || (variables.context.?runAsNonRoot.orValue(false) && variables.context.?runAsUser.orValue(1) != 0
    && variables.context.?runAsGroup.orValue(1) != 0 && variables.context.?fsGroup.orValue(1) != 0
    && !(0 in variables.context.?supplementalGroups.orValue([]))
    && variables.context.?seccompProfile.type.orValue('') == 'RuntimeDefault'
    && variables.context.all(key, variables.context[?key] == variables.oldContext[?key] || key in ['runAsNonRoot', 'runAsUser',
    'runAsGroup', 'fsGroup', 'fsGroupChangePolicy', 'supplementalGroups', 'seccompProfile']))
    || (size(variables.oldPod) > 0 && variables.context == variables.oldContext)
  message: >-
    the operator's pods run as a user and groups other than root, with the runtime's own seccomp profile, and choose no other profile, label or kernel setting
- expression: >-
    variables.newContainers.all(container, container.?securityContext.capabilities.drop.orValue([]).exists(name, name == 'ALL')
    && size(container.?securityContext.capabilities.add.orValue([])) == 0
    && container.?securityContext.readOnlyRootFilesystem.orValue(false)
    && container.?securityContext.runAsNonRoot.orValue(true) && container.?securityContext.runAsUser.orValue(1) != 0
    && container.?securityContext.runAsGroup.orValue(1) != 0
    && container.?securityContext.procMount.orValue('Default') == 'Default'
    && container.?securityContext.seccompProfile.type.orValue('RuntimeDefault') == 'RuntimeDefault'
    && container.?securityContext.appArmorProfile.type.orValue('RuntimeDefault') == 'RuntimeDefault'
    && container.?securityContext.orValue({}).all(key, key in ['allowPrivilegeEscalation', 'capabilities', 'privileged',
    'readOnlyRootFilesystem', 'runAsNonRoot', 'runAsUser', 'runAsGroup', 'procMount', 'seccompProfile', 'appArmorProfile']))
  message: >-
    the operator's containers drop all capabilities, cannot write to their image, run as a user other than root and choose no profile of their own
- expression: >-
    variables.newVolumes.all(volume, volume.all(key, key in ['name', 'secret', 'emptyDir', 'configMap', 'persistentVolumeClaim',
    'image', 'projected']) && volume.?projected.sources.orValue([]).all(source, source.all(key, key == 'configMap')))
  message: the operator's pods have volumes of Secrets, ConfigMaps, claims, images and scratch space alone
- expression: >-
    variables.newContainers.all(container, ['startupProbe', 'readinessProbe', 'livenessProbe'].all(probe,
    container[?probe].httpGet.host.orValue('') == '' && container[?probe].tcpSocket.host.orValue('') == '')
    && ['postStart', 'preStop'].all(moment, container.?lifecycle[?moment].httpGet.host.orValue('') == ''
    && container.?lifecycle[?moment].tcpSocket.host.orValue('') == ''))
  message: the operator's probes and hooks ask their own pod alone, since the node asks for them
- expression: >-
    variables.template.?labels.orValue({}).all(key, key.startsWith('serving.byteshop.in/')
    || (key == 'app.kubernetes.io/name' && variables.template.labels[key] == 'vllm')
    || key in ['app.kubernetes.io/component', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', 'controller-uid', 'job-name']
    || key.startsWith('batch.kubernetes.io/') || variables.template.labels[?key] == variables.oldTemplate.?labels[?key]
    || {{ include "vllm-operator.onList" (dict "list" .Values.allow.podLabels "name" "key") | indent 4 | trim }})
  message: the operator's pods have no labels but its own and those of the value allow.podLabels of the chart
- expression: >-
    variables.template.?annotations.orValue({}).all(key, key.startsWith('serving.byteshop.in/')
    || key == 'kubectl.kubernetes.io/default-container'
    || variables.template.annotations[?key] == variables.oldTemplate.?annotations[?key]
    || {{ include "vllm-operator.onList" (dict "list" .Values.allow.podAnnotations "name" "key") | indent 4 | trim }})
  message: the operator's pods have no annotations but its own and those of the value allow.podAnnotations of the chart
- expression: variables.resource != 'batch/jobs' || !variables.spec.?manualSelector.orValue(false)
  message: the operator's Jobs choose no pods but their own
{{- end }}

{{- define "vllm-operator.networkShapes" -}}
- expression: >-
    object == null || !(variables.resource in ['/services', 'apps/deployments', 'networking.k8s.io/networkpolicies',
    'policy/poddisruptionbudgets']) || ['serving.byteshop.in/model', 'serving.byteshop.in/fetch'].exists(label, label in variables.selected)
  message: the operator's Services, Deployments, NetworkPolicies and PodDisruptionBudgets select the pods of a model alone
- expression: >-
    object == null || variables.resource != '/services'
    || ((variables.spec.?type.orValue('ClusterIP') == 'ClusterIP' || variables.spec.?type == variables.oldSpec.?type)
    && ['externalIPs', 'externalName', 'loadBalancerIP', 'loadBalancerClass'].all(field,
    !(field in variables.spec) || variables.spec[?field] == variables.oldSpec[?field]))
  message: the operator's Services are of type ClusterIP, without addresses or names of outside the cluster
- expression: >-
    object == null || variables.resource != 'networking.k8s.io/ingresses'
    || ((!has(variables.spec.defaultBackend) || variables.spec.?defaultBackend == variables.oldSpec.?defaultBackend)
    && variables.spec.?rules.orValue([]).all(rule, rule in variables.oldSpec.?rules.orValue([])
    || (rule.?host.orValue('') != '' && !rule.host.contains('*') && rule.?http.paths.orValue([]).all(path,
    path.backend.?service.name.orValue('') == object.metadata.name && path.backend.service.?port.number.orValue(0) == 80))))
  message: the operator's Ingresses carry a whole host to port 80 of the Service of their own name
- expression: >-
    object == null || variables.resource != 'gateway.networking.k8s.io/httproutes'
    || (size(variables.spec.?hostnames.orValue([])) > 0
    && variables.spec.hostnames.all(host, !host.contains('*') || host in variables.oldSpec.?hostnames.orValue([]))
    && variables.spec.?rules.orValue([]).all(rule, rule in variables.oldSpec.?rules.orValue([])
    || (size(rule.?filters.orValue([])) == 0 && rule.?backendRefs.orValue([]).all(backend,
    backend.?kind.orValue('Service') == 'Service' && backend.?group.orValue('') == '' && backend.name == object.metadata.name
    && backend.?port.orValue(0) == 80
    && backend.?namespace.orValue(request.namespace) == request.namespace && size(backend.?filters.orValue([])) == 0))))
  message: the operator's HTTPRoutes carry a whole host to port 80 of the Service of their own name, and change no request
- expression: >-
    object == null || !(variables.resource in ['/services', 'networking.k8s.io/ingresses', 'gateway.networking.k8s.io/httproutes'])
    || variables.notes.all(key, key.startsWith('serving.byteshop.in/') || variables.notes[?key] == variables.oldNotes[?key]
    || (variables.resource == 'networking.k8s.io/ingresses' && (key in ['projectcontour.io/response-timeout',
    'nginx.ingress.kubernetes.io/proxy-body-size', 'nginx.ingress.kubernetes.io/proxy-buffering',
    'nginx.ingress.kubernetes.io/proxy-read-timeout', 'nginx.ingress.kubernetes.io/force-ssl-redirect',
    'kubernetes.io/ingress.allow-http', 'cert-manager.io/issuer', 'cert-manager.io/cluster-issuer']
    || {{ include "vllm-operator.onList" (dict "list" (concat (keys .Values.expose.ingressAnnotations | sortAlpha) .Values.allow.ingressAnnotations) "name" "key") | indent 4 | trim }}))
    || (variables.resource == '/services' && key == 'cloud.google.com/neg')
    || (variables.resource == '/services'
    && {{ include "vllm-operator.onList" (dict "list" .Values.allow.serviceAnnotations "name" "key") | indent 4 | trim }}))
  message: >-
    the operator's Services, Ingresses and HTTPRoutes have no annotations but its own and those of the values
    allow.serviceAnnotations, allow.ingressAnnotations and expose.ingressAnnotations of the chart
- expression: >-
    object == null || variables.resource != '/persistentvolumeclaims' || variables.spec.all(key,
    key in ['accessModes', 'resources', 'storageClassName'] || variables.spec[?key] == variables.oldSpec[?key]
    || (key == 'volumeMode' && variables.spec.volumeMode == 'Filesystem'))
  message: the operator's claims are for new volumes with a file system, and of nobody's data
- expression: >-
    object == null || !variables.isChild || object.metadata.?finalizers.orValue([]).all(one,
    one in variables.oldFinalizers || one == 'kubernetes.io/pvc-protection')
  message: the operator's objects have no finalizers, which would hold up the end of their namespace
- expression: >-
    object == null || variables.resource != '/secrets'
    || (variables.labels.all(key, key.startsWith('serving.byteshop.in/')
    || key in ['app.kubernetes.io/component', 'app.kubernetes.io/instance', 'app.kubernetes.io/managed-by', 'app.kubernetes.io/name']
    || variables.labels[?key] == variables.oldLabels[?key]
    || {{ include "vllm-operator.onList" (dict "list" .Values.allow.podLabels "name" "key") | indent 4 | trim }})
    && variables.notes.all(key, key.startsWith('serving.byteshop.in/') || variables.notes[?key] == variables.oldNotes[?key]
    || {{ include "vllm-operator.onList" (dict "list" .Values.allow.podAnnotations "name" "key") | indent 4 | trim }}))
  message: >-
    the operator's Secrets have no labels and annotations but its own, since others act by them, and those of the values
    allow.podLabels and allow.podAnnotations of the chart
{{- end }}
