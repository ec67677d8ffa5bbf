"""The numbers of docs/security.md: each is read from what the operator renders, or from the code that makes it.

The page's tables are generated from here (`tests/reference/security.py`).
"""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple

from tests.golden import render
from tests.guard import flood, test_keyless_cost
from vllm_operator import api, guard
from vllm_operator.api import access as api_access
from vllm_operator.engine import endpoints, environment, options
from vllm_operator.guard import bounds, filters, keyed, listeners, script
from vllm_operator.keys import issuer, state

KIB, MIB = 2**10, 2**20
BITS_OF_A_CHARACTER = 6
"""Of the URL-safe alphabet, in which keys are written."""


class Bound(NamedTuple):
    """What is bounded, its number as the page shows it, and the tests that fail where it does not hold."""

    words: str
    value: str
    tests: tuple[str, ...]


def number(found: int) -> str:
    """Return a number as pages have it."""
    return f"{found:,}"


def _static() -> dict[str, Any]:
    rendered = guard.rendered(guard.Access((), "peers"), endpoints.of("Generate"), filters.COUNTS)
    found: dict[str, Any] = json.loads(rendered.files["bootstrap.yaml"])
    return found


STATIC = _static()
PUBLIC, PRIVATE = STATIC["static_resources"]["listeners"]


def manager(listener: dict[str, Any]) -> dict[str, Any]:
    """Return what a listener does with HTTP."""
    found: dict[str, Any] = listener["filter_chains"][0]["filters"][-1]["typed_config"]
    return found


def seconds(duration: str) -> str:
    """Return Envoy's duration as pages have it."""
    return f"{int(duration.removesuffix('s'))} s"


def _limit(kind: str) -> str:
    per_second, burst = filters.KEYLESS[kind]
    return f"{number(per_second)} a second, {number(burst)} after a pause"


def _most(task: api.Task) -> str:
    return number(endpoints.max_request_bytes(task))


def _most_used() -> str:
    return f"{flood.MOST:.0%} of {bounds.MEMORY // MIB}Mi".replace("%", " %")


def _matched(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    assert found, pattern
    return found[1]


def _scratch() -> dict[str, str]:
    """Return the size of each scratch volume of a model's pods."""
    (pod,) = (one for one in render.desired(render.case("plain")) if one["kind"] == "Deployment")
    volumes = pod["spec"]["template"]["spec"]["volumes"]
    return {one["name"]: one["emptyDir"]["sizeLimit"] for one in volumes if "emptyDir" in one}


NEW_KEY = "unit/keys/test_new_key.py::test_a_new_key_cannot_be_guessed_nor_found_from_its_hash"
HELD = "guard/test_floods.py::test_who_sends_nothing_or_half_is_soon_gone_and_keeps_nobody_out"
UPLOADS = "guard/test_floods.py::test_who_has_a_key_holds_back_so_many_bodies_and_no_more"
HOSTILE = "guard/test_hostile.py::test_hostile_request_is_answered_and_goes_no_further"
FITS = "unit/guard/test_bootstrap.py::test_connections_and_heap_fit_into_the_containers_memory"
KEYLESS_COST = "guard/test_keyless.py::test_a_request_without_a_key_costs_a_third_of_a_millisecond_at_most"
COSTLIEST = "guard/test_keyless_cost.py::test_what_is_sent_without_a_key_costs_little_more_than_the_plainest"
ADDRESS_LIMIT = "guard/test_keyless.py::test_one_address_keeps_nobody_else_from_an_answer_without_a_key"
KEYLESS_LIMIT = "guard/test_keyless.py::test_each_kind_of_request_without_a_key_has_a_limit_of_its_own"
SAFE_ID = "guard/test_passed_on.py::test_a_request_id_is_short_and_safe"
TOLD_SIZE = "guard/test_sizes.py::test_a_body_that_is_told_to_be_too_long_is_refused_before_it_is_sent"
FETCHED = "unit/children/test_disk.py::test_weights_that_a_server_fetches_have_room_for_the_largest_that_are_published"
SCRATCH = "unit/children/test_pod.py::test_what_a_server_may_write_into_its_node_has_a_size"
REQUEST = "unit/engine/test_options.py::test_what_one_request_may_ask_for_is_bounded_unless_the_spec_says_how"
ASKED = "guard/test_passed_on.py::test_callers_who_ask_for_health_do_not_each_reach_the_engine"
PROBED = "guard/test_private_floods.py::test_who_asks_whether_the_engine_is_ready_does_not_keep_it_busy"
PRIVATE_SILENT = (
    "guard/test_private_floods.py::test_connections_that_ask_nothing_leave_probes_their_place_and_are_gone_in_seconds"
)
READ_OFTEN = "guard/test_private_floods.py::test_metrics_and_statistics_are_read_so_often_and_no_oftener"


def public() -> list[Bound]:
    """Return the bounds of what comes to port 8000."""
    return [*_of_connections(), *_of_requests()]


def _of_connections() -> list[Bound]:
    http = manager(PUBLIC)
    idle = http["common_http_protocol_options"]["idle_timeout"]
    return [
        Bound("memory of a guard under each flood that the tests try", _most_used(), (HELD,)),
        Bound("connections at a time", number(bounds.connections(bounds.MEMORY)), (FITS,)),
        Bound("held of a connection in each direction", f"{bounds.BUFFER // KIB} KiB", (FITS,)),
        Bound("headers of a request, above which it is 431", f"{bounds.HEADERS_KB} KiB", (HOSTILE,)),
        Bound("who sends nothing is gone after", seconds(PUBLIC["listener_filters_timeout"]), (HELD,)),
        Bound("half a head of a request, after", seconds(http["request_headers_timeout"]), (HELD,)),
        Bound("half a body without a key, after", seconds(http["stream_idle_timeout"]), (HELD,)),
        Bound(
            "half a body with a key, after",
            seconds(http["request_timeout"]),
            ("guard/test_hostile.py::test_a_body_that_never_comes_is_not_waited_for_but_an_answer_is",),
        ),
        Bound("bodies of one client on their way, above which it is 429", number(script.MOST_AWAITED), (UPLOADS,)),
        Bound("who is silent between two requests, after", seconds(idle), (HELD,)),
        Bound(
            "an answer that nobody reads, after vLLM has ended it",
            seconds(keyed.TO_ENGINE["flush_timeout"]),
            ("unit/guard/test_routes.py::test_answers_may_take_hours_and_be_silent_for_one",),
        ),
    ]


def _of_requests() -> list[Bound]:
    rounds = _matched(r"for _ = 1, (\d+) do", script.public())
    id_length = _matched(r'gsub\("\[\^%w\._-\]", ""\):sub\(1, (\d+)\)', script.public())
    usual, most = script.PUBLIC_ASKERS
    return [
        Bound(
            "body of a request, above which it is 413 (`access.maxRequestBytes`)",
            f"{_most('Generate')} bytes; {_most('Transcribe')} for Transcribe",
            (TOLD_SIZE,),
        ),
        Bound(
            "CPU of a request without a key, over a connection that is kept",
            f"{flood.MOST_CPU * 1000:.1f} ms",
            (KEYLESS_COST,),
        ),
        Bound(
            "the costliest request without a key against the plainest; one with a connection of its own against one without",
            f"{test_keyless_cost.MOST} times; {test_keyless_cost.MOST_ALONE} times",
            (COSTLIEST,),
        ),
        Bound("times that a path is decoded for the log", rounds, (KEYLESS_COST,)),
        Bound("characters of a request's id", id_length, (SAFE_ID,)),
        Bound("`/health` and `/` without a key", _limit(keyed.HEALTH), (KEYLESS_LIMIT,)),
        Bound("the guide and preflights", _limit(keyed.OPEN), (KEYLESS_LIMIT,)),
        Bound("of these two, for one address", f"1/{filters.SHARES}", (ADDRESS_LIMIT,)),
        Bound("what gets 401 or 404", _limit(keyed.REFUSED), (KEYLESS_LIMIT,)),
        Bound(
            "questions for vLLM's health that callers cause", f"{usual} a second; {most} while it is silent", (ASKED,)
        ),
    ]


def private() -> list[Bound]:
    """Return the bounds of what comes to port 8002."""
    http = manager(PRIVATE)
    usual, most = script.PRIVATE_ASKERS
    return [
        Bound("connections at a time", number(bounds.PRIVATE_CONNECTIONS), (PRIVATE_SILENT,)),
        Bound("of them, those that have begun to ask", number(bounds.PRIVATE_QUESTIONS), (PRIVATE_SILENT,)),
        Bound("who asks nothing is gone after", seconds(PRIVATE["listener_filters_timeout"]), (PRIVATE_SILENT,)),
        Bound(
            "an answer that nobody reads, after",
            seconds(http["stream_idle_timeout"]),
            ("guard/test_private.py::test_connections_that_read_nothing_cost_little_and_are_soon_gone",),
        ),
        Bound("questions for vLLM's health", f"{usual} a second; {most} while it is silent", (PROBED,)),
        Bound("readings of vLLM's metrics", _reading(listeners.METRICS), (READ_OFTEN,)),
        Bound("readings of the guard's statistics", _reading(listeners.STATS), (READ_OFTEN,)),
    ]


def _reading(path: str) -> str:
    """Return how often a path of the private port is answered."""
    routes = manager(PRIVATE)["route_config"]["virtual_hosts"][0]["routes"]
    (found,) = (one["typed_per_filter_config"] for one in routes if one["match"].get("path") == path)
    bucket = found[filters.QUESTIONS]["token_bucket"]
    return f"{bucket['tokens_per_fill']} a second, {bucket['max_tokens']} after a pause"


def keys_of_clients() -> list[Bound]:
    """Return how many clients a model may have, and what can be guessed of a key."""
    random = (len(issuer.new_key()) - len("sk-")) * BITS_OF_A_CHARACTER
    return [
        Bound("random bits of a generated key", number(random // 8 * 8), (NEW_KEY,)),
        Bound("bits of a hash over a key", number(len(state.digest("")) * 4), (NEW_KEY,)),
        Bound(
            "clients of a model",
            number(api_access.MOST_CLIENTS),
            ("guard/test_looked_up.py::test_a_wrong_key_costs_the_same_with_one_client_and_with_the_most",),
        ),
    ]


def engine() -> list[Bound]:
    """Return the bounds of what a request costs an engine, and an engine its node."""
    scratch = _scratch()
    return [
        Bound("answers to one prompt", environment.REQUEST["VLLM_MAX_N_SEQUENCES"], (REQUEST,)),
        Bound("prompts of one completion", environment.REQUEST["VLLM_MAX_COMPLETION_PROMPTS"], (REQUEST,)),
        Bound("tokens of prompts that wait", number(options.MOST_QUEUED_TOKENS), (REQUEST,)),
        Bound("`/tmp`, where uploads lie", scratch["tmp"], (SCRATCH,)),
        Bound("the engine's home", scratch["home"], (SCRATCH,)),
        Bound("weights that a server fetches without `model.cache`", render.SETTINGS.scratch_weights, (FETCHED,)),
        Bound("`/dev/shm`, in memory", scratch["shm"], (SCRATCH,)),
    ]
