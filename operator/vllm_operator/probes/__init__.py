"""What is asked over the network beside the API server: guards and models.

A guard says which configuration it has taken up, a model whether it answers.

http_client.py    the one client of guards and Services
prober.py         when guards are asked, and how a kubelet is hurried that has not delivered a Secret
canary.py         when a model is asked for a token, and what is believed of its answer

Must not write to the API server, but for the one annotation on a pod that hurries its kubelet.
"""
