"""What holds for every test.

HYPOTHESIS_PROFILE says with how many examples a property is tried: `check` takes a few, and the same ones each time, so that a
failure comes from a change; `thorough` takes many others. Neither is timed, since a loaded machine is not a broken promise. What
kubectl and helm keep, they keep in the cache directory, not in the home.

The tests of the demo's cluster, of which a machine has one, run one after another; beside them, where pytest has two workers and
`--dist=loadscope`, run those that need an API server alone. Both wait for most of their time.
"""

import os
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import loadscope

from dev import binaries

hypothesis.settings.register_profile("check", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500, print_blob=True)
MUTATION = {
    "suppress_health_check": [hypothesis.HealthCheck.differing_executors]
}  # one process runs a test again and again
hypothesis.settings.register_profile("mutation", hypothesis.settings.get_profile("check"), **MUTATION)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))
os.environ.update(binaries.environment())


class ByCluster(loadscope.LoadScopeScheduling):  # type: ignore[misc]  # pytest-xdist has no types
    """Keeps the tests of the demo in one process, and all others in another."""

    def _split_scope(self, nodeid: str) -> str:
        return "demo" if nodeid.startswith("tests/e2e/") else "light"


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> loadscope.LoadScopeScheduling | None:
    """Choose who runs what, where pytest is asked for `--dist=loadscope`."""
    return ByCluster(config, log) if config.getvalue("dist") == "loadscope" else None
