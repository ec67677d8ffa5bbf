"""When an engine counts as stalled: the decision of the script watch.lua, run by LuaJIT as in Envoy, in virtual time."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lupa import luajit21

from tests.unit.guard import shapes
from vllm_operator import guard
from vllm_operator.guard import watch

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT = 60
PERIOD = 15
SAID = "count=1 at=2 waiting=3 seconds=4"


class Watch:
    """The script of a guard whose engine may be silent for `LIMIT` seconds, and the clock that it is given."""

    def __init__(self) -> None:
        lua = luajit21.LuaRuntime()
        lua.globals().os.getenv = guard.watch_variables(LIMIT, "/v1/completions", "application/json", b"{}").get
        lua.execute(watch.text())
        self.script = lua.globals()
        self.now = 1_000_000
        self.stalled = False

    def look(self, waiting: int = 1, text: str | None = None, *, answers: bool = False, after: int = PERIOD) -> bool:
        """Look as the script does: `text` are the engine's metrics, and it `answers` the question where it is asked."""
        self.now += after
        if not self.script.is_watched(waiting):
            self.script.alive(self.now)
            return False
        self.script.looked(self.now, text)
        if self.script.is_doubted(self.now) and answers:
            self.script.alive(self.now)
        return bool(self.script.judged(self.now, waiting))

    def looks(self, number: int, waiting: int = 1, text: str | None = None, *, answers: bool = False) -> list[bool]:
        return [self.look(waiting, text, answers=answers) for _ in range(number)]

    def told(self) -> guard.Stalls | None:
        return watch.stalls(self.script.told() or "")


def metrics(steps: int = 7, cache: float = 0.0, ended: str = "stop", answers: int = 3) -> str:
    labels = 'engine="0",model_name="a}b c"'
    return (
        f"# HELP vllm:iteration_tokens_total of steps\nvllm:iteration_tokens_total_count{{{labels}}} {steps}.0\n"
        f"vllm:kv_cache_usage_perc{{{labels}}} {cache}\nvllm:num_requests_running{{{labels}}} 1.0\n"
        f'vllm:request_success_total{{engine="0",finished_reason="{ended}",model_name="m"}} {answers}.0\n'
        f"process_cpu_seconds_total {steps * 17}.5\n"
    )


@pytest.fixture
def one() -> Watch:
    """A watch over an engine that has answered requests, and was seen to."""
    found = Watch()
    assert not found.look(text=metrics())
    return found


def test_an_engine_that_makes_no_step_while_a_request_waits_is_stalled_when_the_time_is_over(one: Watch) -> None:
    assert one.looks(5, text=metrics()) == [False, False, False, True, True]


def test_an_engine_that_does_not_even_send_its_metrics_is_stalled_too(one: Watch) -> None:
    assert one.looks(5) == [False, False, False, True, True]


@pytest.mark.parametrize(
    "moves",
    [[metrics(steps=step) for step in range(20)], [metrics(cache=step / 100) for step in range(20)]],
    ids=["a step that gives tokens", "a step of a long prompt"],
)
def test_each_step_is_a_sign_of_life(one: Watch, moves: list[str]) -> None:
    assert not any(one.look(text=text) for text in moves)


def test_a_step_within_the_time_begins_it_anew(one: Watch) -> None:
    assert not any(one.looks(3, text=metrics()))
    assert not one.look(text=metrics(8))
    assert one.looks(4, text=metrics(8)) == [False, False, False, True]


def test_an_engine_that_answers_the_question_is_alive_whatever_waits(one: Watch) -> None:
    """What waits may be a body that is sent slowly, media that are fetched, or an answer that nobody reads."""
    assert not any(one.looks(100, text=metrics(), answers=True))


def test_an_engine_is_asked_for_a_token_only_when_half_the_time_is_over(one: Watch) -> None:
    asked = []
    for _ in range(3):
        one.look(text=metrics())
        asked.append(bool(one.script.is_doubted(one.now)))
    assert asked == [False, True, True]


def test_an_idle_engine_is_not_asked_at_all(one: Watch) -> None:
    assert not any(one.looks(100, waiting=0))
    assert not one.script.is_watched(0)


def test_idle_time_does_not_count(one: Watch) -> None:
    one.looks(100, waiting=0)
    assert one.looks(4, text=metrics()) == [False, False, False, True]


def test_a_clock_that_is_set_back_begins_a_silence_anew(one: Watch) -> None:
    assert one.looks(3, text=metrics()) == [False] * 3
    assert not one.look(text=metrics(), after=-3600)
    assert one.looks(4, text=metrics()) == [False, False, False, True]


def test_one_look_begins_in_a_second(one: Watch) -> None:
    assert [bool(one.script.may_look(now)) for now in (7, 7, 8, 8, 3)] == [True, False, True, False, True]


def test_callers_who_give_up_end_no_silence(one: Watch) -> None:
    assert not one.look(text=metrics())
    assert one.looks(4, waiting=0, text=metrics()) == [False, False, True, True]


def test_a_stall_ends_with_the_next_step_and_both_are_told(one: Watch) -> None:
    one.looks(2, waiting=3, text=metrics())
    one.looks(2, waiting=2, text=metrics())
    assert one.told() == guard.Stalls(1, one.now, 3, LIMIT, is_now=True)
    at = one.now
    assert not one.look(text=metrics(8))
    assert one.told() == guard.Stalls(1, at, 3, LIMIT, is_now=False)
    one.looks(4, text=metrics(8))
    assert one.told() == guard.Stalls(2, one.now, 1, LIMIT, is_now=True)


def test_an_engine_that_never_stalled_is_not_spoken_of(one: Watch) -> None:
    assert one.told() is None


@pytest.mark.parametrize(
    "text",
    [None, "", metrics(answers=0), metrics(ended="abort"), metrics(ended="error"), "\nvllm:other{} 1\n", "{}"],
    ids=["a silent server", "nothing", "no answer yet", "an abort is none", "an error is none", "no signs", "no metrics"],
)  # fmt: skip
def test_before_its_first_answer_and_without_signs_nothing_is_found(text: str | None) -> None:
    assert not any(Watch().looks(100, text=text))


def test_a_silent_server_of_an_engine_that_has_answered_nothing_is_not_stalled() -> None:
    found = Watch()
    assert not found.look(text=metrics(answers=0))
    assert not any(found.looks(100))


def test_an_engine_that_was_restarted_begins_anew(one: Watch) -> None:
    assert one.looks(5)[-1]
    assert not one.look(text=metrics(steps=0, answers=0))
    assert not any(one.looks(100, text=metrics(steps=0, answers=0)))


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=60))
def test_who_asks_how_often_changes_nothing(others: list[tuple[int, bool]]) -> None:
    """Between the kubelet's questions others ask as they like: a silence is found by the clock, and a step by whoever looks."""
    found = Watch()
    found.look(text=metrics())
    since, steps = found.now, 7
    for after, moves in others:
        steps += moves
        stalled = found.look(text=metrics(steps), after=after)
        since = found.now if moves else since
        assert stalled == (found.now - since >= LIMIT)


@pytest.mark.parametrize(
    "body", [b'{"model": "a$(HOME)%20", "max_tokens": 1}', bytes(256), bytes(range(256)), "süß\r\n".encode()]
)
def test_the_question_reaches_the_engine_as_it_was_written(body: bytes) -> None:
    written = guard.watch_variables(LIMIT, "/", "text/plain", body)[watch.BODY]
    assert "$" not in written
    assert written.isascii()
    assert written.isprintable()
    lua = luajit21.LuaRuntime(encoding=None)
    lua.execute(watch.text().encode())
    assert lua.globals()[b"bytes"](written.encode()) == body


@pytest.mark.parametrize(
    "header", ["", "count=1", f"{SAID} now=2", f"{SAID} now=1 ", f"{SAID.replace('1', '9' * 20)} now=1"]
)
def test_what_no_guard_sends_tells_of_no_stall(header: str) -> None:
    assert watch.stalls(header) is None


def test_each_constant_that_the_scripts_read_is_set() -> None:
    """Lua takes an unset one for nil, and says so when a request comes."""
    access = shapes.rendered(shapes.access()).files
    for text in (watch.text(), *_scripts(json.loads(access["bootstrap.yaml"]))):
        code = re.sub(r'"(?:\\.|[^"\\])*"', "", text)
        assert set(re.findall(r"\b[A-Z][A-Z_]{2,}\b", code)) == set(
            re.findall(r"^local ([A-Z_]+) =", code, re.MULTILINE)
        )


def _scripts(part: object) -> Iterator[str]:
    """Yield every script in a configuration."""
    if isinstance(part, dict):
        if "inline_string" in part and "local " in str(part["inline_string"]):
            yield str(part["inline_string"])
        for one in part.values():
            yield from _scripts(one)
    elif isinstance(part, list):
        for one in part:
            yield from _scripts(one)
