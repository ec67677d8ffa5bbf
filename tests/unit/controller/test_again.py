"""What is in trouble is looked at again by itself: after 15 s, and ever later the longer the same trouble lasts."""

import itertools

from tests import harness
from vllm_operator.kube import kinds

MISSING = {"imagePullSecrets": [{"name": "pull"}]}


async def test_the_pause_grows_with_the_time_and_not_with_the_runs() -> None:
    home = harness.OperatorHarness()
    await home.begin(**MISSING)
    for _ in range(8):
        await home.go_on()
        assert 10 < (home.again or 0) <= 15
    pauses = []
    for _ in range(10):
        home.now += home.again or 0
        await home.go_on()
        pauses.append(home.again or 0)
    assert all(later > earlier for earlier, later in itertools.pairwise(pauses[:3]))
    assert 200 < pauses[-1] <= 300


async def test_another_trouble_begins_anew_beside_one_that_lasts_long() -> None:
    """A missing Secret is looked for every five minutes by then; a webhook that is down for a moment is not."""
    home = harness.OperatorHarness()
    await home.begin(**MISSING)
    home.now += 3600
    await home.go_on()
    assert (home.again or 0) > 200
    down = home.api.troubles.fail(verb="patch", kind="Service")
    await home.api.edit_by("admin", kinds.Ref("Service", *harness.KEY), {"spec": {"ports": None}})
    home.hear()
    await home.go_on()
    assert home.condition("Ready")["reason"] == "WriteFailed"
    assert (home.again or 0) <= 15
    home.api.troubles.end(down)
    await home.go_on()
    assert (home.again or 0) > 200


async def test_a_changed_spec_begins_anew() -> None:
    home = harness.OperatorHarness()
    await home.begin(**MISSING)
    home.now += 600
    await home.go_on()
    assert (home.again or 0) > 200
    await home.change(imagePullSecrets=[{"name": "other"}])
    home.reconciler._cache.put(home.api.objects[kinds.Ref("ModelDeployment", *harness.KEY)])
    await home.go_on()
    assert (home.again or 0) <= 15


async def test_a_keys_end_is_not_missed_while_something_is_in_trouble() -> None:
    home = harness.OperatorHarness()
    await home.begin({"name": "a", "expiresAt": "2027-01-15T08:10:20Z"}, **MISSING)
    home.now += 600
    await home.go_on()
    assert (home.again or 0) <= 20
