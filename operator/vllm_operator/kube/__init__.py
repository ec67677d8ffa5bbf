"""The API server and what was seen of it: kinds, names, calls, watches, the cache, and the one engine of writes.

Knows Kubernetes' API conventions. Must not know what a ModelDeployment asks for: no other package is imported here.

kinds, naming, conditions, errors    the words: kinds of objects, names and owners, conditions, what may be answered
requests, credentials, transport, client    one call: how it looks on the wire, who sends it, the connections, the typed API
informer, cache    list and watch; what was seen, by object and by model
diff, field_ownership, apply    does a live object differ; whose is a field; create, apply, recreate, delete
workqueue    which key is worked on next
"""
