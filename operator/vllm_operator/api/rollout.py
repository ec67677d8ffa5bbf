"""How a new version of a model's servers takes the place of the one before."""

from typing import Literal

import pydantic

from vllm_operator.api import schema

Strategy = Literal["Auto", "Surge", "Recreate"]


class Rollout(schema.Schema):
    """How servers of a new version take the place of the earlier ones."""

    strategy: Strategy = pydantic.Field(
        default="Auto",
        description=(
            "Surge starts a new server before an old one is stopped, so a rollout needs one more accelerator than the"
            " model. Recreate stops an old server first: a model with one server answers nothing until the new one has"
            " loaded. Auto begins as Surge, and goes on as Recreate where the accelerators that the old servers hold"
            " are all there are. Default: Auto."
        ),
    )
    return_after: schema.Duration | None = pydantic.Field(
        default=None,
        description=(
            "How long a new version has until it is verified. After that the last version that was verified serves"
            " again, and the new one is tried again when the spec changes. Hours, minutes and seconds, from 30s to 24h;"
            " longer than the servers take to load. Default: without end."
        ),
        json_schema_extra=schema.duration("24h", "30s"),
    )
