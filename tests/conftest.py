"""What holds for every test.

Properties are not timed, since a loaded machine is not a broken promise. What kubectl and helm keep, they keep in the cache
directory, not in the home.
"""

import os

import hypothesis

from dev import binaries

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
os.environ.update(binaries.environment())
