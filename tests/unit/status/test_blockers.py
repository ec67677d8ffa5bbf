"""What is missing is held against a model where its spec names it; what a setting names, only while the model does not serve."""

from tests.golden import render
from vllm_operator import api, config
from vllm_operator.kube import kinds
from vllm_operator.status import rules

PULL = api.PullSecret(name="of-all")
SETTINGS = render.SETTINGS.model_copy(update={"image_pull_secrets": (PULL,)})
MISSING = (kinds.Ref("Secret", "models", "of-all"),)


def ready(case: str, spec: dict[str, object] | None = None, settings: config.Config = SETTINGS) -> kinds.Object:
    """Return Ready of a golden model in whose namespace the Secret is missing."""
    one = render.model(render.HERE / case)
    seen = render.world(render.HERE / case, one)._replace(missing=MISSING)
    said = rules.status(seen, api.Spec.model_validate({**one["spec"], **(spec or {})}), settings, render.NOW)
    return next(dict(condition) for condition in said["conditions"] if condition["type"] == "Ready")


def test_a_pull_secret_of_the_settings_is_named_while_a_model_does_not_serve() -> None:
    assert ready("serving")["reason"] == "Serving"
    assert ready("loading")["reason"] == "SecretNotFound"


def test_a_pull_secret_of_the_spec_is_named_always() -> None:
    assert ready("serving", {"imagePullSecrets": [{"name": "of-all"}]})["reason"] == "SecretNotFound"


def test_an_image_that_nobody_named_is_asked_for() -> None:
    without = SETTINGS.model_copy(update={"engine_images": {}})
    bare = {"engine": {"maxModelLen": 8}}
    assert ready("loading", bare, without)["reason"] == "NoEngineImage"
    assert "spec.engine.image" in ready("loading", bare, without)["message"]
    assert ready("loading", {"engine": {"image": "registry.example/x"}}, without)["reason"] != "NoEngineImage"


def test_a_refusal_of_earlier_pods_does_not_hide_what_the_newest_do() -> None:
    one = render.model(render.HERE / "loading")
    seen = render.world(render.HERE / "loading", one)
    refused = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota", "lastUpdateTime": "2026-01-02"}

    def said(updated: int, pinned: str) -> str:
        objects = {ref: _changed(obj, refused, updated, pinned) for ref, obj in seen.objects.items()}
        body = rules.status(
            seen._replace(objects=objects), api.Spec.model_validate(one["spec"]), render.SETTINGS, render.NOW
        )
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
