"""What the API server answers about one Secret is reported and tried again, and holds up no other client."""

from tests import harness

BROUGHT = "sk-" + "b" * 40


async def test_one_client_whose_secret_cannot_be_written_holds_up_no_other() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"}, {"name": "c"})
    a, b, c = (home.key(name) for name in "abc")
    home.refuse("vllm11.key.a")
    await home.change({"name": "a", "keyVersion": 2}, {"name": "b"}, {"name": "d"})
    await home.delete("vllm11.key.b")
    await home.run()
    assert (home.accepts(a), home.ends(a)) == (True, None)
    assert not home.accepts(b)
    assert not home.accepts(c)
    assert home.accepts(home.key("b"))
    assert home.accepts(home.key("d"))
    assert home.condition("Ready")["reason"] in {"WriteRefused", "WriteFailed"}


async def test_who_brings_the_key_of_one_whose_secret_cannot_be_written_holds_up_no_other() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a"}, {"name": "b"})
    old, b = home.key("a"), home.key("b")
    await home.bring("from-vault", old)
    home.refuse("vllm11.key.a")
    await home.change(
        {"name": "a", "keyVersion": 2},
        {"name": "c", "keySecretRef": {"name": "from-vault"}},
        access={"rotationOverlap": "0s"},
    )
    await home.run()
    assert home.key("c") == old
    assert home.knows("c")
    assert not home.knows("a")
    assert not home.accepts(b)


async def test_a_strangers_secret_of_a_clients_name_is_left_alone_and_holds_up_no_other() -> None:
    home = harness.OperatorHarness()
    await home.bring("vllm11.key.a", BROUGHT, label=None)
    await home.begin({"name": "a"}, {"name": "b"})
    assert home.key("a") == BROUGHT
    assert not home.knows("a")
    assert home.accepts(home.key("b"))
    assert home.condition("Ready")["reason"] == "NameTaken"
