"""The API server and what was seen of it: kinds, names, calls, watches, the cache, and the one engine of writes.

Knows Kubernetes' API conventions. Must not know what a ModelDeployment asks for: no other package is imported here.

kinds, naming, conditions, errors             the words: kinds of objects, names and owners, conditions, what may be answered
requests, credentials, transport, client      one call: how it looks on the wire, who sends it, the connections, the typed API
informer, cache, projection                   list and watch; what was seen, by object and by model; what is kept of an object
apply, sent, failures                         create, patch, recreate, delete; one object as sent; what became of several writes
repairs                                       what somebody else keeps changing
diff, removal, list_keys, pointers            by which patch a live object becomes what is wanted
field_ownership                               which fields of an object are ours
workqueue, backoff, seats                     which key is worked on next, when again, and each namespace's share
"""
