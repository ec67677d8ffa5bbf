"""A claim that an admin brings: one that is deleted and made anew under its name is noticed, filled again, and named."""

from tests import clock, harness
from vllm_operator.controller import lookups
from vllm_operator.kube import errors, kinds

CLAIM = kinds.Ref(kinds.PERSISTENT_VOLUME_CLAIM.kind, harness.KEY.namespace, "shared")
JOB = kinds.Ref(kinds.JOB.kind, harness.KEY.namespace, f"{harness.KEY.name}-fetch")
MODEL = {"model": {"source": "hf://acme/model", "cache": {"existingClaim": "shared"}}}
PVC = {
    "apiVersion": "v1",
    "kind": CLAIM.kind,
    "metadata": {"name": CLAIM.name, "namespace": CLAIM.namespace},
    "spec": {"accessModes": ["ReadWriteMany"]},
}


async def filled() -> harness.OperatorHarness:
    """Return a model whose weights lie on the claim."""
    home = harness.OperatorHarness()
    await home.api.create_by("admin", PVC)
    await home.begin(**MODEL)
    await home.api.write_status(home.api.objects[JOB], {"conditions": [{"type": "Complete", "status": "True"}]})
    await home.run()
    assert kinds.Ref("Deployment", *harness.KEY) in home.api.objects
    return home


async def made_anew(home: harness.OperatorHarness) -> None:
    await home.api.delete_by("admin", CLAIM)
    await home.api.create_by("admin", PVC)
    home.api.objects[CLAIM]["metadata"]["creationTimestamp"] = "2099-01-01T00:00:00Z"


async def test_a_claim_that_stays_is_not_filled_again() -> None:
    home = await filled()
    before = home.api.objects[JOB]["metadata"]["uid"]
    await home.run()
    assert home.api.objects[JOB]["metadata"]["uid"] == before
    assert home.condition("Ready")["reason"] != "Downloading"


async def test_a_claim_that_was_made_anew_is_filled_again_and_the_status_says_so() -> None:
    home = await filled()
    before = home.api.objects[JOB]["metadata"]["uid"]
    await made_anew(home)
    await home.run()
    assert home.api.objects[JOB]["metadata"]["uid"] != before
    assert home.condition("Ready")["reason"] == "Downloading"
    assert "the claim shared was made anew" in home.condition("Ready")["message"]
    await home.api.write_status(home.api.objects[JOB], {"conditions": [{"type": "Complete", "status": "True"}]})
    await home.run()
    assert "made anew" not in home.condition("Ready")["message"]


async def test_a_claim_that_is_gone_is_named_and_its_job_stays() -> None:
    home = await filled()
    before = home.api.objects[JOB]["metadata"]["uid"]
    await home.api.delete_by("admin", CLAIM)
    await home.run()
    assert home.api.objects[JOB]["metadata"]["uid"] == before
    assert home.condition("Ready")["reason"] == "PersistentVolumeClaimNotFound"


@clock.virtual
async def test_an_api_server_that_does_not_answer_is_asked_again_and_a_claim_that_is_known_is_not() -> None:
    home = harness.OperatorHarness()
    await home.api.create_by("admin", PVC)
    found = lookups.Lookups(home.api)

    def refuse(_verb: str, _ref: kinds.Ref, _when: str) -> None:
        raise errors.Unavailable(503, "Away", "away")

    home.api.interrupt = refuse
    assert await found.read(CLAIM) is None
    home.allow()
    assert await found.read(CLAIM) is not None
    assert await found.read(CLAIM) is not None
    assert [verb for verb, _ in home.api.done].count("get") == 1
