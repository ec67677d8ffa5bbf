"""What others' edges ask for is remembered within a bound, and a namespace that fills it hides nobody else's."""

import pytest

from tests.unit.controller import edges
from vllm_operator.controller import hosts
from vllm_operator.kube import kinds


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> edges.Table:
    """A table with room for three addresses of edges, and a model that wants web.example."""
    monkeypatch.setattr(hosts, "MOST", 3)
    made = edges.Table()
    made.put(edges.model(edges.OLD, "2026-01"))
    return made


def test_the_memory_for_others_hosts_is_bounded(small: edges.Table) -> None:
    small.put(
        edges.ingress("elsewhere", "many", "2026-05", *[(f"{one}.example", "/") for one in ("a", "b", "c", "web")])
    )
    assert small.ask(edges.OLD) == ""
    for _ in range(4):
        small.put(edges.ingress("elsewhere", "few", "2026-05", ("web.example", "/")))
        assert small.ask(edges.OLD) == "Ingress elsewhere/few"
    small.forget(kinds.Ref("Ingress", "elsewhere", "few"))
    small.put(edges.ingress("elsewhere", "more", "2026-05", *[(f"{one}.example", "/") for one in ("a", "b", "web")]))
    assert small.ask(edges.OLD) == "Ingress elsewhere/more"


def test_a_namespace_that_fills_the_table_hides_no_edge_of_another(
    small: edges.Table, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        small.put(edges.ingress("greedy", f"fill-{number}", "2026-05", (f"h{number}.example", "/")))
    small.put(edges.ingress("elsewhere", "shop", "2026-05", ("web.example", "/")))
    assert small.ask(edges.OLD) == "Ingress elsewhere/shop"
    assert "namespace=greedy: kind=Ingress name=fill-99 is not seen" in caplog.text
    assert "elsewhere" not in caplog.text


def test_a_model_hears_of_a_host_whose_edge_gave_way(small: edges.Table) -> None:
    for name in ("shop", "other", "last"):
        small.put(
            edges.ingress("greedy", name, "2026-05", ("web.example" if name == "last" else f"{name}.example", "/"))
        )
    assert small.ask(edges.OLD) == "Ingress greedy/last"
    small.woken.clear()
    small.put(edges.ingress("elsewhere", "one", "2026-05", ("one.example", "/")))
    assert small.woken == [edges.OLD]
    assert small.ask(edges.OLD) == ""
