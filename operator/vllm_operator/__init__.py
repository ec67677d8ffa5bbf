"""vllm-operator: one ModelDeployment becomes a served vLLM model with its own URL, key, limits and truthful status.

The path of one apply: kube.informer -> kube.cache -> kube.workqueue -> controller.reconcile: children.plan() -> kube.apply -> API
server -> kube.informer -> kube.cache -> status.summary -> status. A restart, a lost event, drift and an upgrade take the same.

controller    the shell: kopf, the manager, the Lease, one run of one model, events, metrics
render        what the operator would write, for review: a command that asks nobody
probes        what guards and models answer when they are asked
status        observed state -> conditions, by ordered rules
children      spec -> objects, one pure function per kind, and the plan of one run
keys          which keys each client has, how they are stored, issued and revoked
policy        what the admin's allow-lists refuse
engine, guard, guide    all that knows vLLM; all that knows Envoy; all that knows HTML
config, api, crd        the operator's settings; the resource: fields, limits, rules, docs -> the CRD
kube          the API server: kinds, names, calls, watches, the cache, the one engine of writes
fetch         a program of its own, which fetches weights: it knows none of the others, and none of them runs it
"""
