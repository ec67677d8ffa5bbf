"""The types of a pod template's fields, as far as anything here reads them: nobody checks those of a ControllerRevision's data.

Fields that are not named here may hold what they like. Pure.
"""

from typing import Any

import pydantic
from pydantic import alias_generators

Texts = dict[str, str]
Amounts = dict[str, int | str]
Maps = list[dict[str, Any]]


class Shape(pydantic.BaseModel):
    """An object whose fields are named as Kubernetes names them."""

    model_config = pydantic.ConfigDict(alias_generator=alias_generators.to_camel)


class Claim(Shape):
    """A claim of devices."""

    name: str


class Resources(Shape):
    """What a container asks for."""

    limits: Amounts = {}
    requests: Amounts = {}
    claims: list[Claim] = []


class Env(Shape):
    """A variable."""

    name: str
    value: str = ""
    value_from: dict[str, Any] = {}


class Mount(Shape):
    """Where a container finds a volume."""

    name: str
    mount_path: str
    sub_path: str = ""


class Container(Shape):
    """A container."""

    name: str
    image: str
    command: list[str] = []
    args: list[str] = []
    env: list[Env] = []
    ports: Maps = []
    resources: Resources = Resources()
    volume_mounts: list[Mount] = []


class Spec(Shape):
    """The spec of a pod."""

    containers: list[Container] = pydantic.Field(min_length=1)
    init_containers: list[Container] = []
    volumes: Maps = []
    service_account_name: str = ""
    priority_class_name: str = ""
    runtime_class_name: str = ""
    scheduler_name: str = ""
    node_selector: Texts = {}
    affinity: dict[str, Any] = {}
    tolerations: Maps = []
    resource_claims: Maps = []


class Metadata(Shape):
    """The metadata of a pod."""

    labels: Texts = {}
    annotations: Texts = {}


class Template(Shape):
    """A pod template."""

    metadata: Metadata
    spec: Spec
