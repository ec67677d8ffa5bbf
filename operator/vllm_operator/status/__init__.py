"""Observed state and plan -> status: for each condition an ordered list of rules, of which the first that applies decides.

observed.py            one model as observed: objects, pods, failed writes, probes' answers
dependencies.py        the objects that a spec or a setting names and nobody here makes
context.py             what the rules ask of all that
rule.py                one row: reason, when it applies, message, remedy
edge.py                what the rules ask of Ingress and HTTPRoute
conditions.py          the rows of all conditions, in order
pod_view.py            one pod as kubelet and scheduler report it, with what was read of it beside
pod_end.py             how a container ended
restarts.py            how often containers of the present servers ended, and whether they do again and again
outage.py              the last time in which no server answered
held_pods.py           the rows on one pod whose containers do not run yet
pod_diagnosis.py       the rows on one pod that does not answer
kubelet_words.py       what kubelet and scheduler say -> reason and remedy
starts.py              how long the last start took, and what the KV cache has room for
evictions.py           why pods that ended for good did
accelerators.py        how many accelerators there are, and which models hold them
engine_version.py      EngineCurrent, from the tag of the image that serves
guard_conditions.py    GuardConfigured and Verified, from what the probes heard
summary.py             the status as a whole

Pure: no client, no clock; `now` is an argument. Must not write anything.
"""
