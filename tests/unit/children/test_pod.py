"""What every pod of a model promises, each promise by itself."""

import json
from typing import Any

import pytest

from vllm_operator import api, config
from vllm_operator.children import deployment, pod, template
from vllm_operator.children import rollout as rollouts
from vllm_operator.kube import kinds, naming

OWNER = naming.Owner("models", "vllm11", "u")
SETTINGS = config.Config(engine_images={"cpu": "registry.example/vllm-cpu:1"}, ca_config_map="private-ca")
SOURCES = ("file:///models/a/b", "pvc://weights/a/b", "oci://registry.example/a/b:1")
ACCELERATED = {"limits": {"nvidia.com/gpu": 2}}


def spec(**said: Any) -> api.Spec:
    return api.parse({"model": {"source": SOURCES[0]}, **said})


def rendered(**said: Any) -> kinds.Object:
    """Return the spec of the pod."""
    found: kinds.Object = pod.template(OWNER, spec(**said), SETTINGS)["spec"]
    return found


def engine(**said: Any) -> kinds.Object:
    (found,) = rendered(**said)["containers"]
    assert found["name"] == "vllm"
    return dict(found)


def guard(**said: Any) -> kinds.Object:
    (found,) = rendered(**said)["initContainers"]
    assert (found["name"], found["restartPolicy"]) == ("guard", "Always")
    return dict(found)


@pytest.mark.parametrize("probe", ["startupProbe", "readinessProbe"])
def test_the_engine_is_asked_through_the_guards_private_port_so_ready_means_that_it_answers(probe: str) -> None:
    assert engine()[probe]["httpGet"] == {"path": "/ready", "port": 8002, "scheme": "HTTP"}


@pytest.mark.parametrize("probe", ["startupProbe", "livenessProbe"])
def test_the_guards_own_probes_ask_envoy_alone_or_the_engine_would_never_start(probe: str) -> None:
    assert guard()[probe]["httpGet"] == {"path": "/healthz", "port": 8002, "scheme": "HTTP"}
    assert "readinessProbe" not in guard()


@pytest.mark.parametrize("source", SOURCES)
def test_no_container_writes_to_its_image_or_gains_rights(source: str) -> None:
    found = rendered(model={"source": source})
    for container in (*found["initContainers"], *found["containers"]):
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "readOnlyRootFilesystem": True,
        }  # fmt: skip


def test_no_pod_runs_as_root_or_talks_to_the_api_server() -> None:
    found = rendered(serviceAccountName="reader")
    assert found["securityContext"]["runAsNonRoot"] is True
    assert found["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert (found["automountServiceAccountToken"], found["enableServiceLinks"]) == (False, False)


def test_nothing_of_the_node_is_shared_with_a_pod() -> None:
    found = rendered()
    assert not {"hostNetwork", "hostPID", "hostIPC"} & found.keys()
    assert not [volume for volume in found["volumes"] if "hostPath" in volume]


@pytest.mark.parametrize("source", SOURCES)
def test_what_a_server_may_write_into_its_node_has_a_size(source: str) -> None:
    scratch = [one["emptyDir"] for one in rendered(model={"source": source})["volumes"] if "emptyDir" in one]
    assert scratch
    assert not [one for one in scratch if "sizeLimit" not in one]


@pytest.mark.parametrize("drain", ["1s", "60s", "1h"])
def test_a_server_has_time_to_leave_and_to_finish_what_runs_before_it_is_killed(drain: str) -> None:
    found = rendered(engine={"drainTimeout": drain})
    leave = found["containers"][0]["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert leave >= 5
    assert found["terminationGracePeriodSeconds"] >= leave + api.seconds(drain) + 10


@pytest.mark.parametrize("source", SOURCES)
def test_the_engine_gets_no_key_and_nothing_of_a_secret(source: str) -> None:
    access = {"clients": [{"name": "team-a"}, {"name": "team-b", "keySecretRef": {"name": "theirs"}}]}
    found = engine(model={"source": source}, access=access)
    assert "envFrom" not in found
    assert not [entry for entry in found["env"] if "valueFrom" in entry or "KEY" in entry["name"]]
    assert not [argument for argument in found["args"] if "key" in argument]
    secrets = {volume["name"] for volume in rendered()["volumes"] if "secret" in volume}
    assert secrets == {"guard"}
    assert not secrets & {mount["name"] for mount in found["volumeMounts"]}


def test_no_clients_name_stands_in_a_pod() -> None:
    access = {"clients": [{"name": "team-a", "keySecretRef": {"name": "theirs"}}]}
    text = json.dumps(pod.template(OWNER, spec(access=access), SETTINGS))
    assert "team-a" not in text
    assert "theirs" not in text


def test_the_guard_alone_reads_its_secret_and_cannot_write_to_it() -> None:
    mounts = {mount["name"]: mount for mount in guard()["volumeMounts"]}
    assert mounts["guard"] == {"name": "guard", "mountPath": "/etc/guard", "readOnly": True}


@pytest.mark.parametrize("source", SOURCES[1:])
def test_weights_are_mounted_read_only(source: str) -> None:
    (mount,) = [one for one in engine(model={"source": source})["volumeMounts"] if one["name"] == "weights"]
    assert mount["readOnly"] is True
    (volume,) = [one for one in rendered(model={"source": source})["volumes"] if one["name"] == "weights"]
    assert volume.get("persistentVolumeClaim", {"readOnly": True})["readOnly"] is True


@pytest.mark.parametrize(("timeout", "most"), [("1s", 1), ("30m", 900), ("24h", 43_200)])
def test_the_startup_timeout_is_how_long_the_startup_probe_may_fail(timeout: str, most: int) -> None:
    probe = engine(engine={"startupTimeout": timeout})["startupProbe"]
    assert (probe["failureThreshold"], probe["periodSeconds"]) == (most, 2)


def test_the_engine_has_what_the_spec_says_and_the_guard_what_the_settings_say() -> None:
    assert engine(resources=ACCELERATED)["resources"]["limits"]["nvidia.com/gpu"] == "2"
    assert not {"cpu", "memory"} & engine(resources=ACCELERATED)["resources"]["limits"].keys()
    assert engine()["resources"]["limits"].keys() == {"ephemeral-storage"}
    resources = guard()["resources"]
    assert {"cpu": "50m", "memory": "96Mi"}.items() <= resources["requests"].items()
    assert resources["limits"]["memory"] == "512Mi"
    assert "cpu" not in resources["limits"]


def rollout(**said: Any) -> kinds.Object:
    """Return the spec of the Deployment."""
    wanted = spec(**said)
    asked = template.revision(OWNER, wanted, SETTINGS, ())
    child = deployment.deployment(OWNER, wanted, rollouts.rollout(asked, asked, wanted, (), rollouts.Live()))
    return dict(child["spec"])


def test_a_new_server_answers_before_an_old_one_goes() -> None:
    rolling = {"maxSurge": 1, "maxUnavailable": 0}
    assert rollout()["strategy"] == {"type": "RollingUpdate", "rollingUpdate": rolling}


def test_a_rollout_has_as_long_as_loading_may_take() -> None:
    assert rollout(engine={"startupTimeout": "2h"})["progressDeadlineSeconds"] > 7200


def test_the_deployment_selects_the_pods_of_its_own_template() -> None:
    selector = rollout()["selector"]
    assert selector == {"matchLabels": {"serving.byteshop.in/model": "vllm11"}}
    assert selector["matchLabels"].items() <= rollout()["template"]["metadata"]["labels"].items()


def test_kubectl_logs_shows_the_engine_unless_the_guard_is_asked_for() -> None:
    annotations = pod.template(OWNER, spec(), SETTINGS)["metadata"]["annotations"]
    assert annotations["kubectl.kubernetes.io/default-container"] == "vllm"


def test_an_image_that_a_node_has_is_not_pulled_again() -> None:
    assert {engine()["imagePullPolicy"], guard()["imagePullPolicy"]} == {"IfNotPresent"}
