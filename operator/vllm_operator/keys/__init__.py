"""The clients' keys: which keys each client has, how they are stored, how they are issued and revoked.

state.py         the shapes: records of keys, what was found of them, what is decided
decision.py      what the keys are: a pure function of the spec and of what was found
expiry.py        when keys end without anybody's doing
troubles.py      why a client has no key, in words for a condition
record.py        how records are encoded in a client's Secret and in the guard's, and read back
lookup.py        asks by name for a Secret that the cache does not hold
observation.py   reads the Secrets: the clients', the guard's, and those that bring a key
issuer.py        writes and deletes the clients' Secrets, before anything is derived from them

A key's way from here: `children.secrets` builds the Secrets' bodies, `guard.routes` the routes that let a key in, `probes.prober`
asks the guards whether they have them, `status.guard_conditions` says so. The fields of the spec stand in `api.access`.
Must not put a key into words, a log or an error.
"""

from vllm_operator.keys.decision import clients, decide, last, newest, revoked_until, usable
from vllm_operator.keys.expiry import due, expired, expiry
from vllm_operator.keys.state import (
    KEY_ENTRY,
    LATEST,
    MOST_PREVIOUS,
    Decision,
    Issued,
    Observed,
    Previous,
    Stored,
    digest,
    fingerprint,
    is_genuine,
)

__all__ = [
    "KEY_ENTRY",
    "LATEST",
    "MOST_PREVIOUS",
    "Decision",
    "Issued",
    "Observed",
    "Previous",
    "Stored",
    "clients",
    "decide",
    "digest",
    "due",
    "expired",
    "expiry",
    "fingerprint",
    "is_genuine",
    "last",
    "newest",
    "revoked_until",
    "usable",
]
