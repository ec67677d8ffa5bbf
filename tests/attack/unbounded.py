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
    held_off, opened = (most // silent for most in (guard_bounds.PRIVATE_QUESTIONS, guard_bounds.PRIVATE_CONNECTIONS))
    return [
        Open(
            f"One sender's share of a guard's {most} connections: who opens as many anew as fast as they end, and begins a "
            "request on each, keeps others out.",
            "One address's share is for the edge to bound, which knows addresses.",
        ),
        Open(
            "With a key: how many answers of one client run or wait at a time, in the guard's connections and in the engine's "
            "places. Its limit counts requests, as they come.",
            "Limits of clients that fit, and revoke a key that is misused: the log names its client.",
        ),
        Open(
            "What the kernel holds for connections. It counts towards the container's memory, and the tests measure the guard's "
            f"process: {guard_bounds.SEND_BUFFER // bounds.KIB} KiB at most of an answer that nobody reads, and what has come of "
            "a request that Envoy has stopped reading.",
            "More memory for guards (`guard.resources`) where many callers are slow.",
        ),
        Open(
            "Who called: no log of the guard holds a caller's address, since behind an edge it is the edge's.",
            "The edge's own log; an `x-request-id` that the edge sets is in both.",
        ),
        Open(
            f"Probes: whoever reaches port 8002 and begins more than {held_off} questions a second, or opens more than {opened} "
            "connections a second that ask nothing, for two minutes on end, holds them off. The kubelet then restarts guard and "
            "server, since both are asked there whether they live.",
            "Let only networks in that you trust: the NetworkPolicy does, where the network plugin enforces it.",
        ),
        Open(
            "A guard's processor: it has one thread, which all requests of a server share. More threads were not measured.",
            "More replicas, each with a guard of its own; limits of clients.",
        ),
        Open(
            "The guard's ports while it is restarted: an engine that was taken over can listen there then, and is sent what "
            "callers send, keys included. The guard ends where it finds one taken, and the pod is not Ready.",
            "Revoke the keys of a model whose guard does not come back.",
        ),
        Open(
            "What goes out by the ports of name servers, 53 and 5353, over UDP and TCP: the NetworkPolicy lets pods reach them "
            "at any address, since it cannot know where a cluster's are.",
            "Name them in the chart's `egress.dns`.",
        ),
        Open(
            "How much slower a client with a key is answered during a flood. `make attack` fails where the slowest of a hundred "
            f"takes twice as long on a machine that was quiet before. With attackers, guard and model on two "
            f"processors, {SLOWER}.",
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
            "What the operator has in hand of many models at once: objects of thousands of tiny entries are counted as they are "
            "kept, and take many times that while a run reads them.",
            "Quotas of Secrets and other objects in the namespaces of those who are not trusted.",
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
            "How many places of a server one request takes: prompts times answers, or texts to embed and score, up to all of "
            "them; how long an answer is within the context; and what a structured output takes to compile.",
            "Limits of clients, `engine.maxModelLen`: [guard.md](guard.md#one-requests-cost).",
        ),
        Open(
            "The disk of a node, by several servers in sum: limits may be more than there is.",
            "Name what models need in `requests`, and lower the chart's `pods.scratch`: [sizing](sizing.md#the-nodes-disk).",
        ),
    ]
