"""What holds for every test.

HYPOTHESIS_PROFILE says with how many examples a property is tried: `check` takes a few, and the same ones each time, so that a
failure comes from a change; `thorough` takes many others. Neither is timed, since a loaded machine is not a broken promise. What
kubectl and helm keep, they keep in the cache directory, not in the home.

Tests that share the demo's cluster, of which a machine has one, run one after another; beside them, where pytest has two workers
and `--dist=loadgroup`, run those that need light clusters and Envoys alone. Both wait for most of their time.
"""

import os

import hypothesis
import pytest

from dev import binaries, paths

OF_THE_DEMO = ("e2e", "bootstrap")

hypothesis.settings.register_profile("check", deadline=None, max_examples=50, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=500, print_blob=True)
MUTATION = {
    "suppress_health_check": [hypothesis.HealthCheck.differing_executors]
}  # one process runs a test again and again
hypothesis.settings.register_profile("mutation", hypothesis.settings.get_profile("check"), **MUTATION)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))
os.environ.update(binaries.environment())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Say which tests may not run side by side."""
    for item in items:
        folder = item.path.relative_to(paths.ROOT / "tests").parts[0]
        item.add_marker(pytest.mark.xdist_group("demo" if folder in OF_THE_DEMO else "light"))
