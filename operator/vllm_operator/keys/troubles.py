"""Why a client has no key, or whose Secret had to be repaired, in words for the condition GuardConfigured.

Must not put a key into words.
"""

from vllm_operator import api
from vllm_operator.keys import state
from vllm_operator.kube import naming
from vllm_operator.kube.conditions import ConditionValue

KEY_FORM = "sk- and 32 to 128 of the characters A-Z a-z 0-9 _ -"


def not_found(client: api.Client, *, ending: bool) -> ConditionValue:
    """Return the trouble of a client whose brought Secret does not exist or, `ending`, is being deleted."""
    how = "is being deleted" if ending else "does not exist"
    return _trouble("ClientKeyNotFound", f"{client.name}: Secret {_brought(client)} {how}, so no key is accepted")


def not_labelled(client: api.Client, model: str) -> ConditionValue:
    """Return the trouble of a client whose brought Secret does not allow `model` to use it."""
    lacks = f"Secret {_brought(client)} lacks the label {naming.MODEL_LABEL}={model}"
    return _trouble("ClientKeyNotLabelled", f"{client.name}: {lacks}, so no key is accepted")


def owned_by_operator(client: api.Client) -> ConditionValue:
    """Return the trouble of a client that brings a Secret which the operator itself writes."""
    return _refused(client, "the operator makes that Secret itself: bring another")


def no_entry(client: api.Client) -> ConditionValue:
    """Return the trouble of a client whose brought Secret holds no key."""
    return _refused(client, f"it has no entry {state.KEY_ENTRY}")


def malformed(client: api.Client) -> ConditionValue:
    """Return the trouble of a client whose brought key has another form than a key."""
    return _refused(client, f"the key is not {KEY_FORM} alone")


def taken(client: api.Client) -> ConditionValue:
    """Return the trouble of a client that brings the key of another."""
    return _refused(client, "its key is another client's")


def secret_ending(client: api.Client) -> ConditionValue:
    """Return the trouble of a client whose own Secret is being deleted."""
    return _trouble("ClientSecretEnding", f"{client.name}: its Secret is being deleted, and a finalizer holds it")


def repaired(name: str, *, restored: bool) -> ConditionValue:
    """Say that the Secret of client `name` did not store what the operator wrote, and what follows."""
    follows = "restored" if restored else "made anew, with another key"
    return _trouble(
        "ClientSecretRepaired", f"{name}: its Secret did not store what the operator wrote; it is {follows}"
    )


def unreadable(name: str) -> ConditionValue:
    """Say that the guard's Secret held no readable record of the keys of client `name`."""
    return _trouble("ClientSecretRepaired", f"{name}: the guard's Secret held no readable record of its keys")


def _brought(client: api.Client) -> str:
    return client.key_secret_ref.name if client.key_secret_ref else ""


def _refused(client: api.Client, why: str) -> ConditionValue:
    where = f" (Secret {_brought(client)})" if client.key_secret_ref else ""
    return _trouble("ClientKeyRefused", f"{client.name}{where}: {why}")


def _trouble(reason: str, message: str) -> ConditionValue:
    return ConditionValue("False", reason, message)
