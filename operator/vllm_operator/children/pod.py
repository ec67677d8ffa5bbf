"""The pod template: the guard as a native sidecar, vLLM behind it on loopback.

The probes of `vllm` ask the guard's private port, which asks vLLM: a pod is ready when the engine answers through the guard, and
alive while it moves on as well (liveness.py). The guard's own probe asks Envoy alone, or the engine would never be started.
"""

from collections.abc import Mapping

from vllm_operator import api, config, guard
from vllm_operator.children import claim, disk, files, liveness, quantity, scheduling, security, weights
from vllm_operator.engine import accelerators, environment, options
from vllm_operator.kube import kinds, naming

ENGINE = "vllm"
GUARD = "guard"
LEAVE_SECONDS = 5
"""Between a pod's end being decided and vLLM hearing of it: edges and Services must have stopped sending by then."""
SPARE_SECONDS = 15


def template(owner: naming.Owner, spec: api.Spec, settings: config.Config, asked: str = "") -> kinds.Object:
    """Return the pod template; `asked`: the upgrade annotation's value."""
    found = weights.weights(owner, spec, settings, asked, accelerators.image(spec, settings))
    return {
        "metadata": {
            "labels": {**spec.pod_metadata.labels, **naming.labels(owner.name, "server")},
            "annotations": {**spec.pod_metadata.annotations, "kubectl.kubernetes.io/default-container": ENGINE},
        },
        "spec": {
            **scheduling.account(spec, settings),
            **_placed(owner, spec),
            **scheduling.claims(spec),
            "automountServiceAccountToken": False,
            "enableServiceLinks": False,
            "securityContext": security.pod(settings, spec.security_context, writes_to_claim=claim.is_kept(spec)),
            "terminationGracePeriodSeconds": LEAVE_SECONDS + api.seconds(spec.engine.drain_timeout) + SPARE_SECONDS,
            "initContainers": [_guard(spec, settings), *found.before],
            "containers": [_engine(spec, settings, found)],
            "volumes": [
                *_scratch_volumes(disk.scratch(spec, settings)),
                _guard_volume(owner),
                *found.volumes,
                *security.ca_volumes(settings),
                *files.volumes(spec.engine),
            ],
        },
    }


def _placed(owner: naming.Owner, spec: api.Spec) -> kinds.Object:
    said = scheduling.scheduling(owner, spec.scheduling)
    return scheduling.beside(said, owner, must=True) if claim.is_on_one_node(spec) else said


def _guard(spec: api.Spec, settings: config.Config) -> kinds.Object:
    wanted, variables = spec.guard.resources, liveness.variables(spec)
    reserved, most = disk.amounts(disk.beside(settings), wanted.requests, wanted.limits)
    return {
        "name": GUARD,
        "image": settings.guard_image,
        "imagePullPolicy": "IfNotPresent",
        "restartPolicy": "Always",
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "args": list(guard.ARGUMENTS),
        **({"env": [{"name": name, "value": value} for name, value in variables.items()]} if variables else {}),
        "ports": [
            {"name": "http", "containerPort": guard.PUBLIC_PORT, "protocol": "TCP"},
            {"name": "private", "containerPort": guard.PRIVATE_PORT, "protocol": "TCP"},
        ],
        "resources": {
            "requests": _quantities(
                {"cpu": settings.guard_cpu, "memory": settings.guard_memory, **reserved, **(wanted.requests or {})}
            ),
            "limits": _quantities({"memory": settings.guard_memory_limit, **most, **(wanted.limits or {})}),
        },
        "securityContext": security.container(),
        "startupProbe": _probe(guard.LIVE_PATH, periodSeconds=1, failureThreshold=60),
        "livenessProbe": _probe(guard.LIVE_PATH, periodSeconds=30, failureThreshold=4),
        "volumeMounts": [
            {"name": "guard", "mountPath": guard.DIRECTORY, "readOnly": True},
            {"name": "run", "mountPath": guard.RUN_DIRECTORY},
        ],
    }


def _engine(spec: api.Spec, settings: config.Config, found: weights.Mounted) -> kinds.Object:
    return {
        "name": ENGINE,
        "image": accelerators.image(spec, settings),
        "imagePullPolicy": "IfNotPresent",
        "command": ["vllm", "serve"],
        "args": options.arguments(spec),
        "env": environment.environment(spec.engine, settings, spec.resources),
        "workingDir": found.directory,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "securityContext": security.container(),
        "startupProbe": _probe(
            guard.READY_PATH, periodSeconds=2, failureThreshold=max(1, api.seconds(spec.engine.startup_timeout) // 2)
        ),
        "readinessProbe": _probe(guard.READY_PATH, periodSeconds=2, failureThreshold=3),
        "livenessProbe": _alive(),
        "lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}},
        "volumeMounts": [*_scratch_mounts(), *found.mounts, *security.ca_mounts(settings), *files.mounts(spec.engine)],
        "resources": _resources(spec, settings),
    }


def _resources(spec: api.Spec, settings: config.Config) -> kinds.Object:
    """Return the resources of the engine's container; what is not set does not appear."""
    wanted, (reserved, most) = spec.resources, disk.of_engine(spec, settings)
    found: kinds.Object = {
        "limits": {**_quantities(wanted.limits), **most},
        "requests": {**_quantities(wanted.requests), **reserved},
        "claims": [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in wanted.claims or ()],
    }
    return {name: value for name, value in found.items() if value}


def _probe(path: str, **timing: int) -> kinds.Object:
    return {"httpGet": {"path": path, "port": guard.PRIVATE_PORT, "scheme": "HTTP"}, "timeoutSeconds": 10, **timing}


def _alive() -> kinds.Object:
    """Return the probe that has a server restarted: nobody waits for what one that hangs has begun."""
    name, value = guard.ALIVE_HEADER
    timing = {"periodSeconds": liveness.PERIOD, "failureThreshold": liveness.FAILURES}
    probe = _probe(guard.READY_PATH, **timing, terminationGracePeriodSeconds=LEAVE_SECONDS + SPARE_SECONDS)
    return {**probe, "httpGet": {**probe["httpGet"], "httpHeaders": [{"name": name, "value": value}]}}


def _quantities(amounts: Mapping[str, int | str] | None) -> dict[str, str]:
    return {name: quantity.canonical(amount) for name, amount in (amounts or {}).items()}


def _scratch_volumes(size: str) -> list[kinds.Object]:
    """Return where the engine and the guard may write; /dev/shm is in memory and counts towards the container's own limit."""
    return [
        {"name": "home", "emptyDir": {"sizeLimit": size}},
        {"name": "tmp", "emptyDir": {"sizeLimit": size}},
        {"name": "shm", "emptyDir": {"medium": "Memory", "sizeLimit": "64Gi"}},
        {"name": "run", "emptyDir": {"sizeLimit": "16Mi"}},
    ]


def _scratch_mounts() -> list[kinds.Object]:
    paths = {"home": environment.HOME, "tmp": "/tmp", "shm": "/dev/shm"}  # noqa: S108 - mount points of the pod's own volumes
    return [{"name": name, "mountPath": path} for name, path in paths.items()]


def _guard_volume(owner: naming.Owner) -> kinds.Object:
    items = [{"key": name, "path": name} for name in guard.FILES]
    return {"name": "guard", "secret": {"secretName": naming.guard_secret(owner.name), "items": items}}
