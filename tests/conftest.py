"""What holds for every test.

Properties are not timed, since a loaded machine is not a broken promise. They try the same examples each time, so that a failure
comes from a change; HYPOTHESIS_PROFILE=thorough tries many others. What kubectl and helm keep, they keep in the cache directory,
not in the home.
"""

import os

import hypothesis

from dev import binaries

hypothesis.settings.register_profile("steady", deadline=None, derandomize=True)
hypothesis.settings.register_profile("thorough", deadline=None, max_examples=2000, print_blob=True)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))
os.environ.update(binaries.environment())
