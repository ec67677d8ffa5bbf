"""Observed state and plan -> status: for each condition an ordered list of rules, of which the first that applies decides.

observed.py            one model as observed: objects, pods, failed writes, probes' answers
dependencies.py        the objects that a spec or a setting names and nobody here makes
context.py             what the rules ask of all that
rule.py                one row: reason, when it applies, message, remedy
edge.py                what the rules ask of Ingress and HTTPRoute
conditions.py          the rows of all conditions, in order
pod_diagnosis.py       the rows on one pod that does not answer
guard_conditions.py    GuardConfigured and Verified, from what the probes heard
summary.py             the status as a whole

Pure: no client, no clock; `now` is an argument. Must not write anything.
"""
