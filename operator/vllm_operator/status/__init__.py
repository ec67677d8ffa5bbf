"""Observed state -> status: for each condition an ordered list of rules; the first that applies gives reason and message.

observed.py            one model as observed: objects, pods, failed writes, probes' answers
context.py             what the rules ask of the observed state again and again
blockers.py            rules on what keeps a spec from its objects
pod_diagnosis.py       why one pod does not answer
guard_conditions.py    GuardConfigured and Verified, from what the probes heard
dependencies.py        the objects that a spec names
conditions.py          all conditions, and the status as a whole

Pure: no client, no clock; `now` is an argument. Must not write anything.
"""
