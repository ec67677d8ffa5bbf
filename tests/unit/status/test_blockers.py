"""What is missing is held against a model where its spec names it; what a setting names, only while the model does not serve."""

from typing import Any

from tests import observations
from tests.golden import render
from vllm_operator import api, config
from vllm_operator.kube import kinds

PULL = api.PullSecret(name="of-all")
SETTINGS = render.SETTINGS.model_copy(update={"image_pull_secrets": (PULL,)})
MISSING = (kinds.Ref("Secret", "models", "of-all"),)
RUNNING = {"name": "vllm", "image": "x", "ready": False, "state": {"running": {}}}
SERVING = observations.serving()
LOADING = {
    "deployment": observations.rolled_out(readyReplicas=0),
    "pods": [observations.pod("a", conditions=[], containerStatuses=[RUNNING])],
}


def ready(
    seen: dict[str, Any], spec: dict[str, object] | None = None, settings: config.Config = SETTINGS
) -> kinds.Object:
    """Return Ready of a model that was changed to `spec`, and in whose namespace the Secret is missing."""
    found = observations.state(observations.model(), seen)
    said = observations.status(found._replace(model=observations.model(spec), missing=MISSING), settings)
    return next(dict(condition) for condition in said["conditions"] if condition["type"] == "Ready")


def test_a_pull_secret_of_the_settings_is_named_while_a_model_does_not_serve() -> None:
    assert ready(SERVING)["reason"] == "Serving"
    assert ready(LOADING)["reason"] == "SecretNotFound"


def test_a_pull_secret_of_the_spec_is_named_always() -> None:
    assert ready(SERVING, {"imagePullSecrets": [{"name": "of-all"}]})["reason"] == "SecretNotFound"


def test_an_image_that_nobody_named_is_asked_for() -> None:
    without = SETTINGS.model_copy(update={"engine_images": {}})
    bare = {"engine": {"maxModelLen": 8}}
    assert ready(LOADING, bare, without)["reason"] == "NoEngineImage"
    assert "spec.engine.image" in ready(LOADING, bare, without)["message"]
    assert ready(LOADING, {"engine": {"image": "registry.example/x"}}, without)["reason"] != "NoEngineImage"


def test_a_refusal_of_earlier_pods_does_not_hide_what_the_newest_do() -> None:
    seen = observations.state(observations.model(), LOADING)
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota", "lastUpdateTime": "2026-01-02"}

    def said(updated: int, pinned: str) -> str:
        objects = {ref: _changed(obj, refused, updated, pinned) for ref, obj in seen.objects.items()}
        body = observations.status(seen._replace(objects=objects))
        ready = next(condition for condition in body["conditions"] if condition["type"] == "Ready")
        return f"{ready['reason']}: {ready['message']}"

    assert said(0, "2026-01-01") == "PodsRefused: the pods cannot be made: exceeded quota"
    assert said(0, "2026-01-03") == "PodsRefused: the pods cannot be made: exceeded quota (said of an earlier spec)"
    assert said(1, "2026-01-01").startswith("Loading")


def _changed(obj: kinds.Object, condition: kinds.Object, updated: int, pinned: str) -> kinds.Object:
    if obj["kind"] == "Deployment":
        return {**obj, "status": {**obj["status"], "updatedReplicas": updated, "conditions": [condition]}}
    if obj["kind"] == "ControllerRevision":
        return {**obj, "metadata": {**obj["metadata"], "creationTimestamp": pinned}}
    return obj
