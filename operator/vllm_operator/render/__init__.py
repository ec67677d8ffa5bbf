"""`render FILE...`: print what the operator would write for the ModelDeployments of some files, for review, without a cluster.

documents.py   text -> the documents of a YAML stream, in bounded time
manifest.py    a document -> the model that an API server would store, or what it would refuse
chart.py       the chart's values -> the operator's settings
objects.py     a model -> its objects, with keys that are placeholders
text.py        objects -> YAML
arguments.py   what the command line takes
command.py     the shell: files, standard input and output, exit status

What the API server's CEL rules refuse is not known here, for nothing but an API server evaluates them as it does. Must not import
the controller, nor talk to anything.
"""
