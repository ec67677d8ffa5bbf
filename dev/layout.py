"""The embedded cluster's addresses, directories and files: what its inside (node.py) and its outside (embedded.py) agree on."""

import hashlib
import pathlib

from dev import paths

RUN = paths.CACHE / "run" / "cluster"  # this cluster's life: keys, logs, sockets; removed by `down`
STORE = paths.CACHE / "containerd"  # containerd's store: imported images survive the cluster
PKI = RUN / "pki"
AUTHORITY = RUN / "demo"  # what signs the certificate of the demo's model
LOGS = RUN / "logs"
PID_FILE = RUN / "pid"
READY_FILE = RUN / "ready"
KUBECONFIG = RUN / "kubeconfig"
CONTAINERD_SOCKET = RUN / "containerd.sock"

NODE = "vllm-operator"
INTERFACE = "vllm-operator0"  # the host's end of the only link into the cluster
NETWORK = "10.117.0.0/24"
HOST_ADDRESS = "10.117.0.1"
NODE_ADDRESS = "10.117.0.2"  # API server, edge and name server of the cluster
POD_NETWORK = "10.118.0.0/16"
SERVICE_NETWORK = "10.119.0.0/16"
HOST = "vllm11.byteshop.in"  # of the demo's model
LOCAL = ("localhost", "127.0.0.1", NETWORK, POD_NETWORK, SERVICE_NETWORK, ".svc", HOST)
API_PORT = 6443
CGROUP = f"vllm-operator-{hashlib.sha256(bytes(RUN)).hexdigest()[:6]}"  # another cache directory is another cluster
ACCELERATORS = 4


def log(name: str) -> pathlib.Path:
    """Return the log of a component."""
    return LOGS / f"{name}.log"


def kubeconfig(name: str) -> pathlib.Path:
    """Return the kubeconfig of a component; `admin` is the one that people get."""
    return KUBECONFIG if name == "admin" else PKI / f"{name}.kubeconfig"
