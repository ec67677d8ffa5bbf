"""The operator of these tests has the account that the chart gives it: that suffices, and all of it holds under the policies."""

from tests import audit
from tests.integration import account, conftest


def test_nothing_that_the_operator_asked_for_was_refused(operator: conftest.Operator) -> None:
    assert operator.metric("vllm_operator_leader") == 1
    assert audit.used("integration", account.USER)
    assert audit.refusals("integration", account.USER, set()) == []
