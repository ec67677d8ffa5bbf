"""What docs/security.md says is not bounded, with its numbers, and what to do about it."""

from __future__ import annotations

from typing import NamedTuple

from tests.attack import bounds
from vllm_operator.guard import bounds as guard_bounds

SLOWER = (
    "the slowest of a hundred requests took mostly less than twice as long under held connections, once 22 times, and 2 to 23 "
    "times as long, up to 0.7 s, under requests without a key as fast as they are answered"
)
"""Measured by `make attack` on 29 Nov 2026, while other work ran on the machine, so that the figures say little of the guard."""


class Open(NamedTuple):
    """What is not bounded, from where on, and what to do about it."""

    words: str
    remedy: str


def unbounded() -> list[Open]:
    """Return what is not bounded."""
    return [*_of_guards(), *_elsewhere()]


def _of_guards() -> list[Open]:
    most = bounds.number(guard_bounds.connections(guard_bounds.MEMORY))
    silent = int(bounds.PRIVATE["listener_filters_timeout"].removesuffix("s"))
    held_off = guard_bounds.PRIVATE_QUESTIONS // silent
    return [
        Open(
            f"One sender's share of a guard's {most} connections: who opens as many anew as fast as they end, and begins a "
            "request on each, keeps others out.",
            "One address's share is for the edge to bound, which knows addresses.",
        ),
        Open(
            f"With a key: requests that are held back bring a guard to where new ones get 503 until they time out, after "
            f"{bounds.seconds(bounds.manager(bounds.PUBLIC)['request_timeout'])}.",
            "Revoke that client's key: the log names it.",
        ),
        Open(
            f"Probes: whoever reaches port 8002 and begins more than {held_off} questions a second for two minutes "
            "on end holds them off, and the kubelet restarts the guard.",
            "Let only networks in that you trust: the NetworkPolicy does, where the network plugin enforces it.",
        ),
        Open(
            "A guard's processor: it has one thread, which all requests of a server share. More threads were not measured.",
            "More replicas, each with a guard of its own; limits of clients.",
        ),
        Open(
            "How much slower a client with a key is answered during a flood. `make attack` measures it and fails for none: with "
            f"attackers, guard and model on two processors, {SLOWER}.",
            "Bound callers at the edge, and give guards processors of their own (`guard.resources.cpu`).",
        ),
    ]


def _elsewhere() -> list[Open]:
    return [
        Open(
            "What stands before the guard: an edge may log paths and queries, and with them a key that a client wrote into one.",
            "Send keys in the header alone.",
        ),
        Open(
            "What clients of one model learn of each other by time: they share the cache of prompts' beginnings, so a first "
            "token that comes sooner tells that somebody sent this beginning.",
            "`--no-enable-prefix-caching` in `engine.args`, or a `cache_salt` of its own in each client's requests.",
        ),
        Open(
            "Whoever may create pods in a model's namespace: a pod with the model's label gets requests of its Service, "
            "keys included.",
            "Give that right to those who may have keys; they could mount the Secrets as well.",
        ),
        Open(
            "A private image that a node has already: pods of another namespace there run it without its pull secret.",
            "The admission plugin AlwaysPullImages, or a kubelet that checks credentials of pulled images.",
        ),
        Open(
            "How long an answer is within the context.",
            "Limits of clients, `engine.maxModelLen`: [guard.md](guard.md#one-requests-cost).",
        ),
        Open(
            "The disk of a node, by several servers in sum: limits may be more than there is.",
            "Name what models need in `requests`, and lower the chart's `pods.scratch`: [sizing](sizing.md#the-nodes-disk).",
        ),
    ]
