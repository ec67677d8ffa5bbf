"""The clients' keys, one subject in one place: which keys each client has, how they are stored, how they are issued and revoked.

decision.py    what the keys are: a pure function of the spec and of what the Secrets hold
record.py      how keys are encoded in a client's Secret and in the guard's, and read back
issuer.py      writes and deletes the clients' Secrets, before anything is derived from them

The rest of a key's way: `api.access` has the fields, `children.secrets` the guard's Secret, `guard.routes` the routes.
Must not put a key into words, a log or an error.
"""

from vllm_operator.keys.decision import (
    KEY_ENTRY,
    MOST_PREVIOUS,
    Decision,
    Held,
    Issued,
    Observed,
    Previous,
    clients,
    decide,
    due,
    expired,
    expiry,
    issue,
    last,
    mark,
    ours,
    unseen,
    void,
)

__all__ = [
    "KEY_ENTRY",
    "MOST_PREVIOUS",
    "Decision",
    "Held",
    "Issued",
    "Observed",
    "Previous",
    "clients",
    "decide",
    "due",
    "expired",
    "expiry",
    "issue",
    "last",
    "mark",
    "ours",
    "unseen",
    "void",
]
