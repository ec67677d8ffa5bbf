"""One host and path has one holder: what is there, else the oldest model that may have it; the others hear when it is free."""

from typing import Any

import pytest

from tests import samples
from vllm_operator import config
from vllm_operator.controller import hosts
from vllm_operator.kube import addresses, kinds, naming

OLD, NEW = kinds.Key("models", "old"), kinds.Key("others", "new")
WEB = {"host": "web.example"}
VERSIONS = iter(range(1, 1_000_000))


class Table(hosts.Hosts):
    """The table, which remembers whom it woke."""

    def __init__(self, **settings: Any) -> None:
        self.woken: list[kinds.Key] = []
        super().__init__(config.Config(**settings), self.woken.append)

    def ask(self, key: kinds.Key, *, carries: bool = False) -> str:
        """Return who has the host of a model that is worked on, and of which an Ingress is there or not."""
        own = [kinds.Ref("Ingress", *key)] if carries else []
        holder = self.holder(key, self._wish_of(key), own)
        self.end(key)
        return f"{holder.kind} {holder.namespace}/{holder.name}" if holder else ""


def model(key: kinds.Key, created: str, expose: dict[str, Any] | None = None) -> kinds.Object:
    made = samples.model(*key)
    made["metadata"] |= {"creationTimestamp": created, "uid": f"uid-{key.name}", "resourceVersion": str(next(VERSIONS))}
    made["spec"]["expose"] = WEB if expose is None else expose
    return made


def ingress(namespace: str, name: str, created: str, *addresses: tuple[str, str], owner: str = "") -> kinds.Object:
    labels = {naming.OWNER_LABEL: owner} if owner else {}
    metadata = {
        "namespace": namespace, "name": name, "creationTimestamp": created, "uid": f"{namespace}/{name}", "labels": labels,
        "resourceVersion": str(next(VERSIONS)),
    }  # fmt: skip
    rules = [{"host": host, "http": {"paths": [{"path": path, "pathType": "Prefix"}]}} for host, path in addresses]
    return {"kind": "Ingress", "metadata": metadata, "spec": {"rules": rules}}


def own_ingress(key: kinds.Key, created: str) -> kinds.Object:
    return ingress(*key, created, ("web.example", "/"), owner=f"uid-{key.name}")


@pytest.fixture
def table() -> Table:
    """Two models that want one host."""
    made = Table()
    made.put(model(NEW, "2026-02"))
    made.put(model(OLD, "2026-01"))
    made.woken.clear()
    return made


def test_the_oldest_has_the_host_whoever_asks_first(table: Table) -> None:
    assert table.ask(NEW) == "ModelDeployment models/old"
    assert table.ask(OLD) == ""


def test_models_of_one_moment_are_told_apart_by_their_uids(table: Table) -> None:
    table.put(model(NEW, "2026-01"))
    assert table.ask(NEW) == ""
    assert table.ask(OLD) == "ModelDeployment others/new"


def test_paths_of_one_host_are_many_models(table: Table) -> None:
    table.put(model(NEW, "2026-02", {**WEB, "path": "/new"}))
    assert table.ask(NEW) == ""
    assert table.ask(OLD) == ""


def test_the_operators_domain_gives_two_models_of_one_name_one_host() -> None:
    table = Table(domain="own.example")
    old, new = kinds.Key("a", "llama"), kinds.Key("b", "llama")
    table.put(model(old, "2026-01", {}))
    table.put(model(new, "2026-02", {"host": "llama.own.example"}))
    assert table.ask(new) == "ModelDeployment a/llama"
    table.put(model(new, "2026-02", {"host": "llama.b.own.example"}))
    assert table.ask(new) == ""


def test_what_is_there_comes_before_an_older_model_that_comes_to_ask(table: Table) -> None:
    """Else whoever has an old model takes a host by an edit."""
    table.put(own_ingress(NEW, "2026-03"))
    assert table.ask(OLD) == "ModelDeployment others/new"
    assert table.ask(NEW, carries=True) == ""


@pytest.mark.parametrize("namespace", ["models", "elsewhere"])
def test_an_ingress_of_somebody_else_that_is_there_has_the_host(table: Table, namespace: str) -> None:
    table.put(ingress(namespace, "shop", "2026-05", ("shop.example", "/"), ("web.example", "/")))
    assert table.ask(OLD) == f"Ingress {namespace}/shop"
    table.put(ingress(namespace, "shop", "2026-05", ("shop.example", "/"), ("web.example", "/other")))
    assert table.ask(OLD) == ""


def test_what_comes_to_ask_by_an_edit_takes_nothing_down_however_old_it_is(table: Table) -> None:
    table.put(own_ingress(OLD, "2026-03"))
    table.put(ingress("elsewhere", "shop", "2020-01", ("shop.example", "/")))
    table.put(ingress("elsewhere", "shop", "2020-01", ("web.example", "/")))
    assert table.ask(OLD, carries=True) == ""


def test_what_a_namespace_made_beside_its_own_model_takes_nothing_down(table: Table) -> None:
    table.put(own_ingress(OLD, "2026-03"))
    table.put(ingress("models", "by-hand", "2026-01", ("web.example", "/")))
    assert table.ask(OLD, carries=True) == ""


def test_an_edge_that_lost_its_label_is_its_models_still(table: Table) -> None:
    table.put(own_ingress(OLD, "2026-03"))
    assert table.ask(OLD) == ""


def test_an_edge_is_its_controllers_whatever_its_label_says(table: Table) -> None:
    edge = ingress("models", "old", "2026-03", ("web.example", "/"), owner="uid-another")
    edge["metadata"]["ownerReferences"] = [{"uid": "uid-somebody"}, {"uid": "uid-old", "controller": True}]
    table.put(edge)
    assert table.ask(OLD) == ""


def test_a_label_makes_nobodys_ingress_a_models(table: Table) -> None:
    table.put(ingress("elsewhere", "old", "2026-05", ("web.example", "/"), owner="uid-old"))
    assert table.ask(OLD) == "Ingress elsewhere/old"


def test_whoever_waits_for_a_host_hears_when_it_is_free(table: Table) -> None:
    for leave in ("forget", "move", "close", "bar"):
        table.put(model(OLD, "2026-01"))
        table.bar(OLD, writes=True)
        assert table.ask(NEW) == "ModelDeployment models/old"
        table.woken.clear()
        if leave == "forget":
            table.forget(kinds.Ref("ModelDeployment", *OLD))
        elif leave == "bar":
            table.bar(OLD, writes=False)
        else:
            table.put(model(OLD, "2026-01", {"host": "b.example"} if leave == "move" else {}))
        assert table.woken == [NEW], leave
        assert table.ask(NEW) == ""


def test_a_host_is_its_holders_until_the_last_edge_is_gone(table: Table) -> None:
    there = own_ingress(OLD, "2026-03")
    table.put(there)
    table.forget(kinds.Ref("ModelDeployment", *OLD))
    assert table.ask(NEW) == "Ingress models/old"
    table.woken.clear()
    table.forget(kinds.ref(there))
    assert table.woken == [NEW]
    assert table.ask(NEW) == ""


def test_what_a_list_no_longer_holds_is_gone_and_what_is_newer_than_it_is_not(table: Table) -> None:
    there = ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    version = int(there["metadata"]["resourceVersion"])
    table.put(there)
    table.keep("Ingress", "", set(), version - 1)
    table.keep("Ingress", "models", set(), version)
    table.keep("HTTPRoute", "", set(), version)
    assert table.ask(OLD) == "Ingress elsewhere/shop"
    table.keep("Ingress", "", set(), version)
    assert table.ask(OLD) == ""


def test_while_a_model_is_worked_on_nobody_else_is_given_its_host(table: Table) -> None:
    assert table.holder(OLD, addresses.Address("web.example", ""), ()) is None
    table.put(model(OLD, "2026-01", {"host": "b.example"}))
    assert table.ask(NEW) == "ModelDeployment models/old"
    table.woken.clear()
    table.end(OLD)
    assert table.woken == [NEW]
    assert table.ask(NEW) == ""


def test_what_is_said_again_wakes_nobody(table: Table) -> None:
    table.put(own_ingress(OLD, "2026-03"))
    table.woken.clear()
    for _ in range(3):
        table.put(own_ingress(OLD, "2026-03"))
        table.put(model(OLD, "2026-01"))
        table.put(model(NEW, "2026-02"))
        table.ask(OLD, carries=True)
        table.ask(NEW)
    assert table.woken == []


def test_a_host_that_a_thousand_ask_for_costs_no_thousand_runs(table: Table) -> None:
    for number in range(1000):
        table.put(model(kinds.Key("many", f"m{number}"), f"2026-03-{number:04}"))
    table.woken.clear()
    there = ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    table.put(there)
    table.forget(kinds.ref(there))
    assert len(table.woken) == 2 * hosts.MOST_WOKEN
    assert table.woken[:2] == [OLD, NEW]


@pytest.mark.parametrize("class_name", ["", "internal", "public"])
def test_a_host_has_one_holder_over_all_ingress_classes(class_name: str) -> None:
    """DNS knows the name alone, and one controller may serve several classes: the keys would go to either edge."""
    table = Table(ingress_class="public")
    table.put(model(OLD, "2026-01"))
    shop = ingress("elsewhere", "shop", "2026-05", ("web.example", "/"))
    shop["spec"] |= {"ingressClassName": class_name} if class_name else {}
    table.put(shop)
    assert table.ask(OLD) == "Ingress elsewhere/shop"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Table:
    """A table with room for three addresses of edges, and a model that wants web.example."""
    monkeypatch.setattr(hosts, "MOST", 3)
    made = Table()
    made.put(model(OLD, "2026-01"))
    return made


def test_the_memory_for_others_hosts_is_bounded(small: Table) -> None:
    small.put(ingress("elsewhere", "many", "2026-05", *[(f"{one}.example", "/") for one in ("a", "b", "c", "web")]))
    assert small.ask(OLD) == ""
    for _ in range(4):
        small.put(ingress("elsewhere", "few", "2026-05", ("web.example", "/")))
        assert small.ask(OLD) == "Ingress elsewhere/few"
    small.forget(kinds.Ref("Ingress", "elsewhere", "few"))
    small.put(ingress("elsewhere", "more", "2026-05", *[(f"{one}.example", "/") for one in ("a", "b", "web")]))
    assert small.ask(OLD) == "Ingress elsewhere/more"


def test_a_namespace_that_fills_the_table_hides_no_edge_of_another(
    small: Table, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(100):
        small.put(ingress("greedy", f"fill-{number}", "2026-05", (f"h{number}.example", "/")))
    small.put(ingress("elsewhere", "shop", "2026-05", ("web.example", "/")))
    assert small.ask(OLD) == "Ingress elsewhere/shop"
    assert "namespace=greedy: kind=Ingress name=fill-99 is not seen" in caplog.text
    assert "elsewhere" not in caplog.text


def test_a_model_hears_of_a_host_whose_edge_gave_way(small: Table) -> None:
    for name in ("shop", "other", "last"):
        small.put(ingress("greedy", name, "2026-05", ("web.example" if name == "last" else f"{name}.example", "/")))
    assert small.ask(OLD) == "Ingress greedy/last"
    small.woken.clear()
    small.put(ingress("elsewhere", "one", "2026-05", ("one.example", "/")))
    assert small.woken == [OLD]
    assert small.ask(OLD) == ""
