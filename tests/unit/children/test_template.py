"""A newer operator, or a changed setting, restarts nothing; a changed spec does."""

from typing import Any

import pytest

from tests import samples
from tests.golden import render
from vllm_operator import api, children, config
from vllm_operator.children import deployment, rollout, template
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SPEC = api.Spec(model=api.Model(source="file:///models/facebook/opt-125m"))
ENGINES = {"cpu": "registry.example/vllm-cpu:1", "nvidia.com/gpu": "registry.example/vllm:1"}
OLD = config.Config(guard_image="old/envoy:v1.39.0", engine_images=ENGINES)
NEW = config.Config(guard_image="new/envoy:v1.40.0", engine_images=ENGINES)
BARE = config.Config(engine_images={})


def pinned() -> kinds.Object:
    return template.revision(OWNER, SPEC, OLD, ())


def test_a_changed_setting_leaves_the_template() -> None:
    assert template.revision(OWNER, SPEC, NEW, (pinned(),)) == pinned()


@pytest.mark.parametrize(
    "data", [None, {}, {"template": []}, {"template": {"spec": {"containers": []}}}, {"template": {"spec": 1}}]
)
def test_a_revision_that_pins_no_server_is_left_aside(data: Any) -> None:
    """Somebody made it by hand, under the name and the inputs that ours would have."""
    made = {**pinned(), "data": data and {"inputs": template.digest(SPEC), **data}}
    assert template.at_work((made,), template.digest(SPEC)) is None
    revision = template.revision(OWNER, SPEC, OLD, (made,))
    assert revision["data"] == pinned()["data"]
    assert revision["metadata"]["name"] != made["metadata"]["name"]


def test_replicas_limits_and_host_leave_the_template() -> None:
    changed = SPEC.model_copy(
        update={
            "replicas": 3,
            "expose": api.Expose(host="a.b"),
            "access": api.Access(default_rate_limit=api.RateLimit(requests=1), cors=api.Cors(allow_origins=("*",))),
        }
    )
    assert template.revision(OWNER, changed, NEW, (pinned(),))["data"] == pinned()["data"]


def test_a_changed_engine_is_a_new_template_with_todays_settings() -> None:
    changed = SPEC.model_copy(update={"engine": api.Engine(args=("--enforce-eager",))})
    revision = template.revision(OWNER, changed, NEW, (pinned(),))
    assert template.guard_image(revision) == "new/envoy:v1.40.0"
    assert "--enforce-eager" in revision["data"]["template"]["spec"]["containers"][0]["args"]


def test_fields_of_a_newer_schema_at_their_default_change_nothing() -> None:
    explicit = api.Spec.model_validate(
        {"model": {"source": SPEC.model.source}, "engine": {"args": [], "env": []}, "replicas": 1}
    )
    assert template.digest(explicit) == template.digest(SPEC)


def test_an_admin_asks_for_an_upgrade_by_the_documented_annotation() -> None:
    annotated = {"metadata": {"annotations": {"serving.byteshop.in/upgrade": "2026-11"}}}
    assert template.asked(annotated) == "2026-11"
    assert template.asked({"metadata": {}}) == ""
    assert len({template.digest(SPEC), *(template.digest(SPEC, asked) for asked in ("2026-11", "2026-12"))}) == 3


def test_an_upgrade_that_is_asked_for_is_a_new_template_once() -> None:
    upgraded = template.revision(OWNER, SPEC, NEW, (pinned(),), "2026-11")
    assert template.guard_image(upgraded) == "new/envoy:v1.40.0"
    assert template.revision(OWNER, SPEC, OLD, (upgraded,), "2026-11") == upgraded


def test_the_defaults_that_make_a_template_never_change() -> None:
    """The API server stores them: a release with another default would restart every model."""
    spec = {"model": {"source": SPEC.model.source}}
    assert template.digest(api.Spec.model_validate(spec)) == "62d6e45a3dd33135"
    stored = {**spec, "engine": {"allowLongContext": False, "startupTimeout": "30m", "drainTimeout": "60s"}}
    stored |= {"access": {"maxQueuedRequests": 64}, "resources": {}}
    assert template.digest(api.Spec.model_validate(stored)) == "62d6e45a3dd33135"


def test_a_pod_is_known_by_the_mark_of_its_template() -> None:
    def made(revision: kinds.Object) -> kinds.Object:
        return {"metadata": {"name": "a", "annotations": {**revision["data"]["template"]["metadata"]["annotations"]}}}

    other = template.revision(OWNER, SPEC, OLD, (), "2026-11")
    assert template.is_of(made(pinned()), pinned())
    assert not template.is_of(made(other), pinned())
    assert not template.is_of({"metadata": {"name": "of an earlier release"}}, pinned())


def test_the_deployment_runs_what_is_pinned() -> None:
    child = deployment.deployment(OWNER, SPEC, rollout.rollout(pinned(), pinned(), SPEC, (), rollout.Live()))
    assert child["spec"]["template"] == pinned()["data"]["template"]


def test_guards_of_two_templates_get_what_the_oldest_of_them_takes() -> None:
    """In a rollout all read one Secret, and a guard of the old template may be started again."""
    ancient = config.Config(guard_image="old/envoy:v1.38.2", engine_images=ENGINES)
    before = template.revision(OWNER, SPEC, ancient, ())
    plan = render.decided(OWNER, SPEC, NEW, before, asked="2026-11")
    pods = [{"spec": before["data"]["template"]["spec"]}, {"spec": {"nodeName": "starting"}}]
    rolling = plan._replace(guards=(*plan.guards, *template.guard_images(pods)))
    assert _bootstrap(rolling) == _bootstrap(render.decided(OWNER, SPEC, NEW, before))
    assert _bootstrap(rolling) != _bootstrap(plan)


def _bootstrap(plan: children.Plan) -> str:
    secret = children.guard_secret(plan, {}, 0)
    return str(secret["data"]["bootstrap.yaml"])


def test_children_of_two_models_never_share_a_name() -> None:
    def names(model: str) -> set[kinds.Ref]:
        return {kinds.ref(obj) for obj in render.desired(_named(model))}

    for one, other in (("a", "a-key-default"), ("a", "a-guard"), ("vllm", "vllm-template")):
        assert not names(one) & names(other)


def _named(name: str) -> kinds.Object:
    model = render.case("plain")
    return {**model, "metadata": {**model["metadata"], "name": name}}


def kinds_of(settings: config.Config) -> set[str]:
    plan = render.decided(OWNER, SPEC, settings)
    return {child["kind"] for child in (*plan.first, *plan.server)}


def asking(accelerator: str) -> api.Spec:
    return SPEC.model_copy(update={"resources": api.Resources(limits={accelerator: 1})})


def test_nothing_runs_without_an_image_of_the_engine_until_a_setting_names_one() -> None:
    assert not {"ControllerRevision", "Deployment"} & kinds_of(BARE)
    assert {"ControllerRevision", "Deployment"} < kinds_of(OLD)


def test_a_model_that_runs_is_kept_where_no_image_is_known_for_what_it_asks_for_now() -> None:
    assert render.decided(OWNER, asking("amd.com/gpu"), OLD, pinned()).withheld == children.WITHHELD
    assert render.decided(OWNER, SPEC, BARE, pinned()).withheld == ()


def test_a_copy_of_the_pinned_template_is_unwanted_and_an_earlier_template_is_kept() -> None:
    def named(name: str, created: str, spec: api.Spec = SPEC) -> kinds.Object:
        made = template.revision(OWNER, spec, OLD, ())
        return {**made, "metadata": {**made["metadata"], "name": name, "creationTimestamp": created}}

    ours, copy = named("vllm11.template", "2026-01-02T00:00:00Z"), named("copied", "2026-01-03T00:00:00Z")
    before = named("vllm11.template.1", "2026-01-01T00:00:00Z", asking("amd.com/gpu"))
    plan = render.decided(OWNER, SPEC, OLD, copy, ours, before)
    assert plan.revision["metadata"]["name"] == "vllm11.template"
    assert [one["metadata"]["name"] for one in children.unwanted(plan, [copy, ours, before])] == ["copied"]


def test_of_earlier_templates_the_newest_is_kept_since_a_rollout_may_return_to_it() -> None:
    def earlier(inputs: str, created: str) -> kinds.Object:
        made = samples.revision(OWNER, inputs=inputs)
        named = {"name": f"vllm11.template.{inputs}", "creationTimestamp": created}
        return {**made, "metadata": {**made["metadata"], **named}}

    found = [
        earlier("b", "2026-01-02T00:00:00Z"),
        earlier("c", "2026-01-03T00:00:00Z"),
        earlier("a", "2026-01-01T00:00:00Z"),
    ]
    assert template.spared(found, "d") == {kinds.Ref("ControllerRevision", "models", "vllm11.template.c")}
    assert template.spared(found, "c") == {kinds.Ref("ControllerRevision", "models", "vllm11.template.b")}
    assert template.spared([], "d") == frozenset()
