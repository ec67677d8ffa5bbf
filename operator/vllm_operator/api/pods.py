"""What a server's pod asks for, and where it may run."""

import pydantic

from vllm_operator.api import schema


class PullSecret(schema.Schema):
    """A Secret with the credentials of an image registry."""

    name: schema.Name = pydantic.Field(description="Its name, in this namespace.")


class Resources(schema.Schema):
    """What the engine's container asks for and may use. An accelerator is named by its resource, such as nvidia.com/gpu."""

    limits: schema.Quantities | None = pydantic.Field(
        default=None, description="The most the engine may use. Without an accelerator it runs on the CPU."
    )
    requests: schema.Quantities | None = pydantic.Field(
        default=None, description="What the scheduler reserves. Default: the limits."
    )
