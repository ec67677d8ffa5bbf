"""One host and path has one holder: what is there, else the oldest model that may have it; the others hear when it is free."""

import pytest

from tests.unit.controller import edges
from vllm_operator.controller import hosts
from vllm_operator.kube import addresses, kinds


@pytest.fixture
def table() -> edges.Table:
    """Two models that want one host."""
    made = edges.Table()
    made.put(edges.model(edges.NEW, "2026-02"))
    made.put(edges.model(edges.OLD, "2026-01"))
    made.woken.clear()
    return made


def test_the_oldest_has_the_host_whoever_asks_first(table: edges.Table) -> None:
    assert table.ask(edges.NEW) == "ModelDeployment models/old"
    assert table.ask(edges.OLD) == ""


def test_models_of_one_moment_are_told_apart_by_their_uids(table: edges.Table) -> None:
    table.put(edges.model(edges.NEW, "2026-01"))
    assert table.ask(edges.NEW) == ""
    assert table.ask(edges.OLD) == "ModelDeployment others/new"


def test_paths_of_one_host_are_many_models(table: edges.Table) -> None:
    table.put(edges.model(edges.NEW, "2026-02", {**edges.WEB, "path": "/new"}))
    assert table.ask(edges.NEW) == ""
    assert table.ask(edges.OLD) == ""


def test_the_operators_domain_gives_two_models_of_one_name_one_host() -> None:
    table = edges.Table(domain="own.example")
    old, new = kinds.Key("a", "llama"), kinds.Key("b", "llama")
    table.put(edges.model(old, "2026-01", {}))
    table.put(edges.model(new, "2026-02", {"host": "llama.own.example"}))
    assert table.ask(new) == "ModelDeployment a/llama"
    table.put(edges.model(new, "2026-02", {"host": "llama.b.own.example"}))
    assert table.ask(new) == ""


def test_what_is_there_comes_before_an_older_model_that_comes_to_ask(table: edges.Table) -> None:
    """Else whoever has an old model takes a host by an edit."""
    table.put(edges.own_ingress(edges.NEW, "2026-03"))
    assert table.ask(edges.OLD) == "ModelDeployment others/new"
    assert table.ask(edges.NEW, carries=True) == ""


@pytest.mark.parametrize("namespace", ["models", "elsewhere"])
def test_an_ingress_of_somebody_else_that_is_there_has_the_host(table: edges.Table, namespace: str) -> None:
    table.put(edges.ingress(namespace, "shop", "2026-05", ("shop.example", "/"), ("web.example", "/")))
    assert table.ask(edges.OLD) == f"Ingress {namespace}/shop"
    table.put(edges.ingress(namespace, "shop", "2026-05", ("shop.example", "/"), ("web.example", "/other")))
    assert table.ask(edges.OLD) == ""


def test_what_comes_to_ask_by_an_edit_takes_nothing_down_however_old_it_is(table: edges.Table) -> None:
    table.put(edges.own_ingress(edges.OLD, "2026-03"))
    table.put(edges.ingress("elsewhere", "shop", "2020-01", ("shop.example", "/")))
    table.put(edges.ingress("elsewhere", "shop", "2020-01", ("web.example", "/")))
    assert table.ask(edges.OLD, carries=True) == ""


def test_what_a_namespace_made_beside_its_own_model_takes_nothing_down(table: edges.Table) -> None:
    table.put(edges.own_ingress(edges.OLD, "2026-03"))
    table.put(edges.ingress("models", "by-hand", "2026-01", ("web.example", "/")))
    assert table.ask(edges.OLD, carries=True) == ""


def test_an_edge_that_lost_its_label_is_its_models_still(table: edges.Table) -> None:
    table.put(edges.own_ingress(edges.OLD, "2026-03"))
    assert table.ask(edges.OLD) == ""


def test_an_edge_is_its_controllers_whatever_its_label_says(table: edges.Table) -> None:
    edge = edges.ingress("models", "old", "2026-03", ("web.example", "/"), owner="uid-another")
    edge["metadata"]["ownerReferences"] = [{"uid": "uid-somebody"}, {"uid": "uid-old", "controller": True}]
    table.put(edge)
    assert table.ask(edges.OLD) == ""


def test_a_label_makes_nobodys_ingress_a_models(table: edges.Table) -> None:
    table.put(edges.ingress("elsewhere", "old", "2026-05", ("web.example", "/"), owner="uid-old"))
    assert table.ask(edges.OLD) == "Ingress elsewhere/old"


def test_whoever_waits_for_a_host_hears_when_it_is_free(table: edges.Table) -> None:
    for leave in ("forget", "move", "close", "bar"):
        table.put(edges.model(edges.OLD, "2026-01"))
        table.bar(edges.OLD, writes=True)
        assert table.ask(edges.NEW) == "ModelDeployment models/old"
        table.woken.clear()
        if leave == "forget":
            table.forget(kinds.Ref("ModelDeployment", *edges.OLD))
        elif leave == "bar":
            table.bar(edges.OLD, writes=False)
        else:
            table.put(edges.model(edges.OLD, "2026-01", {"host": "b.example"} if leave == "move" else {}))
        assert table.woken == [edges.NEW], leave
        assert table.ask(edges.NEW) == ""


def test_a_host_is_its_holders_until_the_last_edge_is_gone(table: edges.Table) -> None:
    there = edges.own_ingress(edges.OLD, "2026-03")
    table.put(there)
    table.forget(kinds.Ref("ModelDeployment", *edges.OLD))
    assert table.ask(edges.NEW) == "Ingress models/old"
    table.woken.clear()
    table.forget(kinds.ref(there))
    assert table.woken == [edges.NEW]
    assert table.ask(edges.NEW) == ""


def test_what_a_list_no_longer_holds_is_gone_and_what_is_newer_than_it_is_not(table: edges.Table) -> None:
    there = edges.ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    version = int(there["metadata"]["resourceVersion"])
    table.put(there)
    table.keep("Ingress", "", set(), version - 1)
    table.keep("Ingress", "models", set(), version)
    table.keep("HTTPRoute", "", set(), version)
    assert table.ask(edges.OLD) == "Ingress elsewhere/shop"
    table.keep("Ingress", "", set(), version)
    assert table.ask(edges.OLD) == ""


def test_while_a_model_is_worked_on_nobody_else_is_given_its_host(table: edges.Table) -> None:
    assert table.holder(edges.OLD, addresses.Address("web.example", ""), ()) is None
    table.put(edges.model(edges.OLD, "2026-01", {"host": "b.example"}))
    assert table.ask(edges.NEW) == "ModelDeployment models/old"
    table.woken.clear()
    table.end(edges.OLD)
    assert table.woken == [edges.NEW]
    assert table.ask(edges.NEW) == ""


def test_what_is_said_again_wakes_nobody(table: edges.Table) -> None:
    table.put(edges.own_ingress(edges.OLD, "2026-03"))
    table.woken.clear()
    for _ in range(3):
        table.put(edges.own_ingress(edges.OLD, "2026-03"))
        table.put(edges.model(edges.OLD, "2026-01"))
        table.put(edges.model(edges.NEW, "2026-02"))
        table.ask(edges.OLD, carries=True)
        table.ask(edges.NEW)
    assert table.woken == []


def test_a_host_that_a_thousand_ask_for_costs_no_thousand_runs(table: edges.Table) -> None:
    for number in range(1000):
        table.put(edges.model(kinds.Key("many", f"m{number}"), f"2026-03-{number:04}"))
    table.woken.clear()
    there = edges.ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    table.put(there)
    table.forget(kinds.ref(there))
    assert len(table.woken) == 2 * hosts.MOST_WOKEN
    assert table.woken[:2] == [edges.OLD, edges.NEW]


@pytest.mark.parametrize("class_name", ["", "internal", "public"])
def test_a_host_has_one_holder_over_all_ingress_classes(class_name: str) -> None:
    """DNS knows the name alone, and one controller may serve several classes: the keys would go to either edge."""
    table = edges.Table(ingress_class="public")
    table.put(edges.model(edges.OLD, "2026-01"))
    shop = edges.ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    shop["spec"] |= {"ingressClassName": class_name} if class_name else {}
    table.put(shop)
    assert table.ask(edges.OLD) == "Ingress elsewhere/shop"
