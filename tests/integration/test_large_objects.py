"""A list of large objects, as the API server pages it: no more of it is in memory than a page."""

import base64
import pathlib
import random

import orjson

from tests import logins
from vllm_operator.kube import client, kinds, naming

OWNER = naming.Owner("default", "large-objects", "u")
SELECTOR = f"{naming.MODEL_LABEL}={OWNER.name}"


def secret(name: str, size: int) -> kinds.Object:
    data = base64.b64encode(random.Random(name).randbytes(size)).decode()  # noqa: S311 - no secret
    return naming.child(kinds.SECRET, OWNER, name, "client", data={"a": data}, type="Opaque")


async def test_a_list_goes_on_in_smaller_pages_where_objects_are_large(served: pathlib.Path) -> None:
    made = [secret(f"large-objects.{number}", 900_000 if number > 3 else 10) for number in range(12)]
    for one in made:
        one["metadata"]["ownerReferences"] = []
    async with client.ApiClient(logins.kubeconfig(served)) as api:
        live = [await api.create(one) for one in made]
        pages = [page.items async for page in api.list(kinds.SECRET, OWNER.namespace, SELECTOR)]
        for one in live:
            await api.delete(kinds.ref(one), one["metadata"]["uid"])
    listed = [one["metadata"]["name"] for page in pages for one in page]
    assert sorted(listed) == sorted(one["metadata"]["name"] for one in made)
    assert max(len(orjson.dumps(page)) for page in pages) <= client.PAGE_BYTES
