"""The only place that knows vLLM: its options, environment, sources, endpoints and last words.

options.py      the arguments of `vllm serve`
entries.py      the form of an option's value, and options that are given twice
accelerators.py the accelerators of a server: which image, and how many work as one
table.py        every option and variable, sorted once (options.csv, variables.csv)
refusals.py     what nobody may set, in any spelling -> CEL rules and a check in code
allowance.py    what needs an admin, whose lists policy.py compares
environment.py  the variables that vLLM needs to run without root and without writing to its image
adapters.py     LoRA adapters: their options, where they lie, and their names in a server's arguments
source.py       `file://`, `pvc://`, `oci://` -> what to mount, where to stand, what to load
endpoints.py    the exact methods and paths of each task
verification.py the request that proves that a model answers, by task
causes.py       the last words of an ended engine, or its log -> the cause an admin should fix
cause_rows.py   the table of causes, with accelerator_rows.py and weights_rows.py
cause_row.py    a row of it
start_log.py    how far a start is, and the room of the KV cache, from vLLM's log
log_lines.py    which lines of a log may be looked at
redaction.py    what of others' words is never told
"""
