"""Small objects of a model, and the model itself, for tests of what reads and writes them."""

from typing import Any

from vllm_operator.kube import kinds, naming

MODEL = "vllm11"


def model(namespace: str = "models", name: str = MODEL) -> kinds.Object:
    """Return a ModelDeployment as an admin writes it."""
    return {
        "apiVersion": kinds.MODEL_DEPLOYMENT.api_version,
        "kind": kinds.MODEL_DEPLOYMENT.kind,
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"model": {"source": "file:///models/opt"}},
    }


def secret(owner: naming.Owner, name: str = "key", **data: str) -> kinds.Object:
    """Return a Secret; `data` is base64."""
    return naming.child(
        kinds.SECRET, owner, f"{owner.name}.{name}", "client", data=data or {"a": "QQ=="}, type="Opaque"
    )


def service(owner: naming.Owner, **spec: Any) -> kinds.Object:
    """Return a Service."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "targetPort": 8000}]
    spec = {"ports": ports, "selector": naming.selector(owner.name), "type": "ClusterIP", **spec}
    return naming.child(kinds.SERVICE, owner, owner.name, "server", spec=spec)


def deployment(owner: naming.Owner, replicas: int = 1, image: str = "engine:1", **env: str) -> kinds.Object:
    """Return a Deployment of one container."""
    container: kinds.Object = {"name": "vllm", "image": image, "ports": [{"containerPort": 8000, "protocol": "TCP"}]}
    if env:
        container["env"] = [{"name": name, "value": value} for name, value in env.items()]
    template = {"metadata": {"labels": naming.labels(owner.name, "server")}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": naming.selector(owner.name)}, "template": template}
    return naming.child(kinds.DEPLOYMENT, owner, owner.name, "server", spec=spec)


def revision(owner: naming.Owner, **data: Any) -> kinds.Object:
    """Return a ControllerRevision."""
    name = naming.template(owner.name)
    return naming.child(kinds.CONTROLLER_REVISION, owner, name, "template", data=data or {"inputs": "1"}, revision=1)


def pod(owner: naming.Owner, version: int, **status: Any) -> kinds.Object:
    """Return a pod as the API server tells of it."""
    labels = {**naming.labels(owner.name, "server"), naming.OWNER_LABEL: owner.uid}
    metadata = {"name": f"{owner.name}-0", "namespace": owner.namespace, "uid": "p", "labels": labels}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **metadata,
            "resourceVersion": str(version),
            "managedFields": [{"manager": "kubelet", "operation": "Update"}],
        },
        "spec": {
            "nodeName": "node",
            "initContainers": [{"name": "guard", "image": "envoy:1", "restartPolicy": "Always"}],
            "containers": [{"name": "vllm", "image": "engine:1"}],
        },
        "status": status,
    }


def made_by_deployment(model: str, template: str = "1") -> kinds.Object:
    """Return what the metadata of a pod says that the model's Deployment has made; `template`: the pod template's hash."""
    name = f"{model}-{template}"
    replica_set = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": name, "uid": name, "controller": True}
    return {
        "labels": {**naming.labels(model, "server"), "pod-template-hash": template},
        "ownerReferences": [replica_set],
    }
