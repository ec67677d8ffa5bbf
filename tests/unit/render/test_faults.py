"""`render`: whatever it is given, it answers in words that name the field or the place, and never with a traceback."""

import contextlib
import pathlib
import time
from typing import Any

import hypothesis
import pytest
import yaml
from hypothesis import strategies as some

import tests.chart
from tests import rendering, samples
from tests.rendering import Run, model
from vllm_operator.render import chart, documents, manifest

REFUSED = [
    (model(replicas=-1), "spec.replicas: Input should be greater than or equal to 0"),
    (model(replicas="2"), "spec.replicas: Input should be a valid integer"),
    (model(paused="yes"), "spec.paused: Input should be a valid boolean"),
    (model(model={}), "spec.model.source: Field required"),
    (model(model={"source": "ftp://x/yyyy"}), "spec.model.source: unknown source: write hf://org/name"),
    (model(replica=2), "spec.replica: unknown field"),
    (model(model={"source": "file:///a", "served_name": "a"}), "spec.model.served_name: unknown field"),
    (model(engine={"env": [{"name": "A"}, {"name": "A"}]}), "spec.engine.env: Duplicate value: write each name once"),
    (model(engine={"startupTimeout": "soon"}), "spec.engine.startupTimeout: write a duration such as 90s"),
    (model(scheduling={"tolerations": "all"}), "spec.scheduling.tolerations: Input should be a valid array"),
    ({**model(), "apiVersion": "v1"}, "apiVersion: write serving.byteshop.in/v1alpha1"),
    ({**model(), "spec": None}, "spec: Input should be an object"),
    ({**model(), "metadata": "a"}, "metadata: write metadata with a name"),
    ({**model(), "metadata": {"name": "a-peers"}}, "choose another name"),
    ({**model(), "metadata": {"name": "../a"}}, "metadata.name: at most 52"),
    ({**model(), "metadata": {"name": "a", "namespace": "a/b"}}, "metadata.namespace: at most 63"),
]


@pytest.mark.parametrize(("document", "words"), REFUSED, ids=[words for _, words in REFUSED])
def test_what_the_schema_refuses_is_refused_with_the_field_and_the_remedy(run: Run, document: Any, words: str) -> None:
    done = run(document)
    assert (done.status, done.out) == (1, "")
    assert words in done.err


def test_a_null_is_a_field_that_is_left_out(run: Run) -> None:
    assert run(model(replicas=None, expose=None, engine={"image": None})).out == run(model()).out


def test_a_moment_needs_no_quotes(run: Run) -> None:
    text = yaml.safe_dump(model(access={"clients": [{"name": "a", "expiresAt": "NEVER"}]}))
    done = run.text(
        text.replace("NEVER", "2027-01-31T12:00:00Z").encode(), "--values", run.file("v", rendering.GENEROUS)
    )
    assert done.status == 0, done.err


BOUND = 10.0
"""Seconds of the CPU that a file may take at most; what is quadratic takes minutes."""
BOMB = b"a: &a [x,x,x,x,x,x,x,x,x]\n" + b"".join(
    b"%c: &%c [%s]\n" % (at + 1, at + 1, b",".join([b"*%c" % at] * 9)) for at in range(ord("a"), ord("k"))
)
HEIRLOOMS = b"a: &a {b: c}\n" + b"".join(
    b"%c: &%c {<<: [%s]}\n" % (at + 1, at + 1, b",".join([b"*%c" % at] * 9)) for at in range(ord("a"), ord("k"))
)
HEIRS = b"a: &a {" + b",".join(b"k%d: v" % at for at in range(10_000)) + b"}\n" + b"b: [" + b"{<<: *a}," * 1000 + b"]\n"
UNREADABLE = {
    "syntax": b"a: [", "tab": b"a:\n\t- b", "latin": b"a: \xff", "nul": b"a: \x00", "tag": b"!!python/object:os.system x",
    "bomb": BOMB, "cycle": b"&a [*a]", "deep": b"[" * 100_000, "huge": b"a" * (documents.LONGEST + 1), "binary": b"!!binary aGk=",
    "set": b"!!set {a, b}", "nan": b".nan", "moment": b"!!timestamp x", "number": b"!!int ''", "surrogate": b'"\\ud800"',
    "twice": b"a: 1\na: 2", "digits": b"9" * 5000, "alias": b"*a", "empty": b"", "scalar": b"x", "list": b"- 1",
    "sexagesimal": b"!!int 1" + b":0" * 500_000, "sexagesimal float": b"!!float 1" + b":0" * 500_000 + b".0",
    "heirlooms": HEIRLOOMS, "heirs": HEIRS, "many merges": b"a:\n" + b"  <<: {}\n" * 100_000, "own heir": b"&a {<<: *a}",
    "documents": b"---\na: &a " + b"x" * 900_000 + b"\n" + b"b: [*a,*a,*a,*a]\n" * 1 + b"---\n" + b"a: &b " + b"x" * 900_000
    + b"\nb: [*b,*b,*b,*b,*b,*b]\n",
    "one hash": b"".join(b"%d: x\n" % (at * (2**61 - 1)) for at in range(100_000)), "values": b"[" + b"x," * 500_000 + b"]",
    "key": b"[a]: b", "nan key": b".nan: b", "no mapping": b"a: {<<: b}", "number twice": b"1: a\n'1': b",
    "kind": b"kind: Secret", "kinds": b"kind: [1]", "unprintable": b'kind: "\\e[2J"',
}  # fmt: skip


@pytest.mark.parametrize("name", UNREADABLE)
def test_what_is_no_model_is_answered_in_words(run: Run, name: str) -> None:
    done = run.text(UNREADABLE[name])
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("-: ")
    assert done.err[:-1].isprintable()


@pytest.mark.long
def test_what_is_hostile_to_a_reader_is_answered_in_the_time_of_what_is_not() -> None:
    plain = b"a: [" + b"'x'," * 400_000 + b"]"
    documents.documents(plain)
    for name, text in UNREADABLE.items():
        started = time.process_time()
        with contextlib.suppress(documents.Unreadable):
            documents.documents(text)
        assert time.process_time() - started < BOUND, name


@pytest.mark.parametrize(("text", "value"), [
    ("1:30", "1:30"), ("12:30:45", "12:30:45"), ("1:30.5", "1:30.5"), ("010", 8), ("0x1f", 31), ("1_000", 1000), ("1.5", 1.5),
    ("yes", True), ("1e3", "1e3"), ("2026-01-01", "2026-01-01"), ("~", None),
    ("{1: a, true: b, 1.5: c}", {"1": "a", "true": "b", "1.5": "c"}),
    ("{<<: {a: 1, b: 2}, a: 3}", {"a": 3, "b": 2}), ("{<<: [{a: 1}, {a: 2, c: 4}], b: 3}", {"a": 1, "c": 4, "b": 3}),
    ("[&x {a: 1}, {<<: *x}, {<<: *x, a: 2}]", [{"a": 1}, {"a": 1}, {"a": 2}]),
])  # fmt: skip
def test_a_value_is_what_kubectl_takes_it_for(text: str, value: Any) -> None:
    assert documents.documents(f"v: {text}".encode()) == [{"v": value}]


@pytest.mark.parametrize("name", ["", "none.yaml"])
def test_a_file_that_cannot_be_read_is_named(run: Run, tmp_path: pathlib.Path, name: str) -> None:
    done = run.files(str(tmp_path / name))
    assert (done.status, done.out) == (2, "")
    assert str(tmp_path) in done.err


WRONG_VALUES = [
    ({"replica": 2}, "replica: unknown value"),
    ({"expose": {"domian": "x"}}, "expose.domian: unknown value"),
    ({"expose": {"guide": "perhaps"}}, "expose.guide: Input should be a valid boolean"),
    ({"guard": {"resources": {"cpu": "lots"}}}, "guard.resources.cpu: write a quantity"),
    ({"allow": {"image": []}}, "allow.image: Extra inputs"),
    ({"image": 1}, "image: write a map"),
    ({"weights": 3}, "weights: write a map"),
    ([1], "write the chart's values"),
    (b"a: [", "is no YAML"),
]


@pytest.mark.parametrize(("values", "words"), WRONG_VALUES, ids=[words for _, words in WRONG_VALUES])
def test_wrong_values_are_refused_by_name(run: Run, values: Any, words: str) -> None:
    done = run(model(), values=values)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_every_value_of_the_chart_is_known_here() -> None:
    unknown = [value.path for value in tests.chart.values() if not chart.is_known(value.path)]
    assert unknown == [], "add each to SETTINGS, MIXED or OTHERS of vllm_operator/render/chart.py"
    assert yaml.safe_load((tests.chart.DIRECTORY / "Chart.yaml").read_text())["appVersion"] == chart.VERSION


JSON = some.recursive(
    some.none() | some.booleans() | some.floats() | some.integers() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


@hypothesis.given(JSON)
def test_a_spec_of_anything_is_refused_in_words(found: Any) -> None:
    with pytest.raises(manifest.Refused, match="spec"):
        manifest.model({**samples.model(), "spec": found}, "default")
