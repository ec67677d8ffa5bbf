"""What holds for every test: properties are not timed, since a loaded machine is not a broken promise."""

import hypothesis

hypothesis.settings.register_profile("untimed", deadline=None)
hypothesis.settings.load_profile("untimed")
