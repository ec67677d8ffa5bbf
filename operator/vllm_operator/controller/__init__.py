"""The shell: what runs when, and in which order it starts and ends.

manager.py            puts the parts together, starts and ends them
handlers.py           kopf's wiring, and the only import of kopf
reconcile.py          one model: observe, decide, write, report; planning.py has what a plan is made of
leader_election.py    one process writes
metrics.py            /healthz, /readyz and /metrics
ready.py              asks /readyz, for `helm test`
"""
