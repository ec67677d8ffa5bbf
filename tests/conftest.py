"""What holds for all tests: what kubectl and helm keep, they keep in the cache directory, not in the home."""

import os

from dev import binaries

os.environ.update(binaries.environment())
