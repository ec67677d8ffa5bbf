"""What the benchmark of revocations counts, and which models it changes, without a cluster."""

from tests.bench import revocation, unreachable
from tests.bench.scale import audit, load

NAMES = load.names(30)


def test_a_change_is_timed_from_its_answer_to_that_of_the_first_write_of_the_guards_secret() -> None:
    calls = [
        _guards("m-00001", at=8.0, until=9.0),
        _call(audit.ADMIN, audit.MODELS, "m-00001", at=10.0, until=10.5),
        _call(audit.OPERATOR, "secrets", "m-00001.key.kept", at=10.6, until=10.7),
        _guards("m-00001", at=11.0, until=11.5),
        _guards("m-00001", at=12.0, until=12.5),
        _guards("m-00002", at=12.0, until=12.5),
    ]
    assert revocation.seconds(calls) == {"m-00001": 1.0}


def test_a_write_that_is_refused_does_not_count_and_one_before_the_clients_answer_took_no_time() -> None:
    calls = [
        _call(audit.ADMIN, audit.MODELS, "m-00001", at=10.0, until=10.5),
        _guards("m-00001", at=10.1, until=10.2)._replace(code=409),
        _guards("m-00001", at=10.3, until=10.4),
    ]
    assert revocation.seconds(calls) == {"m-00001": 0.0}


def test_half_of_the_changed_models_are_unreachable_and_both_kinds_are_raised_first() -> None:
    silent = revocation.spread(NAMES, 10)
    chosen = revocation.mixed(NAMES, silent)
    assert len(chosen) == len(set(chosen)) == 20
    assert set(chosen[1::2]) == set(silent)
    assert (chosen[0], chosen[-2:]) == ("m-00001", ["m-00028", "m-00027"])
    raising = revocation.raising(chosen)
    assert len(raising) == 10
    assert len(raising & set(silent)) == 5


def test_every_unreachable_pod_has_an_address_on_loopback() -> None:
    found = unreachable.addresses(load.names(1000))
    assert len(set(found.values())) == 1000
    assert found["m-00250"] == "127.1.1.1"


def _guards(model: str, at: float, until: float) -> audit.Call:
    return _call(audit.OPERATOR, "secrets", f"{model}.guard", at, until)


def _call(user: str, resource: str, name: str, at: float, until: float) -> audit.Call:
    return audit.Call(user, "patch", resource, name, 200, at, until)
