"""What is asked over the network beside the API server: guards and models.

A guard says which configuration it has taken up, a model whether it answers.

prober.py         all of it: `enqueue(key)` after each run of a model
guard_polls.py    asks the guards, the silent ones apart
guard_poll.py     what the guards of one model said, and when they are asked again (pure)
sync_hints.py     hurries a kubelet that has not delivered a Secret
canary.py         when a model is asked for a token, and what its answer means
verdict.py        what is believed of the answers, and when it is asked again (pure)
spare_client.py   which client can spare the request (pure)
http_client.py    the one client of guards and Services

Must not write to the API server, but for the one annotation on a pod that hurries its kubelet.
"""
