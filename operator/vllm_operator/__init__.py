"""vllm-operator: one ModelDeployment becomes a served vLLM model with its own URL, key, limits and truthful status.

The path of one apply: handlers (kopf's watch) -> store -> workqueue -> reconcile: world -> children.desired() -> writer -> API
server -> informer -> store -> status.status() -> status. The same path after a restart, a lost event, drift and an upgrade.

api, crd                    what is wanted and observed: fields, limits, rules, docs -> the CRD
identity, kinds, config     whose an object is; the kinds of the API; the operator's settings
engine, guard               all that knows vLLM; all that knows Envoy
keys                        which keys each client has now
children                    spec -> objects, one pure function per kind
world, findings, answers, references, status    what was observed -> conditions, by ordered rules
cluster, store, informer, writer    the API server and what is seen of it (below: calls, connection, credentials, errors,
                            ownership, compare)
probe, lookout, verifier    what guards and models answer when asked
issuer                      the clients' Secrets, before what is derived from them
workqueue, leader, server, reconcile, app       the shell
"""
